"""Which hold rules a life has reached, by which runs, and since when the holding was possibly unfit (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import MINUTE_MS, HoldRule, Measure, Side
from sheetal.contracts.verdict import Reached, Run
from sheetal.thermal.day_runs import day_runs, order, with_days
from sheetal.thermal.paths import Segment, runs_of_paths, weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BORDERLINE_CENTI_CELSIUS = 50
"""Accuracy of a PQS logger is ±0.5 °C (WHO PQS E006/TR05.1): an extreme this close to the limit is borderline."""
REACHED_MAX = 100
HALF_MS_PER_MINUTE = 2 * MINUTE_MS


def reached_by_rule(rule: HoldRule, index: int, segments: Sequence[Segment]) -> list[Reached]:
    """Every run that reached a run rule, or the earliest way to have reached a cumulative one; in order of time.

    `index` is the place of the rule's limit among those that the exposures were measured against.
    """
    if rule.measure is Measure.RUN:
        paths = runs_of_paths(segments, index, rule.measure)
        runs = [run for path in paths for run in path] + day_runs(segments, rule, rule.minutes)
        hits = [hit for run in longest_of_each(runs) if (hit := _reached_by(rule, [run], segments)) is not None]
        hits.sort(key=_earliest_then_longest)
        return hits[:1] + hits[1:][-REACHED_MAX:]
    ways = sums_of_paths(rule, index, segments)
    hits = [hit for way in ways if (hit := _reached_by(rule, way, segments)) is not None]
    return sorted(hits, key=_earliest_then_longest)[:1]


def sums_of_paths(rule: HoldRule, index: int, segments: Sequence[Segment]) -> list[list[Run]]:
    """What adds up to a cumulative rule's minutes on each way: its runs, and what day summaries add to them."""
    paths = runs_of_paths(segments, index, Measure.CUMULATIVE) or [[]]
    return [with_days(path, segments, rule) for path in paths]


def _earliest_then_longest(hit: Reached) -> tuple[int, int, int, str]:
    sensor = "" if hit.run is None else hit.run.sensor
    return hit.compromised_from_ms, -hit.minutes_possible, -hit.minutes_confirmed, sensor


def longest_of_each(runs: Iterable[Run]) -> list[Run]:
    """One run of each beginning: where several ways went on from it, the one that weighs most."""
    found: dict[tuple[object, ...], Run] = {}
    for run in runs:
        known = found.get(identity(run))
        if known is None or weight(run) > weight(known):
            found[identity(run)] = run
    return list(found.values())


def _reached_by(rule: HoldRule, path: Sequence[Run], segments: Sequence[Segment]) -> Reached | None:
    """The rule's finding on successive runs whose times add up; one run for a run rule."""
    confirmed = sum(run.confirmed_half_ms for run in path)
    possible = sum(run.possible_half_ms for run in path)
    needed = rule.minutes * HALF_MS_PER_MINUTE
    if not path or (confirmed < needed and not (rule.side is Side.COLD and possible >= needed)):
        return None
    turning, compromised_from_ms = _turning_point(rule, path, needed)
    segment = _segment_of(turning, segments)
    worst = min if rule.side is Side.COLD else max
    extreme = worst(run.extreme_centi_celsius for run in path)
    return Reached(
        rule=rule,
        appliance=segment.appliance,
        stay=segment.stay,
        run=turning if rule.measure is Measure.RUN else None,
        minutes_confirmed=confirmed // HALF_MS_PER_MINUTE,
        minutes_possible=possible // HALF_MS_PER_MINUTE,
        compromised_from_ms=compromised_from_ms,
        borderline=abs(extreme - rule.limit_centi_celsius) <= BORDERLINE_CENTI_CELSIUS,
        sensor=turning.sensor,
    )


def _turning_point(rule: HoldRule, path: Sequence[Run], needed_half_ms: int) -> tuple[Run, int]:
    """The run in which the limit was possibly reached, and the instant from which the holding was possibly unfit."""
    left = needed_half_ms
    for run in path:
        if run.possible_half_ms >= left:
            if rule.side is Side.COLD and rule.measure is Measure.RUN:
                return run, run.earliest_possible_start_ms
            return run, run.earliest_possible_start_ms + left // 2
        left -= run.possible_half_ms
    raise ValueError("the path does not reach the limit")


def _segment_of(run: Run, segments: Sequence[Segment]) -> Segment:
    """Where the run began: the last segment of its sensor that had begun by then."""
    own = [segment for segment in segments if any(trace.sensor == run.sensor for trace in segment.traces)]
    begun = [segment for segment in own if segment.from_ms <= run.first_ms]
    return (begun or own)[-1 if begun else 0]


def identity(run: Run) -> tuple[object, ...]:
    """What two tellings of one run share; a day summary's is never a run of readings."""
    return (*order(run), run.samples == 0)
