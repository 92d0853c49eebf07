"""What the verdict tests start from: traces and segments told in minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.thermal.exposure import summarise
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.verdict import judge, limits_of

if TYPE_CHECKING:
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Verdict

MINUTE = 60_000
T0 = 1_780_000_000_000
TVC, TOP = "gw-01.tvc", "gw-01.top"


def at(minute: float) -> int:
    return T0 + round(minute * MINUTE)


def trace(product: Product, sensor: str, *pieces: tuple[int, int, int], every: int = 1) -> Trace:
    """Each piece is (from minute, to minute inclusive, centi-degrees)."""
    samples = [(at(m), value) for first, last, value in pieces for m in range(first, last + 1, every)]
    return Trace(sensor, summarise(sensor, samples, 3 * every * MINUTE, limits_of(product)))


def segment(first: float, last: float | None, *traces: Trace, stay: int = 1, appliance: str = "A-1") -> Segment:
    return Segment(stay, appliance, "telemetry", at(first), None if last is None else at(last), traces)


def judged(product: Product, *segments: Segment) -> Verdict:
    return judge("H-1", product, segments, at(10_000))
