"""What day summaries add to a life: their runs, cut to the time that the holding spent there, joined where they touch.

    day         |────────── 95 min below, alarm fired ──────────|
    alarm's run        ════                                         confirmed by the device
    holding                      |──────── came here ───────────    of the 95 min it saw at most those after the alarm's

Cumulative minutes add up over readings and days, and over all days; what two of them tell of one time counts once.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.thermal.cuts import is_record
from sheetal.thermal.day_evidence import device_count, minutes_surely_beyond, run_of_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.contracts.batch import DaySummary
    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.verdict import Run
    from sheetal.thermal.paths import Segment
    from sheetal.thermal.runs import Limit

HALF_MS_PER_MINUTE = 2 * MINUTE_MS
NO_END_MS = 1 << 62

Span = tuple[int, int]


class _Claim(NamedTuple):
    """A day, the times that the holding stood under its logger, and those of them that readings do not tell whole."""

    day: DaySummary
    stood: list[Span]
    untold: list[Span]


def day_runs(segments: Sequence[Segment], limit: Limit | HoldRule, run_minutes: int | None) -> list[Run]:
    """The days' evidence of runs; a day that the sensor's readings tell whole speaks through its alarm alone."""
    found: list[Run] = []
    for claim in _claims(segments, limit.side):
        run = run_of_day(claim.day, limit, run_minutes)
        spans = claim.stood if run is not None and run.confirmed_half_ms else claim.untold
        if run is not None:
            found += [seen for span in _unbroken(spans) if (seen := _seen(run, claim.day, [span])) is not None]
    return sorted(_joined(found), key=order)


def with_days(path: Sequence[Run], segments: Sequence[Segment], limit: Limit | HoldRule) -> list[Run]:
    """The runs of one way through the readings with what the days add to their minutes, in order of time."""
    begins = [run.first_ms for run in path]
    added: list[Run] = []
    for day in sorted(_day_sums(segments, limit), key=lambda run: (run.first_ms, -run.possible_half_ms, run.sensor)):
        near = path[max(0, bisect_left(begins, day.first_ms) - 1) : bisect_left(begins, day.last_ms) + 1]
        rest = _rest(day, [*near, *added])
        if rest is not None:
            added.append(rest)
    return sorted([*path, *added], key=order) if added else list(path)


def order(run: Run) -> tuple[int, str, str, int]:
    """How runs are sorted: by their beginning, then whose they are."""
    return run.first_ms, run.sensor, run.side.value, run.limit_centi_celsius


def _claims(segments: Sequence[Segment], side: Side) -> Iterable[_Claim]:
    found: dict[tuple[str, int], _Claim] = {}
    for segment in segments:
        span = segment.from_ms, NO_END_MS if segment.until_ms is None else segment.until_ms
        for trace in segment.traces:
            for day in trace.days if side in trace.sides else ():
                claim = found.setdefault((day.sensor, day.starts_at_ms), _Claim(day, [], []))
                claim.stood.append(span)
                if not segment.is_told(day, trace):
                    claim.untold.append(span)
    return found.values()


def _day_sums(segments: Sequence[Segment], limit: Limit | HoldRule) -> list[Run]:
    """Each day as one run over the whole of it that lasted as long as its minutes beyond the limit together."""
    found: list[Run] = []
    claims = list(_claims(segments, limit.side))
    ends = {(claim.day.sensor, claim.day.ends_at_ms) for claim in claims}
    for claim in claims:
        day, run = claim.day, run_of_day(claim.day, limit, None)
        has_fired = device_count(day, limit.side).alarm_at_ms is not None
        spans = claim.stood if has_fired else claim.untold
        if run is None or not spans:
            continue
        # What the alarm's run lasted before midnight counts here only if no summary of the day before has counted it.
        before = run.first_ms, max(run.first_ms, day.starts_at_ms)
        is_counted = (day.sensor, day.starts_at_ms) in ends
        heard_ms = 0 if is_counted else sum(_overlap(span, before) for span in claim.stood)
        earlier = 2 * (before[1] - before[0] - heard_ms)
        confirmed = max(run.confirmed_half_ms - earlier, HALF_MS_PER_MINUTE * minutes_surely_beyond(day, limit))
        whole = replace(
            run,
            first_ms=day.starts_at_ms,
            last_ms=day.ends_at_ms,
            earliest_possible_start_ms=day.starts_at_ms,
            confirmed_half_ms=confirmed,
            possible_half_ms=max(run.possible_half_ms, confirmed),
        )
        seen = _seen(whole, day, spans)
        if seen is not None:
            found.append(seen)
    return found


def _seen(run: Run, day: DaySummary, spans: Sequence[Span]) -> Run | None:
    """What the holding itself saw of a day's run; None where it was not there.

    A person's record already tells of one stay alone. A day of no length, stamped by a clock that runs ahead of its
    receipt, stands as it is: a freeze is a freeze.
    """
    if is_record(day.sensor) or day.ends_at_ms <= day.starts_at_ms:
        return run
    whole, bounds = (day.starts_at_ms, day.ends_at_ms), (run.first_ms, run.last_ms)
    spent = 2 * sum(_overlap(span, whole) for span in spans)
    is_solid = run.confirmed_half_ms == 2 * (run.last_ms - run.first_ms)
    heard = 2 * sum(_overlap(span, bounds) for span in spans) if is_solid else 0
    missed = 2 * (_overlap(bounds, whole) - sum(_overlap(_common(span, whole), bounds) for span in spans))
    at_least = max(0, run.confirmed_half_ms - (2 * (whole[1] - whole[0]) - spent))
    confirmed = min(run.confirmed_half_ms, heard if is_solid else at_least)
    possible = max(confirmed, min(run.possible_half_ms - missed * is_solid, spent))
    if not possible:
        return None
    from_ms, until_ms = min(begin for begin, _ in spans), max(end for _, end in spans)
    first_ms = max(run.first_ms, from_ms)
    return replace(
        run,
        first_ms=first_ms,
        last_ms=max(first_ms, min(run.last_ms, until_ms)),
        earliest_possible_start_ms=max(run.earliest_possible_start_ms, from_ms),
        confirmed_half_ms=confirmed,
        possible_half_ms=possible,
    )


def _unbroken(spans: Sequence[Span]) -> list[Span]:
    """Spans that touch as one; time elsewhere between two of them breaks every run."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span[0] <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], span[1])
        else:
            found.append(span)
    return found


