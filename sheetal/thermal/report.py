"""The words of an exposure report: what one sensor's readings say, and what each product would have made of them.

Standard library and msgspec only, so that the gateway can decode it. Times are epoch ms, temperatures centi-degrees;
`celsius` and `percent` values are floats for rendering. `what_if` names no holding: it holds and releases nothing.
"""

from __future__ import annotations

import msgspec

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import Side, Source


class ReportGap(msgspec.Struct, frozen=True):
    """Time without data between two readings further apart than the cap."""

    from_ms: int
    until_ms: int


class ReportRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run beyond a product-independent limit; minutes are whole, rounded down."""

    side: Side
    limit_centi_celsius: int
    inclusive: bool
    minutes_confirmed: int
    minutes_possible: int
    first_ms: int
    last_ms: int
    earliest_possible_start_ms: int
    extreme_centi_celsius: int
    open: bool


class ReportMkt(msgspec.Struct, frozen=True, kw_only=True):
    """Mean kinetic temperature over the whole report; `celsius` is None under 95 % coverage."""

    celsius: float | None
    coverage_percent: float
    note: str
    delta_h_kilojoules_per_mole: float


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """The finding a holding of this product would have had, standing there all the time.

    `rule`, its minutes and its source are of the first rule reached; without one, the minutes are those of the longest
    excursion noted.
    """

    product: str
    display_name: str
    finding: str
    reason: str
    rule: str | None
    minutes_confirmed: int
    minutes_possible: int
    source: Source | None
    what_if: bool = True


class ExposureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one sensor went through in [from_ms, until_ms)."""

    sensor: str
    from_ms: int
    until_ms: int
    readings: int
    first_ms: int | None
    last_ms: int | None
    cap_ms: int
    gaps: list[ReportGap]
    gaps_total: int
    minutes_unknown: int
    runs: list[ReportRun]
    runs_total: int
    mkt: ReportMkt
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    centi_celsius_mean: int | None
    day_summaries: list[DaySummary]
    what_if: list[WhatIf]
