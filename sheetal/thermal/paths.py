"""The ways a holding's time can be followed through its sensors, and the runs on each of them.

A life is a list of segments: in each, the holding stands in one appliance under a fixed set of sensors. A sensor that
goes on into the next segment continues its own runs; a new one (after a move or a change of sensor) continues the worst
of those before it, because the holding itself went on. Where a sensor is taken away and others stay, what it saw goes
on through each of these on a second way beside their own: it may have hung where the holding stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import MINUTE_MS, Measure, Side
from sheetal.thermal.exposure import Edge, Exposure, extend_after, extend_before, join_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.contracts.batch import DaySummary
    from sheetal.contracts.verdict import Run
    from sheetal.thermal.runs import Limit


BOTH_SIDES = frozenset(Side)


class Trace(NamedTuple):
    """One sensor in one segment: the exposure to its readings there, and its day summaries.

    `sides` are those that the appliance's fusion rule lets it judge: the coldest place says little about heat.
    """

    sensor: str
    exposure: Exposure
    days: tuple[DaySummary, ...] = ()
    sides: frozenset[Side] = BOTH_SIDES

    def covers(self, from_ms: int, until_ms: int) -> bool:
        """Whether the sensor's readings tell all of [from_ms, until_ms): no gap in it, and none at its ends."""
        first, last = self.exposure.first, self.exposure.last
        if first is None or last is None:
            return False
        if first.ms - first.cap_ms > from_ms or last.ms + last.cap_ms < until_ms:
            return False
        return not any(gap.from_ms < until_ms and gap.until_ms > from_ms for gap in self.exposure.gaps)


class Segment(NamedTuple):
    """A time in one stay under one set of sensors and in one storage stage; `until_ms` is None while it lasts.

    An empty `stage` is the product's first one.
    """

    stay: int
    appliance: str
    evidence_kind: str
    from_ms: int
    until_ms: int | None
    traces: tuple[Trace, ...]
    stage: str = ""

    def is_told(self, day: DaySummary, trace: Trace) -> bool:
        """Whether the readings of a trace tell all of a day that was spent here."""
        until_ms = day.ends_at_ms if self.until_ms is None else min(day.ends_at_ms, self.until_ms)
        return trace.covers(max(day.starts_at_ms, self.from_ms), until_ms)

    def known_through_ms(self) -> int | None:
        """The last instant that a reading or a day summary speaks of."""
        readings = [last.ms for trace in self.traces if (last := trace.exposure.last) is not None]
        days = [day.ends_at_ms for trace in self.traces for day in trace.days]
        return max([*readings, *days], default=None)

    def unknown_half_ms(self) -> int:
        """Time without data by the best of its sensors: gaps, and the ends of a closed segment beyond the cap.

        The end of an open segment is not counted: how far the data reaches stands in `known_through_ms`.
        """
        whole = 0 if self.until_ms is None else 2 * (self.until_ms - self.from_ms)
        return min((self._unknown_of(trace, whole) for trace in self.traces), default=whole)

    def _unknown_of(self, trace: Trace, whole_half_ms: int) -> int:
        exposure = trace.exposure
        if exposure.first is None or exposure.last is None:
            told = 2 * MINUTE_MS * sum(day.minutes_unknown for day in trace.days)
            return told if trace.days else whole_half_ms
        before = exposure.first.ms - self.from_ms
        after = 0 if self.until_ms is None else self.until_ms - exposure.last.ms
        ends = before * (before > exposure.first.cap_ms) + after * (after > exposure.last.cap_ms)
        return exposure.unknown_half_ms + 2 * ends


class _Path(NamedTuple):
    """What one way has seen beyond one limit so far: where it began, and where its last segment ended."""

    sensor: str
    from_ms: int
    runs: tuple[Run, ...]
    last: Edge | None
    until_ms: int | None

    def suffix_half_ms(self) -> int:
        """How long the run that is still going on has possibly lasted."""
        return self.runs[-1].possible_half_ms if self.runs and self.runs[-1].open else 0

    def total_half_ms(self) -> int:
        return sum(run.possible_half_ms for run in self.runs)


def runs_of_paths(segments: Sequence[Segment], index: int, measure: Measure) -> list[list[Run]]:
    """The runs beyond limit number `index` on every way, each in order of time.

    `measure` says what "worst" means where a new sensor takes over: the longest run going on, or the largest sum.
    """
    own: dict[str, _Path] = {}
    heirs: dict[str, _Path] = {}
    ended: list[_Path] = []
    for segment in segments:
        traces = [trace for trace in segment.traces if trace.exposure.limits[index].side in trace.sides]
        if not traces:
            continue
        staying = {trace.sensor for trace in traces} & own.keys()
        gone = [path for ways in (own, heirs) for sensor, path in ways.items() if sensor not in staying]
        worst = _worst([*own.values(), *heirs.values()], measure)
        left = _worst([path for path in gone if path.runs], measure)
        inherited = {
            sensor: _worst([path for path in (heirs.get(sensor), left) if path], measure) for sensor in staying
        }
        ended += [*gone, *(path for sensor, path in heirs.items() if inherited.get(sensor, path) is not path)]
        own = {trace.sensor: _step(own.get(trace.sensor, worst), trace, segment, index) for trace in traces}
        heirs = {
            trace.sensor: _step(path, trace, segment, index)
            for trace in traces
            if (path := inherited.get(trace.sensor)) is not None
        }
    return [list(_closed(path)) for path in (*ended, *own.values(), *heirs.values()) if path.runs]


def _worst(paths: Iterable[_Path], measure: Measure) -> _Path | None:
    def badness(path: _Path) -> tuple[int, int, str]:
        suffix, total = path.suffix_half_ms(), path.total_half_ms()
        return (suffix, total, path.sensor) if measure is Measure.RUN else (total, suffix, path.sensor)

    return max(paths, key=badness, default=None)


def _step(before: _Path | None, trace: Trace, segment: Segment, index: int) -> _Path:
    """The path one segment further; the time from its beginning to its first reading adjoins that reading."""
    exposure = trace.exposure
    limit, own = exposure.limits[index], exposure.runs[index]
    before = before or _Path(trace.sensor, segment.from_ms, (), None, None)
    if exposure.first is None:
        return before._replace(sensor=trace.sensor, until_ms=segment.until_ms)
    if before.last is None:
        runs = _begun(limit, own, exposure.first, before.from_ms)
    else:
        runs = join_runs(limit, (before.runs, before.last), (exposure.first, own))
    return _Path(trace.sensor, before.from_ms, runs, exposure.last, segment.until_ms)


def _begun(limit: Limit, runs: tuple[Run, ...], first: Edge, from_ms: int) -> tuple[Run, ...]:
    if not limit.violated_by(first.centi_celsius):
        return runs
    return (extend_before(runs[0], min(max(first.ms - from_ms, 0), first.cap_ms)), *runs[1:])


def _closed(path: _Path) -> tuple[Run, ...]:
    """The runs of a path; one that was going on when the path ended adjoins the time up to that end."""
    if path.until_ms is None or path.last is None or not path.runs or not path.runs[-1].open:
        return path.runs
    reach = min(max(path.until_ms - path.last.ms, 0), path.last.cap_ms)
    return (*path.runs[:-1], extend_after(path.runs[-1], reach))
