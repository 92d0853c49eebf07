"""Builds an exposure report from readings, day summaries and the catalogue; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import MINUTE_MS, Measure, Side
from sheetal.contracts.verdict import Finding, Ground
from sheetal.thermal.exposure import summarise
from sheetal.thermal.mkt import mean_kinetic
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.report import ExposureReport, ReportGap, ReportMkt, ReportRun, WhatIf
from sheetal.thermal.runs import Limit, cap_ms, gaps, samples_of
from sheetal.thermal.verdict import HALF_MS_PER_MINUTE, judge, limits_of, range_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.batch import DaySummary
    from sheetal.contracts.product import Product
    from sheetal.contracts.reading import Reading
    from sheetal.contracts.verdict import Reached, Run, Verdict
    from sheetal.thermal.exposure import Exposure
    from sheetal.thermal.runs import Gap, Sample

SIDES = (
    Limit(Side.COLD, -50, inclusive=True),
    Limit(Side.COLD, 200, inclusive=False),
    Limit(Side.HOT, 800, inclusive=False),
)
"""Freezing by the PQS device rule (≤ −0.5 °C), and outside the label's +2 to +8 °C, both ends in range."""
LINES_MAX = 500
GROUNDS = {
    Ground.FROZEN: "frozen beyond the maker's own limit",
    Ground.VVM_STAGE: "a vial monitor was read at its discard point",
    Ground.VVM_LIFE: "the computed life of its vial monitors is spent: read the vials",
    Ground.EXPIRED: "past the expiry date of its lot",
    Ground.OPEN_TOO_LONG: "open for longer than the programme allows",
    Ground.STAGE_TOO_LONG: "kept in its storage stage for longer than the product allows",
    Ground.PACKED_FROZEN: "packed among ice packs straight from the freezer",
}
FREEZING_CENTI_CELSIUS = 0
FREEZER_CENTI_CELSIUS = -1_000
"""Every source keeps frozen stock at −15 °C and colder; no refrigerator's log stays below −10 °C."""