def _joined(runs: Iterable[Run]) -> list[Run]:
    """Runs of one sensor that were confirmed from end to end and follow each other without a break are one run."""
    found: list[Run] = []
    for run in sorted(runs, key=lambda run: (run.sensor, run.first_ms)):
        if found and _goes_on(found[-1], run):
            found[-1] = _one(found[-1], run)
        else:
            found.append(run)
    return found


def _goes_on(left: Run, right: Run) -> bool:
    are_solid = all(0 < run.confirmed_half_ms == 2 * (run.last_ms - run.first_ms) for run in (left, right))
    return are_solid and left.sensor == right.sensor and left.last_ms == right.first_ms


def _one(left: Run, right: Run) -> Run:
    worst = min if left.side is Side.COLD else max
    return replace(
        left,
        last_ms=right.last_ms,
        confirmed_half_ms=left.confirmed_half_ms + right.confirmed_half_ms,
        possible_half_ms=left.possible_half_ms + right.possible_half_ms,
        extreme_centi_celsius=worst(left.extreme_centi_celsius, right.extreme_centi_celsius),
    )


def _rest(day: Run, counted: Iterable[Run]) -> Run | None:
    """What a day adds to minutes that are counted already; None where it adds none."""
    confirmed, possible = day.confirmed_half_ms, day.possible_half_ms
    for run in counted:
        until_ms = run.earliest_possible_start_ms + run.possible_half_ms // 2
        if run.samples == 0:
            until_ms = max(until_ms, run.last_ms)
        shared = 2 * _overlap((run.first_ms, run.last_ms), (day.first_ms, day.last_ms))
        widely = 2 * _overlap((run.earliest_possible_start_ms, until_ms), (day.first_ms, day.last_ms))
        confirmed -= min(run.confirmed_half_ms, shared)
        possible -= min(run.possible_half_ms, widely)
    if max(confirmed, possible) <= 0:
        return None
    confirmed = max(confirmed, 0)
    return replace(day, confirmed_half_ms=confirmed, possible_half_ms=max(possible, confirmed))


def _overlap(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _common(one: Span, other: Span) -> Span:
    begin = max(one[0], other[0])
    return begin, max(begin, min(one[1], other[1]))
