"""What the temperature chart draws: points with their envelope, gaps, runs and limits (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, Side
from sheetal.thermal.runs import Gap, Limit, Sample, cap_ms, find_runs, gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.verdict import Run
    from sheetal.readings.port import Bucket

RUNS_SHOWN = 40
GAPS_SHOWN = 60


@dataclass(frozen=True)
class Span:
    """A choice of chart: how far back, and the width of one point (0: every reading)."""

    name: str
    back_ms: int
    every_ms: int


SPANS = {
    "24h": Span("24h", DAY_MS, 0),
    "7d": Span("7d", 7 * DAY_MS, 15 * MINUTE_MS),
    "30d": Span("30d", 30 * DAY_MS, HOUR_MS),
}


@dataclass(frozen=True)
class Point:
    """One place on the line; all None is where the line breaks."""

    at_ms: int
    mean: float | None
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Watched:
    """An appliance's own limits: its range, and the alarm limits with their minutes."""

    centi_celsius_min: int
    centi_celsius_max: int
    freeze_centi_celsius: int | None
    freeze_minutes: int | None
    heat_centi_celsius: int
    heat_minutes: int

    def limits(self) -> list[Limit]:
        """The alarm limits as the run finder takes them: freezing inclusive, heat strict (WHO PQS device rule)."""
        heat = Limit(Side.HOT, self.heat_centi_celsius, inclusive=False)
        if self.freeze_centi_celsius is None:
            return [heat]
        return [Limit(Side.COLD, self.freeze_centi_celsius, inclusive=True), heat]


@dataclass(frozen=True)
class Drawn:
    """One sensor's chart."""

    points: list[Point]
    gaps: list[Gap]
    runs: list[Run]


def draw(
    sensor: str,
    samples: Sequence[Sample],
    buckets: Sequence[Bucket],
    span: tuple[int, int, int],
    watched: Watched,
    interval_ms: int | None,
) -> Drawn:
    """The chart of [from, until) in steps of every_ms (`span`); gaps and runs always come from single readings.

    Time before the first and after the last reading is a gap too where it is longer than the cap.
    """
    from_ms, until_ms, every_ms = span
    longest_ms = cap_ms(samples, interval_ms)
    missing = _with_ends(gaps(samples, longest_ms), samples, (from_ms, until_ms), longest_ms)
    runs = [run for limit in watched.limits() for run in find_runs(sensor, samples, limit, longest_ms)]
    points = (
        _from_buckets(buckets, every_ms)
        if every_ms
        else [Point(at, float(value), value, value) for at, value in samples]
    )
    return Drawn(
        points=_broken(points, max(every_ms, longest_ms)),
        gaps=sorted(sorted(missing, key=lambda gap: gap.from_ms - gap.until_ms)[:GAPS_SHOWN]),
        runs=sorted(_longest(runs), key=lambda run: run.first_ms),
    )


def _longest(runs: list[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: -run.possible_half_ms)[:RUNS_SHOWN]


def _from_samples(samples: Sequence[Sample]) -> list[Point]:
    return [Point(at_ms, float(value), value, value) for at_ms, value in samples]


def _from_buckets(buckets: Sequence[Bucket], every_ms: int) -> list[Point]:
    return [
        Point(
            bucket.start_ms + every_ms // 2,
            bucket.centi_celsius_mean,
            bucket.centi_celsius_min,
            bucket.centi_celsius_max,
        )
        for bucket in buckets
    ]


def _broken(points: list[Point], longest_ms: int) -> list[Point]:
    """The points with an empty one inside every silence, so that no line bridges it."""
    broken = points[:1]
    for before, after in pairwise(points):
        if after.at_ms - before.at_ms > longest_ms:
            broken.append(Point(before.at_ms + 1, None, None, None))
        broken.append(after)
    return broken


def _with_ends(inner: Sequence[Gap], samples: Sequence[Sample], span: tuple[int, int], longest_ms: int) -> list[Gap]:
    if not samples:
        return [Gap(*span)]
    ends = [Gap(span[0], samples[0][0]), Gap(samples[-1][0], span[1])]
    return [*inner, *(gap for gap in ends if gap.until_ms - gap.from_ms > longest_ms)]
