from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portal.language import load_translations
from portal.vaccinator import words
from portal.vaccinator.schemas import Answer, Instead
from sheetal.contracts.disposition import RefusalReason
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS, Side
from sheetal.contracts.problem import Refused
from tests.portal.clinic import frozen, reached
from tests.portal.conftest import NOW_MS

if TYPE_CHECKING:
    from sheetal.contracts.verdict import Verdict

LANGUAGES = ("en", "hi")
DEVANAGARI = re.compile("[\u0900-\u097f]")
WORDS = load_translations()
INSTEAD = Instead("H-2", "covishield/CS-2302", "CS-2302", 180, "ILR-2", NOW_MS)
OF_PERSON = (
    "wrong_code",
    "too_many_codes",
    "too_young",
    "wrong_dose_number",
    "too_early",
    "already_given",
    "session_closed",
    "other_request",
)


def speaker(language: str) -> words.Speaker:
    def translate(text: str, **facts: object) -> str:
        said = WORDS[language].gettext(text)
        return said % facts if facts else said

    return words.Speaker(translate, language, NOW_MS)


def answer(verdict: Verdict | None = None, instead: Instead | None = None) -> Answer:
    return Answer(holding="H-1", lot="covishield/CS-2301", batch="CS-2301", verdict=verdict, take_instead=instead)


def refused(reason: str, **facts: object) -> Refused:
    return Refused("No holding of this lot is issued to this session.", reason=reason, **facts)


def told(reason: str, language: str = "en", of: Answer | None = None, **facts: object) -> words.Told:
    return words.told(of or answer(), refused(reason, **facts), speaker(language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*RefusalReason, words.SCAN_LABEL])
def test_every_reason_has_its_title_sentence_and_next_step_in_both_languages(reason: str, language: str) -> None:
    said = told(reason, language)
    texts = [said.title, said.detail, *said.steps]
    assert said.reason == reason
    assert said.steps
    for text in texts:
        assert text.strip()
        assert "%(" not in text
        assert bool(DEVANAGARI.search(text)) == (language == "hi"), text


def test_no_two_reasons_say_the_same() -> None:
    said = [(one.title, one.detail, tuple(one.steps)) for one in (told(reason) for reason in RefusalReason)]
    assert len(set(said)) == len(RefusalReason)


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_the_last_step_is_the_holding_below_or_a_call(reason: str) -> None:
    assert told(reason).steps[-1] == words.CALL
    assert told(reason, of=answer(instead=INSTEAD)).steps[-1] == words.TAKE_BELOW


def test_what_cannot_be_confirmed_stays_in_the_carrier_and_what_is_held_goes_into_the_box() -> None:
    for reason in RefusalReason:
        said = told(reason)
        assert said.cannot_confirm == (reason in words.CANNOT_CONFIRM)
        assert (words.KEEP_IN_CARRIER in said.steps) == said.cannot_confirm
        assert (words.PUT_ASIDE in said.steps) == (reason is RefusalReason.HELD)


@pytest.mark.parametrize(
    ("language", "title", "detail"),
    [
        ("en", "Frozen on 22 Nov", "Lot CS-2301 was at −1.8 °C. It was freezing for 74 min; the limit is 60."),
        ("hi", "22 नव॰ को जम गई", "लॉट CS-2301 का तापमान −1.8 °C तक गया। 74 मिनट जमी रही; सीमा 60।"),
    ],
)
def test_a_frozen_holding_says_when_how_far_and_how_long(language: str, title: str, detail: str) -> None:
    said = told(RefusalReason.HELD, language, answer(frozen("H-1", NOW_MS - 20 * HOUR_MS)))
    assert said.title.replace("\u00a0", " ") == title
    assert said.detail.replace("\u00a0", " ") == detail


