"""Unbroken spans beyond one limit, in a series of (epoch ms, centi-degrees); integers only, standard library only.

One time rule for the whole house: the span between two successive readings at most `cap` apart is known and belongs
half to each; a longer one is a gap, and its time is UNKNOWN. Durations are in half-milliseconds so that halves stay
exact.

    ok ──── bad ═════ bad ═════ bad ──── ok            ═ confirmed: both ends beyond the limit
       ╌╌╌╌╌                       ╌╌╌╌                ╌ possible as well: the adjoining spans, capped
    ok ──── bad ═════ bad              …gap…  bad      a gap ends the run; silence adds at most one cap to possible
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median_low
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sheetal.contracts.limits import HoldRule, Side
from sheetal.contracts.verdict import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.contracts.reading import Reading

CAP_INTERVALS = 3

Sample = tuple[int, int]


class Beyond(Protocol):
    """A limit that a sample can lie beyond; `HoldRule` and `Limit` are both."""

    @property
    def side(self) -> Side:
        """Which side of the limit is beyond it."""

    @property
    def limit_centi_celsius(self) -> int:
        """The limit."""

    def violated_by(self, centi_celsius: int) -> bool:
        """Whether one sample lies beyond the limit."""


class Limit(NamedTuple):
    """A bare limit, without minutes; `inclusive` counts a value exactly on it as beyond it."""

    side: Side
    limit_centi_celsius: int
    inclusive: bool

    def violated_by(self, centi_celsius: int) -> bool:
        """Whether one sample lies beyond the limit."""
        if centi_celsius == self.limit_centi_celsius:
            return self.inclusive
        return (centi_celsius < self.limit_centi_celsius) == (self.side is Side.COLD)


class Gap(NamedTuple):
    """Time without data between two successive readings, from the earlier to the later one."""

    from_ms: int
    until_ms: int


def limit_of(rule: HoldRule) -> Limit:
    """The limit that a hold rule measures against."""
    return Limit(rule.side, rule.limit_centi_celsius, rule.inclusive)


def samples_of(readings: Iterable[Reading]) -> list[Sample]:
    """The valid readings in order of time, one an instant.

    A fault is no data. The store keeps one value an instant; should two come, the colder one stands in any order.
    """
    coldest: dict[int, int] = {}
    for reading in readings:
        if reading.centi_celsius is not None and reading.quality == 0:
            known = coldest.get(reading.measured_at_ms, reading.centi_celsius)
            coldest[reading.measured_at_ms] = min(known, reading.centi_celsius)
    return sorted(coldest.items())


def cap_ms(samples: Sequence[Sample], interval_ms: int | None) -> int:
    """The longest span that still counts as data: three nominal intervals, else three median spacings of the rows."""
    if interval_ms is not None:
        return CAP_INTERVALS * interval_ms
    spacings = [later - earlier for (earlier, _), (later, _) in pairwise(samples)]
    return CAP_INTERVALS * median_low(spacings) if spacings else 0


def gaps(samples: Sequence[Sample], longest_ms: int) -> list[Gap]:
    """The spans longer than `longest_ms`."""
    spans = pairwise(ms for ms, _ in samples)
    return [Gap(earlier, later) for earlier, later in spans if later - earlier > longest_ms]


def find_runs(sensor: str, samples: Sequence[Sample], limit: Beyond, longest_ms: int) -> list[Run]:
    """Every run beyond the limit in a sorted series; `longest_ms` is the cap on a span."""
    return [_measure(sensor, samples, bounds, limit, longest_ms) for bounds in _stretches(samples, limit, longest_ms)]


def _stretches(samples: Sequence[Sample], limit: Beyond, longest_ms: int) -> list[tuple[int, int]]:
    """First and last index of each unbroken stretch of violating samples; a good sample or a gap breaks it."""
    found: list[tuple[int, int]] = []
    for index, (ms, centi_celsius) in enumerate(samples):
        if not limit.violated_by(centi_celsius):
            continue
        if found and found[-1][1] == index - 1 and ms - samples[index - 1][0] <= longest_ms:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


def _measure(
    sensor: str,
    samples: Sequence[Sample],
    bounds: tuple[int, int],
    limit: Beyond,
    longest_ms: int,
) -> Run:
    first, last = bounds
    first_ms, last_ms = samples[first][0], samples[last][0]
    before_ms = min(first_ms - samples[first - 1][0], longest_ms) if first > 0 else 0
    after_ms = min(samples[last + 1][0] - last_ms, longest_ms) if last + 1 < len(samples) else 0
    values = [centi_celsius for _, centi_celsius in samples[first : last + 1]]
    return Run(
        sensor=sensor,
        side=limit.side,
        limit_centi_celsius=limit.limit_centi_celsius,
        first_ms=first_ms,
        last_ms=last_ms,
        earliest_possible_start_ms=first_ms - before_ms,
        confirmed_half_ms=2 * (last_ms - first_ms),
        possible_half_ms=2 * (last_ms - first_ms + before_ms + after_ms),
        extreme_centi_celsius=min(values) if limit.side is Side.COLD else max(values),
        samples=len(values),
        open=last + 1 == len(samples),
    )
