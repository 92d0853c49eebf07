from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from portal.cold_chain import excursions, verdict_words
from portal.cold_chain.verdicts import Shown, TableRow
from portal.language import load_translations
from sheetal.contracts.verdict import Finding, Ground, Proposal
from tests.portal.cold_chain.test_excursions import COVISHIELD, FROZEN, GOOD, START, verdict_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.contracts.verdict import Verdict

NBSP = "\u00a0"


def say_in(language: str) -> Callable[..., str]:
    words = load_translations()[language]

    def say(text: str, **facts: object) -> str:
        told = words.gettext(text)
        return (told % facts if facts else told).replace(NBSP, " ")

    return say


SAY = say_in("en")


def line(verdict: Verdict) -> str:
    return verdict_words.headline(verdict, excursions.pick(excursions.excursions_of(verdict, COVISHIELD), 1), SAY)


def test_a_headline_says_why() -> None:
    assert line(FROZEN) == "Frozen: at or below −0.5 °C for 74 min, limit 60 min"
    assert line(GOOD) == "Within its limits in all that is known"
    assert line(verdict_on()) == "Nothing is known of it yet"
    warm = verdict_on(*[400] * 9, *[900] * 9, *[400] * 9)
    assert line(warm) == "> +8.0 °C for at most 10 min; the rule holds at 600 min"
    cool = verdict_on(*[400] * 9, *[100] * 9, *[400] * 9)
    assert line(cool) == "Outside the limits for a while, below every hold rule"
    source = COVISHIELD.hold_rules[0].source
    ground = Proposal(ground=Ground.EXPIRED, condemns=True, since_ms=START, compromised_from_ms=START, source=source)
    assert line(replace(GOOD, finding=Finding.PROPOSED_CONDEMNED, proposals=[ground])) == "The lot has expired"


@pytest.mark.parametrize("words", [verdict_words.FINDING_WORDS, verdict_words.FUSION_WORDS])
def test_every_code_has_a_hindi_word(words: dict[str, object]) -> None:
    hindi = say_in("hi")
    for word in words.values():
        text = word[1] if isinstance(word, tuple) else str(word)
        assert hindi(text) != text
    assert set(verdict_words.FINDING_WORDS) == set(Finding)


def test_a_run_is_named_over_its_bracket() -> None:
    (held, heat, *_) = excursions.excursions_of(
        verdict_on(*[400] * 30, *[-90] * 75, *[400] * 30, *[900] * 20, *[400] * 9), COVISHIELD
    )
    assert verdict_words.run_line(held, SAY).startswith("74 min confirmed, ")
    assert " to " in verdict_words.run_line(held, SAY)
    assert verdict_words.run_line(held, SAY, short=True) == "74 min confirmed"
    assert held.run is not None
    counted = dataclasses.replace(held, run=replace(held.run, samples=0))
    assert verdict_words.run_line(counted, SAY) == "76 min possible", "a device's own count tells no instants"
    assert verdict_words.limit_of(held).replace(NBSP, " ") == "≤ −0.5 °C"
    assert verdict_words.limit_of(heat).replace(NBSP, " ") == "> +8.0 °C"


def test_an_end_of_the_label_is_itself_in_range() -> None:
    (only,) = excursions.excursions_of(verdict_on(*[400] * 9, *[100] * 9, *[400] * 9), COVISHIELD)
    assert only.rule is None
    assert verdict_words.limit_of(only).replace(NBSP, " ") == "< +2.0 °C"


def test_the_chart_is_told_to_those_who_do_not_see_it() -> None:
    shown = Shown(
        [],
        None,
        table=[TableRow(START, -180, 400, 9), TableRow(START, 200, 520, 9)],
        sensor="gw-01.x",
        from_ms=START,
        until_ms=START + 3_600_000,
    )
    line = verdict_words.chart_line(shown, "en", SAY).replace(NBSP, " ")
    assert line.startswith("Temperature of gw-01.x from ")
    assert line.endswith("lowest −1.8 °C, highest 5.2 °C")


@pytest.mark.parametrize(("centi", "said"), [(200, "+2"), (0, "0"), (-400, "−4"), (1000, "+10")])
def test_the_axis_counts_whole_degrees(centi: int, said: str) -> None:
    assert verdict_words.whole_degrees(centi) == said


@pytest.mark.parametrize(("spent", "said"), [(0, "0.1"), (40, "0.1"), (380, "0.4"), (1_230, "1.2"), (12_000, "12.0")])
def test_time_spent_is_never_nothing(spent: int, said: str) -> None:
    assert verdict_words.seconds(spent) == said


def test_limits_are_written_with_their_sign() -> None:
    assert verdict_words.signed(800).replace(NBSP, " ") == "+8.0 °C"
    assert verdict_words.signed(-50).replace(NBSP, " ") == "−0.5 °C"


def test_a_run_over_midnight_names_its_days_and_groups_its_minutes() -> None:
    (held, *_) = excursions.excursions_of(verdict_on(*[400] * 30, *[-90] * 2_000, *[400] * 9), COVISHIELD)
    assert held.run is not None
    told = verdict_words.run_line(held, SAY)
    assert told.startswith("1,999 min confirmed, ")
    first, _, last = told.removeprefix("1,999 min confirmed, ").partition(" to ")
    assert first.split()[:2] != last.split()[:2], "two days"
    assert len(first.split()) == len(last.split()) == 3


def test_usable_stock_of_which_nothing_is_known_is_not_judged() -> None:
    nothing = verdict_on()
    assert nothing.finding is Finding.USABLE
    assert verdict_words.finding_words(nothing) == ("nodata", "Not judged")
    assert verdict_words.finding_words(GOOD) == verdict_words.FINDING_WORDS[GOOD.finding]
    expired = replace(nothing, finding=Finding.PROPOSED_CONDEMNED)
    assert verdict_words.finding_words(expired)[0] == "stop"