def build_report(  # noqa: PLR0913, PLR0917 - the signature that the portal's API and the replay command share
    sensor: str,
    readings: Sequence[Reading],
    day_summaries: Sequence[DaySummary],
    products: Sequence[Product],
    from_ms: int,
    until_ms: int,
    interval_ms: int | None,
) -> ExposureReport:
    """The report on one sensor's readings in [from_ms, until_ms), in any order and with any repetitions.

    Lists keep their `LINES_MAX` longest entries; the totals beside them count all.
    """
    samples = [sample for sample in samples_of(readings) if from_ms <= sample[0] < until_ms]
    days = tuple(sorted(set(day_summaries), key=lambda day: (day.starts_at_ms, day.sequence)))
    longest_ms = cap_ms(samples, interval_ms)
    exposure = summarise(sensor, samples, longest_ms, SIDES)
    missing = gaps(samples, longest_ms)
    runs = [(limit, run) for limit, found in zip(SIDES, exposure.runs, strict=True) for run in found]
    return ExposureReport(
        sensor=sensor,
        from_ms=from_ms,
        until_ms=until_ms,
        readings=exposure.readings,
        first_ms=exposure.first.ms if exposure.first else None,
        last_ms=exposure.last.ms if exposure.last else None,
        cap_ms=longest_ms,
        gaps=_longest_gaps(missing),
        gaps_total=len(missing),
        minutes_unknown=(exposure.unknown_half_ms // 2 + _ends_unknown_ms(exposure, from_ms, until_ms)) // MINUTE_MS,
        runs=_longest_runs(runs),
        runs_total=len(runs),
        mkt=_mkt(exposure, from_ms, until_ms),
        centi_celsius_min=exposure.centi_celsius_min,
        centi_celsius_max=exposure.centi_celsius_max,
        centi_celsius_mean=round(exposure.centi_celsius_sum / exposure.readings) if exposure.readings else None,
        day_summaries=list(days[:LINES_MAX]),
        what_if=[
            _what_if(product, sensor, (samples, longest_ms, days), (from_ms, until_ms))
            for product in products
            if _may_have_stood_there(product, exposure)
        ],
    )


def _may_have_stood_there(product: Product, exposure: Exposure) -> bool:
    """Whether the question makes sense: nobody keeps frozen stock where it was never below freezing, or the reverse.

    A refrigerator that fails may freeze, so the reverse asks for a place that was never warmer than a freezer.
    """
    lowest, highest = exposure.centi_celsius_min, exposure.centi_celsius_max
    ends = range_limits(product)
    tops = [limit.limit_centi_celsius for limit in ends if limit.side is Side.HOT]
    if lowest is None or highest is None or not tops:
        return True
    is_frozen_stock = min(tops) <= FREEZING_CENTI_CELSIUS
    return lowest <= FREEZING_CENTI_CELSIUS if is_frozen_stock else highest > FREEZER_CENTI_CELSIUS


def _longest_gaps(missing: Sequence[Gap]) -> list[ReportGap]:
    longest = sorted(missing, key=lambda gap: (gap.from_ms - gap.until_ms, gap.from_ms))[:LINES_MAX]
    return [ReportGap(gap.from_ms, gap.until_ms) for gap in sorted(longest)]


def _longest_runs(runs: Sequence[tuple[Limit, Run]]) -> list[ReportRun]:
    longest = sorted(runs, key=lambda pair: (-pair[1].possible_half_ms, pair[1].first_ms, pair[0]))[:LINES_MAX]
    return [_run_line(limit, run) for limit, run in sorted(longest, key=lambda pair: (pair[1].first_ms, pair[0]))]


def _run_line(limit: Limit, run: Run) -> ReportRun:
    return ReportRun(
        side=run.side,
        limit_centi_celsius=run.limit_centi_celsius,
        inclusive=limit.inclusive,
        minutes_confirmed=run.confirmed_half_ms // HALF_MS_PER_MINUTE,
        minutes_possible=run.possible_half_ms // HALF_MS_PER_MINUTE,
        first_ms=run.first_ms,
        last_ms=run.last_ms,
        earliest_possible_start_ms=run.earliest_possible_start_ms,
        extreme_centi_celsius=run.extreme_centi_celsius,
        open=run.open,
    )


def _ends_unknown_ms(exposure: Exposure, from_ms: int, until_ms: int) -> int:
    """Time before the first and after the last reading, where it is longer than the cap."""
    if exposure.first is None or exposure.last is None:
        return until_ms - from_ms
    ends = (exposure.first.ms - from_ms, until_ms - exposure.last.ms)
    return sum(end for end in ends if end > exposure.first.cap_ms)


def _mkt(exposure: Exposure, from_ms: int, until_ms: int) -> ReportMkt:
    window_ms = until_ms - from_ms
    found = mean_kinetic(exposure.at, window_ms)
    return ReportMkt(
        celsius=None if found.centi_celsius is None else found.centi_celsius / 100,
        coverage_percent=round(50 * exposure.known_half_ms / window_ms, 1) if window_ms > 0 else 0.0,
        note=found.note,
        delta_h_kilojoules_per_mole=found.joules_per_mole / 1_000,
    )


def _what_if(
    product: Product,
    sensor: str,
    data: tuple[Sequence[Sample], int, tuple[DaySummary, ...]],
    span: tuple[int, int],
) -> WhatIf:
    samples, longest_ms, days = data
    trace = Trace(sensor, summarise(sensor, samples, longest_ms, limits_of(product)), days)
    first_ms = samples[0][0] if samples else span[0]
    life = Segment(0, "", EvidenceKind.LOGGER_FILE.value, first_ms, None, (trace,))
    verdict = judge("", product, [life], span[1])
    reached = verdict.reached[0] if verdict.reached else None
    longest = max(verdict.noted, key=lambda run: run.possible_half_ms, default=None)
    confirmed, possible = _minutes(reached, longest)
    return WhatIf(
        product=product.product,
        display_name=product.display_name,
        finding=verdict.finding.value,
        reason=reason_of(verdict),
        rule=reached.rule.rule if reached else None,
        minutes_confirmed=confirmed,
        minutes_possible=possible,
        source=reached.rule.source if reached else None,
    )


def _minutes(reached: Reached | None, longest: Run | None) -> tuple[int, int]:
    if reached is not None:
        return reached.minutes_confirmed, reached.minutes_possible
    if longest is not None:
        return longest.confirmed_half_ms // HALF_MS_PER_MINUTE, longest.possible_half_ms // HALF_MS_PER_MINUTE
    return 0, 0


def reason_of(verdict: Verdict) -> str:
    """One English sentence on why the finding is what it is; what people saw and the calendar come last."""
    grounds = list(dict.fromkeys(GROUNDS[one.ground] for one in verdict.proposals))
    if verdict.reached or grounds:
        return "; ".join([*map(_reason_of_hold, verdict.reached[:1]), *grounds])
    if verdict.finding is Finding.EXCURSION_NOTED:
        worst = max(verdict.noted, key=lambda run: run.possible_half_ms)
        return (
            f"outside {worst.limit_centi_celsius / 100:+.1f} °C ({worst.side.value}) for "
            f"{worst.confirmed_half_ms // HALF_MS_PER_MINUTE} min confirmed, "
            f"{worst.possible_half_ms // HALF_MS_PER_MINUTE} min possible: below every hold rule"
        )
    if not any(stay.readings for stay in verdict.stays) and verdict.known_through_ms is None:
        return "no data: nothing can be confirmed"
    return "within the labelled range in all that is known"


def _reason_of_hold(hit: Reached) -> str:
    rule = hit.rule
    words = {
        (Side.COLD, True): "at or below",
        (Side.COLD, False): "below",
        (Side.HOT, True): "at or above",
        (Side.HOT, False): "above",
    }
    how = "unbroken" if rule.measure is Measure.RUN else "together"
    margin = "; borderline, within 0.5 °C of the limit" if hit.borderline else ""
    return (
        f"{words[rule.side, rule.inclusive]} {rule.limit_centi_celsius / 100:+.1f} °C for {hit.minutes_confirmed} min "
        f"confirmed, {hit.minutes_possible} min possible, {how}; the rule holds at {rule.minutes} min{margin}"
    )
