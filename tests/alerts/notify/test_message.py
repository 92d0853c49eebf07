from __future__ import annotations

from alerts.notify.message import REFERENCES_MAX, SENTENCES_MAX, message_of, reference_of, text_of
from tests.alerts.notify.told import told


def test_the_same_notices_make_the_same_message_in_any_order() -> None:
    one, other = told(1), told(2)
    assert message_of([one, other], "en") == message_of([one, other], "en")
    assert reference_of([one, other]) == reference_of([other, one]) == "N1 N2"


def test_many_notices_tell_a_few_and_count_the_rest() -> None:
    text = text_of([told(number) for number in range(SENTENCES_MAX + 4)])
    assert text.count("Nobody knows") == SENTENCES_MAX
    assert text.endswith("And 4 more.")
    assert "And" not in text_of([told(number) for number in range(SENTENCES_MAX)])


def test_a_contact_reads_its_own_language() -> None:
    hindi = message_of([told(7)] * (SENTENCES_MAX + 2), "hi")
    assert "होल्डिंग H-7" in hindi.body
    assert "और 2 सूचनाएँ" in hindi.body
    assert hindi.title.startswith("शीत शृंखला")
    assert message_of([told(7)], "xx").title == "Cold chain F-101"


def test_many_references_are_shortened_with_their_count() -> None:
    said = reference_of([told(number) for number in range(1, REFERENCES_MAX + 2)])
    assert said.startswith("N1 N2 ")
    assert said.endswith(f"… N{REFERENCES_MAX + 1} ({REFERENCES_MAX + 1})")


def test_one_urgent_notice_makes_it_urgent() -> None:
    calm = told(1, severity="digest")
    assert not message_of([calm], "en").is_urgent
    assert message_of([calm, told(2)], "en").is_urgent
