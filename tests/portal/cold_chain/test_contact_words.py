from __future__ import annotations

import pytest

from portal.cold_chain.contact_words import CHANNELS, HEARS, REFUSALS, clock_of, minute_of, minutes_of, refusal
from portal.errors import FieldProblem
from sheetal.ledger.contacts import SCHEMES, ChannelKind, Hears


def test_everything_a_contact_may_be_has_a_word() -> None:
    assert set(HEARS) == set(Hears)
    assert set(CHANNELS) == set(ChannelKind) == set(SCHEMES.values())


def test_a_refusal_is_told_at_its_field() -> None:
    found = refusal("bad_address")
    assert found is not None
    assert (found.field, found.message) == (REFUSALS["bad_address"][1], REFUSALS["bad_address"][0])
    assert refusal("something_else") is None
    assert refusal(None) is None


@pytest.mark.parametrize(
    ("typed", "is_end", "minute"),
    [("00:00", False, 0), ("00:00", True, 1440), ("22:05", True, 1325), (" 08:30 ", False, 510)],
)
def test_a_time_is_a_minute_of_the_day(typed: str, minute: int, *, is_end: bool) -> None:
    assert minute_of(typed, is_end=is_end) == minute


@pytest.mark.parametrize("typed", ["", "24:00", "8:30", "08:60", "08:30:00", "٠٨:٣٠"])
def test_what_is_no_time_is_a_problem_at_its_field(typed: str) -> None:
    for is_end, field in ((False, "from"), (True, "until")):
        with pytest.raises(FieldProblem) as problem:
            minute_of(typed, is_end=is_end)
        assert problem.value.field == field


def test_minutes_are_shown_as_a_clock_does() -> None:
    assert [clock_of(minute) for minute in (0, 510, 1440)] == ["00:00", "08:30", "24:00"]


@pytest.mark.parametrize("typed", ["", "-1", "1.5", "x", "100000", "१५", "²"])
def test_what_is_no_number_of_minutes_is_a_problem(typed: str) -> None:
    assert minutes_of(" 15 ") == 15
    with pytest.raises(FieldProblem):
        minutes_of(typed)
