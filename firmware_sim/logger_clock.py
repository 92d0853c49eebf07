"""What a logger's clock says, right or wrong (pure).

Relative time (RELT) counts from the logger's start and survives a brown-out, after which RTCW says where the clock
restarted; a reboot begins it anew. Absolute time (ABST) may be off, begin at 1970 or be missing; RELT is right all the
same, which is what a reader must rely on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from firmware_sim.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE_MS = 60_000
SECOND_MS = 1_000


class LoggerClock(NamedTuple):
    """The three times of one record in ms; `absolute_ms` is UTC as the logger believes it, None where it has none."""

    absolute_ms: int | None
    relative_ms: int
    restarted_ms: int


class Instant(NamedTuple):
    """One true instant, told twice: UTC epoch ms, and minutes until the present."""

    at_ms: int
    minutes_to_now: float

    def at(self, minutes_to_now: float) -> int:
        """Another instant of the story in UTC epoch ms."""
        return self.at_ms + round((self.minutes_to_now - minutes_to_now) * MINUTE_MS)


def logger_clock(faults: Sequence[Fault], instant: Instant, started_ms: int) -> LoggerClock:
    """What a logger that was first started at `started_ms` writes into a record of this instant."""
    begun_ms = max([started_ms, *_ends_ms(faults, FaultKind.REBOOT, instant)])
    restarts = [end_ms for end_ms in _ends_ms(faults, FaultKind.BROWN_OUT, instant) if end_ms > begun_ms]
    return LoggerClock(
        absolute_ms=_absolute_ms(faults, instant),
        relative_ms=instant.at_ms - begun_ms,
        restarted_ms=max(restarts, default=begun_ms) - begun_ms,
    )


def _ends_ms(faults: Sequence[Fault], kind: FaultKind, instant: Instant) -> list[int]:
    ends = [
        instant.at(fault.begins_minutes_before_now - fault.lasts_minutes)
        for fault in faults
        if fault.kind is kind and fault.lasts_minutes is not None
    ]
    return [end_ms for end_ms in ends if end_ms <= instant.at_ms]


def _absolute_ms(faults: Sequence[Fault], instant: Instant) -> int | None:
    for fault in faults:
        if not fault.active(instant.minutes_to_now):
            continue
        if fault.kind is FaultKind.CLOCK_ABSENT:
            return None
        if fault.kind is FaultKind.CLOCK_1970:
            return instant.at_ms - instant.at(fault.begins_minutes_before_now)
        if fault.kind is FaultKind.CLOCK_OFF and fault.off_seconds is not None:
            return instant.at_ms + fault.off_seconds * SECOND_MS
    return instant.at_ms
