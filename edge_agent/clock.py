"""The gateway's timeline: an anchor to the wall clock plus a monotonic clock; it never runs backwards (pure)."""

from __future__ import annotations

STEP_MS_MIN = 1_000
"""A smaller difference between wall and timeline is noise, not a correction."""


class Timeline:
    """Wall time in UTC epoch ms, carried by a monotonic clock between anchors.

    When the wall clock jumps forward, so does the timeline. When it is set back, the timeline stands still until the
    wall clock has caught up, so that no later stamp is smaller than an earlier one.
    """

    def __init__(self, wall_ms: int, monotonic_ms: int) -> None:
        self._wall_ms = wall_ms
        self._monotonic_ms = monotonic_ms
        self._told_ms = wall_ms

    def anchor(self, wall_ms: int, monotonic_ms: int) -> int:
        """Compares with the wall clock and follows it; returns how many ms it was off (0 within a second)."""
        off_ms = wall_ms - self._carried_ms(monotonic_ms)
        if abs(off_ms) < STEP_MS_MIN:
            return 0
        self._wall_ms = wall_ms
        self._monotonic_ms = monotonic_ms
        return off_ms

    def now_ms(self, monotonic_ms: int) -> int:
        """The instant to stamp with; never less than one told before."""
        self._told_ms = max(self._told_ms, self._carried_ms(monotonic_ms))
        return self._told_ms

    def _carried_ms(self, monotonic_ms: int) -> int:
        return self._wall_ms + monotonic_ms - self._monotonic_ms
