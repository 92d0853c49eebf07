"""The gateway's timeline: an anchor carried by the monotonic clock; once anchored it never runs backwards (pure).

    none ── a plausible wall clock ─► rtc ── ingest's answer ─► ack ── the kernel says it is synchronised ─► ntp
    └────── provisional: may be moved, with every stamp given ─┘   └──── anchored: stamps stand for ever ────┘

All instants are UTC epoch ms, all `monotonic_ms` are ms since the operating system booted.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

SOFTWARE_MS = 1_767_225_600_000
"""2026-01-01: this software is no older, so a clock that says less is wrong."""
FAR_MS = 4_102_444_800_000
"""2100-01-01: a clock that says more is wrong."""
RTC_STEP_MS_MIN = 1_000
NTP_STEP_MS_MIN = 100
"""Smaller differences between wall clock and timeline are the noise of reading two clocks, not a step."""
ACK_NOISE_MS = 20
"""Two clocks are read in whole ms, and ingest's own is steered: so much says nothing of a timeline."""
DRIFT_DIVISOR = 2_000
"""A quartz may be off by 500 ppm, one part in this many: so fast grows what is not known of a timeline."""
SLEW_DIVISOR = 100
"""A timeline that is ahead goes slower by one part in this many (1 %) until it is right."""
ROUND_TRIP_MS_MAX = 10_000


class ClockSource(IntEnum):
    """What the timeline stands on, from worst to best; the names in small letters are the wire's `clock_source`."""

    NONE = 0
    RTC = 1
    ACK = 2
    NTP = 3

    @property
    def word(self) -> str:
        """As it stands on the wire."""
        return self.name.lower()


class Wall(NamedTuple):
    """What the machine's wall clock says, and whether the kernel says that it is synchronised."""

    at_ms: int
    is_synchronised: bool


class Answer(NamedTuple):
    """Ingest's clock, and the monotonic instants between which it was read."""

    server_ms: int
    asked_ms: int
    heard_ms: int


