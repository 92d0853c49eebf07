"""The steps of `show your work` beside the run: probe's margin, budgets, vial monitor, MKT, other grounds (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal import formats
from portal.cold_chain.work_words import Step, Words, confidence_words
from portal.language import marked
from sheetal.contracts.limits import Side
from sheetal.contracts.verdict import Ground

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.cold_chain.excursions import Excursion
    from sheetal.contracts.verdict import BudgetUse, MktUse, Proposal, SensorEvidence, Verdict, VvmUse

BORDERLINE_CENTI_CELSIUS = 50
PPM_WHOLE = 1_000_000
JOULES_PER_KILOJOULE = 1_000
PERMILLE = 1_000
GROUND_WORDS = {
    Ground.FROZEN: marked("Frozen, by the maker's own limit"),
    Ground.VVM_STAGE: marked("The vials' monitor was read at its discard point"),
    Ground.VVM_LIFE: marked("The vial monitor's life is used up, as computed"),
    Ground.EXPIRED: marked("The lot has expired"),
    Ground.OPEN_TOO_LONG: marked("Open longer than the programme allows"),
    Ground.STAGE_TOO_LONG: marked("Longer in its storage stage than the product allows"),
    Ground.PACKED_FROZEN: marked("Packed among ice packs straight from the freezer"),
}


def margin_steps(verdict: Verdict, one: Excursion | None) -> list[Step]:
    """How far beyond the limit the extreme lies, against what the probe can tell."""
    if one is None or one.run is None:
        return []
    extreme = one.run.extreme_centi_celsius
    beyond = abs(extreme - one.limit_centi_celsius)
    close = one.reached.borderline if one.reached is not None else beyond <= BORDERLINE_CENTI_CELSIUS
    facts: dict[str, object] = {"extreme": formats.temperature(extreme), "beyond": formats.temperature(beyond)}
    return [
        Step(
            Words(marked("Margin against the probe")),
            Words(marked("borderline") if close else marked("not borderline")),
            _probe(voucher_of(verdict, one.run.sensor), facts),
        )
    ]


def voucher_of(verdict: Verdict, sensor: str) -> SensorEvidence | None:
    """What vouches for a sensor in the last stay that it spoke for."""
    found = [known for stay in verdict.stays for known in stay.vouchers if known.sensor == sensor]
    return found[-1] if found else None


def budget_steps(budgets: Sequence[BudgetUse]) -> list[Step]:
    """How much of each cumulative limit has been used over all stays."""
    return [_budget(use) for use in budgets]


def vvm_steps(use: VvmUse | None, readings: int, language: str) -> list[Step]:
    """The life that the vials' monitors computedly have left; never a reading of the vial, and nothing without data."""
    if use is None:
        return []
    question = Words(marked("Vial monitor's life"))
    if not readings and use.stage is None:
        nothing = Words(marked("%(kind)s: no reading tells how warm it was"), {"kind": vvm_name(use.vvm_type)})
        return [Step(question, Words(marked("insufficient data")), nothing)]
    facts: dict[str, object] = {
        "kind": vvm_name(use.vvm_type),
        "worst": life_left(use.ppm_unknown_worst),
        "stage": use.stage,
    }
    why = marked(
        "%(kind)s, computed from the readings, not read off the vials. "
        "All unknown time at the warmest known: %(worst)s left"
    )
    if use.stage is not None:
        facts["when"] = formats.moment(use.stage_read_at_ms, language)
        why = marked(
            "%(kind)s, computed from the readings. All unknown time at the warmest known: %(worst)s left. "
            "A person read stage %(stage)s on %(when)s"
        )
    figure = Words(marked("%(left)s left"), {"left": life_left(use.ppm)})
    return [Step(question, figure, Words(why, facts))]


def life_left(ppm: int) -> str:
    """`93.1 %`: what is left of a monitor's life of which so many millionths are lost."""
    return formats.percent(max(0, PPM_WHOLE - ppm), PPM_WHOLE)


def vvm_name(vvm_type: str) -> str:
    """`VVM14`, as it is printed on vials."""
    return vvm_type if vvm_type.startswith("VVM") else f"VVM{vvm_type}"


def mkt_steps(use: MktUse | None) -> list[Step]:
    """The mean kinetic temperature: evidence, never a verdict."""
    if use is None:
        return []
    facts: dict[str, object] = {
        "energy": f"{use.joules_per_mole / JOULES_PER_KILOJOULE:g}",
        "coverage": formats.percent(use.coverage_permille, PERMILLE),
    }
    value = marked("insufficient data") if use.centi_celsius is None else formats.temperature(use.centi_celsius)
    why = Words(marked("Evidence, never a verdict. ΔH %(energy)s kJ/mol; %(coverage)s of the time is known"), facts)
    return [Step(Words(marked("Mean kinetic temperature")), Words(value), why)]


def proposal_steps(proposals: Sequence[Proposal], language: str) -> list[Step]:
    """Grounds that no run of readings gives."""
    why = marked("Source: %(source)s; confidence %(confidence)s.")
    return [
        Step(
            Words(GROUND_WORDS[one.ground]),
            Words(marked("since %(when)s"), {"when": formats.moment(one.since_ms, language)}),
            Words(why, {"source": one.source.citation, "confidence": confidence_words(one.source.confidence)}),
        )
        for one in proposals
    ]


def _probe(voucher: SensorEvidence | None, facts: dict[str, object]) -> Words:
    if voucher is not None and voucher.calibration_uncertainty_centi_celsius is not None:
        facts |= {
            "certificate": voucher.calibration_certificate or formats.NONE,
            "sure": formats.temperature(voucher.calibration_uncertainty_centi_celsius),
        }
        text = marked("Extreme %(extreme)s, %(beyond)s beyond the limit; calibration %(certificate)s: ±%(sure)s")
        return Words(text, facts)
    if voucher is not None and voucher.accuracy_centi_celsius is not None:
        facts["sure"] = formats.temperature(voucher.accuracy_centi_celsius)
        return Words(marked("Extreme %(extreme)s, %(beyond)s beyond the limit; its maker says ±%(sure)s"), facts)
    facts["sure"] = formats.temperature(BORDERLINE_CENTI_CELSIUS)
    text = marked(
        "Extreme %(extreme)s, %(beyond)s beyond the limit; no calibration recorded, PQS loggers have ±%(sure)s"
    )
    return Words(text, facts)


def _budget(use: BudgetUse) -> Step:
    rule = use.rule
    sign = formats.limit(rule.limit_centi_celsius, inclusive=rule.inclusive, cold=rule.side is Side.COLD)
    facts: dict[str, object] = {"used": formats.number(use.minutes_confirmed), "limit": formats.number(rule.minutes)}
    why = {"possible": formats.number(use.minutes_possible), "source": rule.source.citation}
    return Step(
        Words(marked("Used of a cumulative limit, %(sign)s"), {"sign": sign}),
        Words(marked("%(used)s of %(limit)s min"), facts),
        Words(marked("%(possible)s min possible, over all stays. Source: %(source)s"), dict(why)),
    )
