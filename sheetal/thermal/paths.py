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
    from collections.abc import Sequence

    from sheetal.contracts.batch import DaySummary
    from sheetal.contracts.verdict import Run
    from sheetal.thermal.runs import Limit


BOTH_SIDES = frozenset(Side)
Weight = tuple[int, int]
NOTHING: Weight = (0, 0)


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
        telling = [trace for trace in self.traces if trace.days or trace.exposure.readings]
        return min((self._unknown_of(trace) for trace in telling), default=whole)

    def _unknown_of(self, trace: Trace) -> int:
        exposure = trace.exposure
        if exposure.first is None or exposure.last is None:
            return 2 * MINUTE_MS * sum(day.minutes_unknown for day in trace.days)
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

    def total(self) -> Weight:
        """All runs together."""
        confirmed = sum(run.confirmed_half_ms for run in self.runs)
        possible = sum(run.possible_half_ms for run in self.runs)
        is_cold = bool(self.runs) and self.runs[0].side is Side.COLD
        return (possible, confirmed) if is_cold else (confirmed, possible)


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
        before = [*own.values(), *heirs.values()] or [_Path("", segment.from_ms, (), None, None)]
        gone = [path for ways in (own, heirs) for sensor, path in ways.items() if sensor not in staying]
        left = [path for path in gone if path.runs]
        followed: dict[str, tuple[_Path, _Path]] = {}
        for trace in traces:
            inherited = [heirs[trace.sensor], *left] if trace.sensor in heirs else left
            if trace.sensor in staying and inherited:
                followed[trace.sensor] = _worst((inherited, trace), segment, index, measure)
        left_off = [path for one, path in heirs.items() if one in staying and followed[one][0] is not path]
        ended += [*gone, *left_off]
        own = {
            trace.sensor: _worst(
                ([own[trace.sensor]] if trace.sensor in staying else before, trace), segment, index, measure
            )[1]
            for trace in traces
        }
        heirs = {sensor: after for sensor, (_, after) in followed.items()}
    return [list(_closed(path)) for path in (*ended, *own.values(), *heirs.values()) if path.runs]


def weight(run: Run) -> Weight:
    """What makes one telling of a run worse than another: heat holds by its confirmed time, cold by the possible."""
    if run.side is Side.COLD:
        return run.possible_half_ms, run.confirmed_half_ms
    return run.confirmed_half_ms, run.possible_half_ms


def _worst(ways: tuple[Sequence[_Path], Trace], segment: Segment, index: int, measure: Measure) -> tuple[_Path, _Path]:
    """Of the paths that lead to a trace the one that comes out worst behind it: as it came, and as it goes on.

    What came before is not enough to tell: the longest run may have fallen silent and a shorter one go on.
    """
    paths, trace = ways
    if len(paths) == 1:
        return paths[0], _step(paths[0], trace, segment, index)
    begun = len(trace.exposure.runs[index])

    def badness(both: tuple[_Path, _Path]) -> tuple[Weight, Weight, Weight, str]:
        before, after = both
        joined = weight(after.runs[-begun]) if begun else NOTHING
        total = NOTHING if measure is Measure.RUN else after.total()
        is_open = bool(before.runs) and before.runs[-1].open
        brought = weight(after.runs[len(before.runs) - 1]) if is_open else NOTHING
        return total, joined, brought, before.sensor

    return max(((path, _step(path, trace, segment, index)) for path in paths), key=badness)


def _step(before: _Path, trace: Trace, segment: Segment, index: int) -> _Path:
    """The path one segment further; the time from its beginning to its first reading adjoins that reading."""
    exposure = trace.exposure
    limit, own = exposure.limits[index], exposure.runs[index]
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