class Line(NamedTuple):
    """Wall time is `base_ms` plus the monotonic clock; it is still `slew_ms` ahead of that at monotonic `slewed_ms`."""

    source: ClockSource
    base_ms: int
    slewed_ms: int = 0
    slew_ms: int = 0

    def at(self, monotonic_ms: int) -> int:
        """The instant on this line; never decreasing."""
        passed_ms = max(0, monotonic_ms - self.slewed_ms)
        return monotonic_ms + self.base_ms + max(0, self.slew_ms - passed_ms // SLEW_DIVISOR)

    @property
    def is_anchored(self) -> bool:
        """Whether stamps on it are final."""
        return self.source >= ClockSource.ACK


class Known(NamedTuple):
    """The line on this base was found no further off than `error_ms` at monotonic `at_ms`."""

    base_ms: int
    error_ms: int
    at_ms: int


class Move(NamedTuple):
    """The line changed by `delta_ms` at that moment; `is_rebased` when stamps given before must move along."""

    delta_ms: int
    is_rebased: bool


NO_MOVE = Move(0, is_rebased=False)


class Timeline:
    """Follows the best clock there is. `line` is of this boot of the operating system; None where none was kept.

    Without any clock it starts at `not_before_ms`, the newest instant that is known to be past.
    """

    def __init__(self, monotonic_ms: int, not_before_ms: int = 0, line: Line | None = None) -> None:
        self._not_before_ms = max(not_before_ms, SOFTWARE_MS)
        self.line = line or Line(ClockSource.NONE, self._not_before_ms - monotonic_ms)
        self._known: Known | None = None
        self.offset_ms: int | None = None
        """Timeline minus ingest's clock at the last answer; None before the first."""

    @property
    def source(self) -> ClockSource:
        """What it stands on now."""
        return self.line.source

    def now_ms(self, monotonic_ms: int) -> int:
        """The instant by the best that is known; provisional below an ack."""
        return self.line.at(monotonic_ms)

    def anchored_now_ms(self, monotonic_ms: int) -> int | None:
        """The instant, None while it is only provisional."""
        return self.line.at(monotonic_ms) if self.line.is_anchored else None

    def look(self, wall: Wall, monotonic_ms: int) -> Move:
        """Compares with the machine's wall clock and follows it as far as it deserves."""
        base_ms = wall.at_ms - monotonic_ms
        if wall.is_synchronised and SOFTWARE_MS <= wall.at_ms < FAR_MS:
            move = self._anchor(ClockSource.NTP, base_ms, monotonic_ms, NTP_STEP_MS_MIN)
            self._known = Known(self.line.base_ms, NTP_STEP_MS_MIN, monotonic_ms)
            return move
        if self.line.source is ClockSource.NTP:
            # What was synchronised is carried on; from now on ingest's answers may correct it.
            self.line = self.line._replace(source=ClockSource.ACK)
        if self.line.is_anchored or not self._not_before_ms <= wall.at_ms < FAR_MS:
            return NO_MOVE
        return self._rebase(Line(ClockSource.RTC, base_ms), RTC_STEP_MS_MIN)

    def hear(self, answer: Answer) -> Move:
        """Ingest read its clock at some moment of the round trip; one that took too long or is absurd says nothing.

        What the answer allows is not moved; beyond that, ingest's clock is taken for the middle of the round trip.
        """
        server_ms, asked_ms, heard_ms = answer
        round_trip_ms = heard_ms - asked_ms
        if not 0 <= round_trip_ms <= ROUND_TRIP_MS_MAX or not SOFTWARE_MS <= server_ms < FAR_MS:
            return NO_MOVE
        middle_ms = asked_ms + round_trip_ms // 2
        move = NO_MOVE
        if self.line.source is not ClockSource.NTP:
            move = self._follow_answer(server_ms - middle_ms, (round_trip_ms + 1) // 2, heard_ms)
        self.offset_ms = self.line.at(middle_ms) - server_ms
        return move

    def _follow_answer(self, base_ms: int, half_trip_ms: int, heard_ms: int) -> Move:
        """Ingest's line stands on `base_ms`, give or take half the round trip."""
        if self.line.source is ClockSource.NONE:
            self._known = Known(base_ms, half_trip_ms, heard_ms)
            return self._rebase(Line(ClockSource.ACK, base_ms), tolerance_ms=0)
        off_ms, error_ms = abs(base_ms - self.line.base_ms), self._error_ms(heard_ms)
        # A longer round trip than the line stands on knows less than the line: it is wrong only where both must differ.
        allowed_ms = half_trip_ms + ACK_NOISE_MS + (error_ms if half_trip_ms > error_ms else 0)
        if off_ms > allowed_ms:
            self._known = Known(base_ms, half_trip_ms, heard_ms)
            return self._anchor(ClockSource.ACK, base_ms, heard_ms, allowed_ms)
        self._known = Known(self.line.base_ms, min(error_ms, off_ms + half_trip_ms), heard_ms)
        return self._anchor(ClockSource.ACK, self.line.base_ms, heard_ms, allowed_ms)

    def _error_ms(self, monotonic_ms: int) -> int:
        """So far off the line may be now, as far as is known of it."""
        known = self._known
        if known is None or known.base_ms != self.line.base_ms:
            return ROUND_TRIP_MS_MAX // 2
        return known.error_ms + max(0, monotonic_ms - known.at_ms) // DRIFT_DIVISOR

    def _anchor(self, source: ClockSource, base_ms: int, monotonic_ms: int, tolerance_ms: int) -> Move:
        if not self.line.is_anchored:
            return self._rebase(Line(source, base_ms), tolerance_ms=0)
        if abs(base_ms - self.line.base_ms) <= tolerance_ms:
            self.line = self.line._replace(source=source)
            return NO_MOVE
        ahead_ms = self.line.at(monotonic_ms) - (monotonic_ms + base_ms)
        self.line = Line(source, base_ms, monotonic_ms, max(0, ahead_ms))
        return Move(max(0, -ahead_ms), is_rebased=False)

    def _rebase(self, line: Line, tolerance_ms: int) -> Move:
        """Changes a provisional line, and with it every stamp that was given on it."""
        delta_ms = line.base_ms - self.line.base_ms
        if line.source is self.line.source and abs(delta_ms) < tolerance_ms:
            return NO_MOVE
        self.line = line
        return Move(delta_ms, is_rebased=True)
