"""How simulated time meets real time (pure).

simulated time            played
history                   at once, when the simulator starts
the story_minutes         compressed into catch_up_seconds of the wall clock
now = met_ms              here simulated time reaches the wall clock
afterwards                real time
"""

from __future__ import annotations

import msgspec

MINUTE_MS = 60_000
SECOND_MS = 1_000


class ClockPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Instants in UTC epoch ms; `met_ms` is the present: the moment simulated time reaches the wall clock."""

    started_ms: int
    met_ms: int
    first_ms: int
    story_ms: int

    def simulated_ms(self, wall_ms: int) -> int:
        """The simulated instant at a wall instant; never runs backwards and is the wall clock from `met_ms` on."""
        if wall_ms >= self.met_ms:
            return wall_ms
        if wall_ms <= self.started_ms:
            return self.story_ms
        played = (wall_ms - self.started_ms) * (self.met_ms - self.story_ms)
        return self.story_ms + played // (self.met_ms - self.started_ms)

    def minutes_to_now(self, simulated_ms: int) -> float:
        """Minutes until the simulated clock reaches the present; negative after it."""
        return (self.met_ms - simulated_ms) / MINUTE_MS


def plan_clock(started_ms: int, history_minutes: int, story_minutes: int, catch_up_seconds: int) -> ClockPlan:
    """The plan of a simulator started now; the present falls on a whole second, as DS01 stamps do."""
    met_ms = -(-(started_ms + catch_up_seconds * SECOND_MS) // SECOND_MS) * SECOND_MS
    # Rounding the present up must not carry a story as short as its catching up ahead of the wall clock.
    story_ms = min(met_ms - story_minutes * MINUTE_MS, started_ms // SECOND_MS * SECOND_MS)
    return ClockPlan(
        started_ms=started_ms,
        met_ms=met_ms,
        first_ms=min(met_ms - history_minutes * MINUTE_MS, story_ms),
        story_ms=story_ms,
    )
