"""Limits as data: no limit without a source (DESIGN promise 7)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class Side(StrEnum):
    """Which side of the range was left; hot and cold never share an accumulator."""

    COLD = "cold"
    HOT = "hot"


class Measure(StrEnum):
    """Whether a rule counts one unbroken run or all minutes together."""

    RUN = "run"
    CUMULATIVE = "cumulative"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a number comes from; `confidence` is high, medium or low; `default_of` names a programme's own choice."""

    citation: str
    confidence: str
    default_of: str | None = None
    decided_by: str | None = None


class HoldRule(msgspec.Struct, frozen=True, kw_only=True):
    """Time beyond one limit that holds stock.

    `inclusive` counts a value exactly on the limit as beyond it; the rule is reached at `minutes` or more. It judges
    the storage stage that `stage` names, the product's first one where that is None.
    """

    rule: str
    side: Side
    limit_centi_celsius: int
    inclusive: bool
    measure: Measure
    minutes: int
    source: Source
    stage: str | None = None

    def violated_by(self, centi_celsius: int) -> bool:
        """Whether one sample lies beyond the limit."""
        if centi_celsius == self.limit_centi_celsius:
            return self.inclusive
        return (centi_celsius < self.limit_centi_celsius) == (self.side is Side.COLD)


class StorageRange(msgspec.Struct, frozen=True, kw_only=True):
    """The labelled range of one stage, both ends in range."""

    stage: str
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    source: Source