def test_a_hold_by_possible_minutes_does_not_claim_more_than_is_known() -> None:
    said = told(RefusalReason.HELD, of=answer(frozen("H-1", NOW_MS, confirmed=41, possible=63)))
    assert "may have been freezing for 63 min; the limit is 60" in said.detail


def test_heat_is_told_as_heat() -> None:
    warm = frozen("H-1", NOW_MS)
    warm = type(warm)(**{name: getattr(warm, name) for name in warm.__struct_fields__} | {"reached": [HOT]})
    said = told(RefusalReason.HELD, of=answer(warm))
    assert said.title.startswith("Too warm on ")
    assert "12.4" in said.detail
    assert "was too warm for 700 min" in said.detail


HOT = reached(Side.HOT, NOW_MS, 700, 710)


def test_a_sum_without_a_run_says_so() -> None:
    said = told(RefusalReason.HELD, of=answer(frozen("H-1", NOW_MS, in_sum=True)))
    assert (said.title, "76 min in all" in said.detail) == ("Too cold for too long", True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hold_by_a_person_waits_for_a_person(language: str) -> None:
    said = told(RefusalReason.HELD, language)
    assert said.title == speaker(language).translate("Held")
    assert "%" not in said.detail


def test_old_data_says_how_old_and_for_how_long_it_counts() -> None:
    facts = {"known_through_ms": NOW_MS - 82 * MINUTE_MS, "known_bound_ms": HOUR_MS}
    said = told(RefusalReason.DATA_TOO_OLD, **facts).detail.replace("\u00a0", " ")
    assert said == "The newest temperature is 1 h 22 min old. It counts for 1 h."
    assert told(RefusalReason.DATA_TOO_OLD).detail == "No temperature is known here yet."


def test_a_silent_engine_says_since_when() -> None:
    said = told(RefusalReason.ENGINE_SILENT, judged_through_ms=NOW_MS - 19 * MINUTE_MS).detail.replace("\u00a0", " ")
    assert said == "Nothing has been judged for 19 min. A judgement counts for 10 min."
    assert told(RefusalReason.ENGINE_SILENT).detail == "Nothing has been judged here yet."


def test_a_gap_says_since_when_and_that_waiting_does_not_help() -> None:
    said = told(RefusalReason.GAP, gap_open_from_ms=NOW_MS - HOUR_MS)
    assert "23\u00a0Nov 13:50" in said.detail
    assert words.TRY_AGAIN not in said.steps


@pytest.mark.parametrize("reason", OF_PERSON)
def test_what_concerns_the_person_never_sends_the_vial_to_the_box(reason: str) -> None:
    problem = Refused("It is too early for this dose.", next_step="Book a later day.", reason=reason)
    said = words.told(answer(instead=INSTEAD), problem, speaker("hi"))
    assert not words.is_of_vial(problem)
    assert (said.title, said.detail, said.steps) == ("इस खुराक का समय अभी नहीं हुआ।", "", ["बाद का दिन चुनें।"])


def test_too_early_says_the_day() -> None:
    said = told("too_early", due_on="2026-11-27")
    assert said.detail.replace("\u00a0", " ") == "It is due on 27 Nov 2026."
    assert said.steps == []


def test_an_ambiguous_lot_says_which_way_and_takes_nothing_instead() -> None:
    said = told(words.SCAN_LABEL, of=answer(instead=INSTEAD))
    assert said.detail == "No holding of this lot is issued to this session."
    assert said.steps == ["Scan the label on the holding's box, not the vial."]


@pytest.mark.parametrize(("language", "word"), [("en", "USE"), ("hi", "उपयोग करें")])
def test_an_open_gate_is_one_word(language: str, word: str) -> None:
    said = words.use(speaker(language))
    assert (said.title, said.reason, said.detail, said.steps) == (word, "", "", [])


def test_a_refusal_without_reason_is_told_by_its_code() -> None:
    assert words.reason_of(Refused("no")) == "refused"
    assert replace(told("already_given"), title="") != told("already_given")
