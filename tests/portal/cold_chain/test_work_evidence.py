from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from portal.cold_chain import work_evidence
from portal.cold_chain.excursions import excursions_of
from portal.language import load_translations
from sheetal.contracts.limits import HoldRule, Measure, Side, Source
from sheetal.contracts.verdict import BudgetUse, Ground, MktUse, Proposal, SensorEvidence, VvmUse
from tests.portal.cold_chain.test_excursions import COVISHIELD, FROZEN, GOOD, START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.cold_chain.work_words import Step
    from sheetal.contracts.verdict import Verdict

SOURCE = Source(citation="a published constant", confidence="high")
VOUCHER = SensorEvidence(sensor="gw-01.x", position="coldest", accuracy_centi_celsius=50)


def said(steps: Sequence[Step], language: str = "en") -> list[tuple[str, str, str]]:
    words = load_translations()[language]
    return [
        tuple(
            "" if part is None else (words.gettext(part.text) % part.facts).replace("\u00a0", " ")
            for part in (step.question, step.figure, step.why)
        )
        for step in steps
    ]


def vouched(by: SensorEvidence | None) -> Verdict:
    (stay,) = FROZEN.stays
    return replace(FROZEN, stays=[replace(stay, vouchers=[by] if by else [])])


def margin(verdict: Verdict) -> tuple[str, str, str]:
    (only,) = said(work_evidence.margin_steps(verdict, excursions_of(verdict, COVISHIELD)[0]))
    return only


def test_the_margin_is_told_against_the_calibration() -> None:
    calibrated = replace(VOUCHER, calibration_certificate="CAL-0931", calibration_uncertainty_centi_celsius=30)
    assert margin(vouched(calibrated)) == (
        "Margin against the probe",
        "borderline",
        "Extreme −0.9 °C, 0.4 °C beyond the limit; calibration CAL-0931: ±0.3 °C",
    )


def test_without_a_calibration_the_makers_word_counts_and_without_that_the_standards() -> None:
    assert margin(vouched(VOUCHER))[2].endswith("its maker says ±0.5 °C")
    assert margin(vouched(replace(VOUCHER, accuracy_centi_celsius=None)))[2].endswith("PQS loggers have ±0.5 °C")
    assert margin(vouched(None))[2].endswith("PQS loggers have ±0.5 °C")


def test_a_run_that_did_not_hold_is_borderline_by_its_own_extreme() -> None:
    heat = excursions_of(FROZEN, COVISHIELD)[1]
    (step,) = said(work_evidence.margin_steps(FROZEN, heat))
    assert step[1] == "not borderline"
    assert work_evidence.margin_steps(GOOD, None) == []


def test_the_last_stay_of_a_sensor_says_who_vouches() -> None:
    (stay,) = FROZEN.stays
    later = replace(VOUCHER, position="warmest")
    verdict = replace(FROZEN, stays=[replace(stay, vouchers=[VOUCHER]), replace(stay, vouchers=[later])])
    assert work_evidence.voucher_of(verdict, "gw-01.x") is later
    assert work_evidence.voucher_of(verdict, "gw-01.other") is None


def test_a_budget_tells_used_and_possible_minutes_with_its_source() -> None:
    rule = HoldRule(
        rule="together",
        side=Side.HOT,
        limit_centi_celsius=800,
        inclusive=False,
        measure=Measure.CUMULATIVE,
        minutes=1440,
        source=SOURCE,
    )
    use = BudgetUse(rule=rule, minutes_confirmed=310, minutes_possible=355)
    assert said(work_evidence.budget_steps([use])) == [
        (
            "Used of a cumulative limit, > +8.0 °C",
            "310 of 1,440 min",
            "355 min possible, over all stays. Source: a published constant",
        )
    ]


def monitor(**facts: object) -> VvmUse:
    plain = VvmUse(
        vvm_type="14", ppm=69_000, ppm_unknown_worst=80_000, stage=None, stage_read_at_ms=None, source=SOURCE
    )
    return replace(plain, **facts)


def test_a_monitors_life_is_told_as_a_computation() -> None:
    (step,) = said(work_evidence.vvm_steps(monitor(), 9, "en"))
    assert step[1] == "93.1 % left"
    assert "VVM14, computed from the readings, not read off the vials" in step[2]
    assert step[2].endswith("at the warmest known: 92.0 % left")
    (read,) = said(work_evidence.vvm_steps(monitor(stage=2, stage_read_at_ms=START), 0, "en"))
    assert "A person read stage 2 on" in read[2]
    (spent,) = said(work_evidence.vvm_steps(monitor(ppm=1_200_000), 9, "en"))
    assert spent[1] == "0.0 % left"
    assert work_evidence.vvm_steps(None, 9, "en") == []
    (nothing,) = said(work_evidence.vvm_steps(monitor(), 0, "en"))
    assert nothing[1:] == ("insufficient data", "VVM14: no reading tells how warm it was")


@pytest.mark.parametrize(("written", "name"), [("14", "VVM14"), ("VVM30", "VVM30")])
def test_a_monitors_type_is_named_as_on_the_vial(written: str, name: str) -> None:
    assert work_evidence.vvm_name(written) == name


def test_a_kinetic_mean_is_evidence_with_its_coverage() -> None:
    use = MktUse(centi_celsius=412, joules_per_mole=83_144, coverage_permille=992, note="")
    (step,) = said(work_evidence.mkt_steps(use))
    assert step[1:] == ("4.1 °C", "Evidence, never a verdict. ΔH 83.144 kJ/mol; 99.2 % of the time is known")
    (little,) = said(work_evidence.mkt_steps(replace(use, centi_celsius=None)))
    assert little[1] == "insufficient data"
    assert work_evidence.mkt_steps(None) == []


@pytest.mark.parametrize("language", ["en", "hi"])
def test_every_ground_has_words_and_its_source(language: str) -> None:
    grounds = [
        Proposal(ground=ground, condemns=False, since_ms=START, compromised_from_ms=None, source=SOURCE)
        for ground in Ground
    ]
    told = said(work_evidence.proposal_steps(grounds, language), language)
    assert len({question for question, _, _ in told}) == len(Ground)
    assert all("a published constant" in why for _, _, why in told)
    if language == "hi":
        english = said(work_evidence.proposal_steps(grounds, "en"))
        assert all(one[0] != other[0] for one, other in zip(told, english, strict=True))
