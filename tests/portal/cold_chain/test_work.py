from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from portal.cold_chain import work
from portal.cold_chain.excursions import excursions_of
from portal.language import load_translations
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.verdict import Finding, Ground, Proposal
from sheetal.ledger.catalogue import load_catalogue
from sheetal.thermal.exposure import summarise
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.verdict import judge, limits_of

if TYPE_CHECKING:
    from sheetal.contracts.verdict import Verdict

MINUTE_MS = 60_000
START = 1_795_345_000_000
PRODUCTS = {product.product: product for product in load_catalogue(Path(__file__).parents[3] / "catalogue")}
COVISHIELD = PRODUCTS["covishield"]


def verdict_on(*values: int) -> Verdict:
    samples = [(START + n * MINUTE_MS, value) for n, value in enumerate(values)]
    trace = Trace("gw-01.x", summarise("gw-01.x", samples, 3 * MINUTE_MS, limits_of(COVISHIELD)), ())
    life = [Segment(1, "A-1", EvidenceKind.TELEMETRY.value, START, None, (trace,))]
    return judge("H-1", COVISHIELD, life, START + len(values) * MINUTE_MS)


def said(verdict: Verdict, language: str = "en") -> list[tuple[str, str, str]]:
    words = load_translations()[language]
    return [
        tuple(
            "" if part is None else words.gettext(part.text) % part.facts
            for part in (step.question, step.figure, step.why)
        )
        for step in work.steps(verdict, COVISHIELD, language)
    ]


FROZEN = verdict_on(*[400] * 30, *[-90] * 75, *[400] * 30)
SHORT = verdict_on(*[400] * 30, *[-90] * 20, *[400] * 30)
GOOD = verdict_on(*[400] * 60)


def test_a_hold_is_explained_from_rule_to_comparison() -> None:
    lines = said(FROZEN)
    assert lines[0][1].replace("\u00a0", " ") == "≤ −0.5 °C, 60 min unbroken"
    assert "WHO PQS" in lines[0][2]
    assert "decided by" in lines[0][2]
    figures = [figure for _, figure, _ in lines]
    assert figures[1:5] == ["135 readings", "74 min confirmed", "76 min possible", "0 min unknown"]
    assert lines[-1][:2] == ("74 min ≥ 60 min → hold at once", "Held")


def test_a_short_excursion_is_noted_and_does_not_hold() -> None:
    lines = said(SHORT)
    assert lines[-1][:2] == ("21 min < 60 min → excursion noted, no hold", "Usable")


def test_time_outside_the_label_alone_names_no_hold_rule() -> None:
    lines = said(verdict_on(*[400] * 30, *[100] * 40, *[400] * 30))
    assert lines[0][1] == "the label alone, no hold rule"
    assert lines[-1][1] == "Usable"


def test_a_watched_run_is_told_before_a_longer_unwatched_one() -> None:
    lines = said(verdict_on(*[400] * 30, *[100] * 40, *[-90] * 20, *[400] * 30))
    assert lines[0][1].replace("\u00a0", " ") == "≤ −0.5 °C, 60 min unbroken"


def test_another_excursion_can_be_asked_for() -> None:
    both = verdict_on(*[400] * 30, *[-90] * 75, *[400] * 30, *[900] * 20, *[400] * 9)
    found = excursions_of(both, COVISHIELD)
    heat = work.steps(both, COVISHIELD, "en", found[1])
    assert heat[0].figure.facts["minutes"] == 600
    assert heat[-1].question.text == "Another ground holds it, see above"


def test_a_good_history_says_so() -> None:
    lines = said(GOOD)
    assert lines[2][:2] == ("Longest time beyond a limit", "none")
    assert lines[-1][:2] == ("No hold rule was reached", "Usable")


def test_without_data_nothing_is_judged() -> None:
    assert said(verdict_on())[-1][:2] == ("No data yet → not judged", "Not judged")


@pytest.mark.parametrize("verdict", [FROZEN, SHORT, GOOD])
def test_confirmed_possible_and_unknown_stay_apart(verdict: Verdict) -> None:
    questions = [question for question, _, _ in said(verdict)]
    assert questions.count("Time without data") == 1
    if verdict.noted or verdict.reached:
        assert questions.index("Time beyond the limit") < questions.index("Longest it can have been")


def test_hindi_has_hindi_months_and_names() -> None:
    lines = said(FROZEN, "hi")
    assert "कोविशील्ड" in lines[0][2]
    assert "नव॰" in lines[2][2]
    assert lines[-1][1] == "रोका गया"


def test_where_it_stood_is_said_of_one_stay_and_counted_of_several() -> None:
    (stay,) = GOOD.stays
    assert said(GOOD)[1][2].startswith("Stay in A-1 since ")
    ended = replace(GOOD, stays=[replace(stay, until_ms=START + 60 * MINUTE_MS)])
    assert " to " in said(ended)[1][2]
    assert said(replace(GOOD, stays=[stay, stay]))[1][2] == "Stays: 2; sensors: gw-01.x"
    written = replace(stay, evidence_kind="twice_daily", readings=0, sensors=[])
    assert said(replace(GOOD, stays=[written]))[1][2].startswith("The twice-daily record of A-1")


def test_a_loggers_own_count_is_told_as_such() -> None:
    (hit,) = FROZEN.reached
    assert hit.run is not None
    counted = replace(FROZEN, reached=[replace(hit, run=replace(hit.run, samples=0))])
    assert said(counted)[2][2].startswith("Between ")
    assert "itself counted it" in said(counted)[2][2]


def test_a_ground_that_is_certain_proposes_to_condemn() -> None:
    source = COVISHIELD.hold_rules[0].source
    ground = Proposal(ground=Ground.EXPIRED, condemns=True, since_ms=START, compromised_from_ms=START, source=source)
    lines = said(replace(GOOD, finding=Finding.PROPOSED_CONDEMNED, proposals=[ground]))
    assert lines[-2][0] == "The lot has expired"
    assert lines[-1][1] == "Proposed: condemn"
    held = said(replace(GOOD, finding=Finding.HOLD, proposals=[replace(ground, condemns=False)]))
    assert held[-1][:2] == ("Another ground holds it, see above", "Held")


def test_a_limit_in_words_says_whether_its_end_counts() -> None:
    freeze = next(rule for rule in COVISHIELD.hold_rules if rule.limit_centi_celsius < 0)
    found = work.limit_words(freeze)
    assert (found.text % found.facts).replace("\u00a0", " ") == "at or below −0.5 °C"
