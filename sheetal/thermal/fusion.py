"""Which sensor judges which side where an appliance has several: the declared fusion rule (pure).

"worst": every sensor judges both sides, so the worst counts. "by_position": the coldest place judges cold and the
warmest, or a vial probe, judges heat, since each says little of the other side (science.md section 11). Nobody may fall
silent unheard: while those who judge a side say nothing for an hour, every sensor judges it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.thermal.paths import BOTH_SIDES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sheetal.thermal.paths import Trace

WORST, BY_POSITION = "worst", "by_position"
SIDES_BY_POSITION = {
    "coldest": frozenset({Side.COLD}),
    "warmest": frozenset({Side.HOT}),
    "vial": frozenset({Side.HOT}),
}
"""A sensor at any other place judges both sides."""
SILENCE_MS_MAX = 60 * MINUTE_MS
"""The shortest bound that the gate sets on telemetry (DESIGN promise 5)."""


def fuse(fusion: str, positions: Mapping[str, str], traces: Sequence[Trace], from_ms: int) -> tuple[Trace, ...]:
    """The traces of one segment that begins at `from_ms`, each with the sides that it judges."""
    if fusion != BY_POSITION:
        return tuple(traces)
    through_ms = max((instant for trace in traces for _, instant in told(trace)), default=from_ms)
    judges = {side: _judges_of(side, positions, traces, (from_ms, through_ms)) for side in Side}
    return tuple(
        trace._replace(sides=frozenset(side for side in Side if trace.sensor in judges[side])) for trace in traces
    )


def _judges_of(
    side: Side,
    positions: Mapping[str, str],
    traces: Sequence[Trace],
    span: tuple[int, int],
) -> set[str]:
    placed = [trace for trace in traces if side in SIDES_BY_POSITION.get(positions.get(trace.sensor, ""), BOTH_SIDES)]
    times = [time for trace in placed for time in told(trace)]
    heard = placed if placed and longest_silence_ms(times, *span) <= SILENCE_MS_MAX else traces
    return {trace.sensor for trace in heard}


def told(trace: Trace) -> list[tuple[int, int]]:
    """The times of which a trace says something: between its readings but for the gaps, and its days."""
    days = [(day.starts_at_ms, day.ends_at_ms) for day in trace.days]
    first, last = trace.exposure.first, trace.exposure.last
    if first is None or last is None:
        return days
    begins = [first.ms, *(gap.until_ms for gap in trace.exposure.gaps)]
    ends = [*(gap.from_ms for gap in trace.exposure.gaps), last.ms]
    return [*zip(begins, ends, strict=True), *days]


def longest_silence_ms(times: Iterable[tuple[int, int]], from_ms: int, until_ms: int) -> int:
    """The longest part of [from_ms, until_ms] that none of the times touches."""
    longest, reached_ms = 0, from_ms
    for begin_ms, end_ms in sorted(times):
        longest = max(longest, min(begin_ms, until_ms) - reached_ms)
        reached_ms = max(reached_ms, end_ms)
    return max(longest, until_ms - reached_ms)
