"""Time in a holding's life that nothing covers, longer than its stays allow (pure; DESIGN promise 5).

A reading or a person's check covers its instant; two of them cover the time between them when it is short enough. A day
summary covers its day, and a thermometer's memory the time since the check before, unless what they do not know of it
is itself too long. Any sensor of the appliance will do: a gap is where all of them were silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import MINUTE_MS
from sheetal.thermal.runs import Gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sheetal.thermal.paths import Segment, Trace


class Allowance(NamedTuple):
    """How long a stay may go without news, and the instants at which a person looked."""

    bound_ms: int
    checks_ms: tuple[int, ...] = ()


def open_gaps(
    segments: Sequence[Segment],
    allowances: Mapping[int, Allowance],
    now_ms: int,
    *,
    believed_ms: Mapping[str, int] | None = None,
    decided_through_ms: int = 0,
) -> list[Gap]:
    """The gaps longer than allowed; one that is still going on ends now.

    A gap that goes on through a move is allowed as long as the most patient of its stays allows the whole and each stay
    its own part, so that no later stay excuses what an earlier one did not. `believed_ms` says of a sensor whose clock
    runs ahead how far its stamps prove anything. What lies before `decided_through_ms` is a person's decision.
    """
    found: list[tuple[Gap, dict[int, int]]] = []
    for segment in segments:
        allowance = allowances[segment.stay]
        is_told_at_once = _is_told_at_once(segment, allowance, believed_ms or {})
        for hole in _holes(segment, allowance, now_ms, believed_ms or {}):
            part = Gap(max(hole.from_ms, decided_through_ms), hole.until_ms)
            if part.from_ms >= part.until_ms:
                continue
            ms_by_stay = {segment.stay: part.until_ms - part.from_ms}
            goes_on = found and found[-1][0].until_ms == part.from_ms == segment.from_ms
            if goes_on and not is_told_at_once:
                before, earlier = found.pop()
                part = Gap(before.from_ms, part.until_ms)
                ms_by_stay = earlier | {segment.stay: earlier.get(segment.stay, 0) + ms_by_stay[segment.stay]}
            found.append((part, ms_by_stay))
    return [gap for gap, ms_by_stay in found if _is_too_long(ms_by_stay, allowances)]


def _is_too_long(ms_by_stay: Mapping[int, int], allowances: Mapping[int, Allowance]) -> bool:
    bounds_ms = {stay: allowances[stay].bound_ms for stay in ms_by_stay}
    return sum(ms_by_stay.values()) > max(bounds_ms.values()) or any(
        ms > bounds_ms[stay] for stay, ms in ms_by_stay.items()
    )


def _is_told_at_once(segment: Segment, allowance: Allowance, believed_ms: Mapping[str, int]) -> bool:
    """Whether somebody or a sensor looked at the very instant in which it begins."""
    firsts = {trace.sensor: first.ms for trace in segment.traces if (first := trace.exposure.first) is not None}
    believed = {ms for sensor, ms in firsts.items() if ms <= believed_ms.get(sensor, ms)}
    return segment.from_ms in believed.union(allowance.checks_ms)


def _holes(
    segment: Segment,
    allowance: Allowance,
    now_ms: int,
    believed_ms: Mapping[str, int],
) -> list[Gap]:
    end_ms = now_ms if segment.until_ms is None else min(segment.until_ms, now_ms)
    if end_ms <= segment.from_ms:
        return []
    holes = [Gap(segment.from_ms, end_ms)]
    for trace in segment.traces:
        silence = _silence(trace, segment.from_ms, end_ms)
        holes = _both(holes, _silent_from(silence, believed_ms.get(trace.sensor, end_ms), end_ms))
        for day in trace.days:
            if day.minutes_unknown * MINUTE_MS > allowance.bound_ms:
                continue
            holes = [part for hole in holes for part in _without(hole, day.starts_at_ms, day.ends_at_ms)]
    for check_ms in allowance.checks_ms:
        holes = [part for hole in holes for part in _without(hole, check_ms, check_ms)]
    return holes


def _silence(trace: Trace, from_ms: int, until_ms: int) -> list[Gap]:
    """Where this sensor says nothing: before its first reading, in its gaps, after its last."""
    first, last = trace.exposure.first, trace.exposure.last
    if first is None or last is None:
        return [Gap(from_ms, until_ms)]
    return [Gap(from_ms, first.ms), *trace.exposure.gaps, Gap(last.ms, until_ms)]


def _silent_from(silence: Sequence[Gap], believed_ms: int, until_ms: int) -> list[Gap]:
    """The silence of a sensor of which nothing is believed after an instant."""
    if believed_ms >= until_ms:
        return list(silence)
    before = [gap for gap in silence if gap.from_ms < believed_ms]
    from_ms = before.pop().from_ms if before and before[-1].until_ms >= believed_ms else believed_ms
    return [*before, Gap(from_ms, until_ms)]


def _both(holes: Sequence[Gap], others: Sequence[Gap]) -> list[Gap]:
    """Where both say nothing; both lists are in order."""
    found: list[Gap] = []
    left, right = 0, 0
    while left < len(holes) and right < len(others):
        from_ms = max(holes[left].from_ms, others[right].from_ms)
        until_ms = min(holes[left].until_ms, others[right].until_ms)
        if from_ms < until_ms:
            found.append(Gap(from_ms, until_ms))
        if holes[left].until_ms < others[right].until_ms:
            left += 1
        else:
            right += 1
    return found


def _without(hole: Gap, from_ms: int, until_ms: int) -> list[Gap]:
    """What is left of a hole outside [from_ms, until_ms]; an instant inside it cuts it in two."""
    if until_ms <= hole.from_ms or from_ms >= hole.until_ms:
        return [hole]
    parts = (Gap(hole.from_ms, from_ms), Gap(until_ms, hole.until_ms))
    return [part for part in parts if part.from_ms < part.until_ms]
