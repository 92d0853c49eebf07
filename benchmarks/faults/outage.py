"""Ingest watched while something it needs is away: it acknowledges nothing, says why, and its memory stays flat."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.line import wait_for
from ingest.inbox import MESSAGES_MAX as INBOX_MESSAGES_MAX

if TYPE_CHECKING:
    from benchmarks.faults.fleet_line import FleetLine

SAMPLE_SECONDS = 0.5
SAID_SECONDS_MAX = 60.0
SETTLE_SECONDS = 1.0
"""What was durable before the outage may still be acknowledged for so long after ingest has said what is wrong."""
MEBIBYTE = 1024 * 1024
GROWTH_BYTES_MAX = 64 * MEBIBYTE
"""The inbox is 16 MiB at most; with its messages taken apart and the queue for the broker that is ample."""
TREND_BYTES_MAX = 8 * MEBIBYTE
"""From the third to the last quarter of an outage: what an allocator may do without a leak."""
TREND_SAMPLES_MIN = 40
WAITING_MAX = 2 * INBOX_MESSAGES_MAX
"""While its own publishes are stalled the inbox may go to twice its bound."""


class Watched(NamedTuple):
    """What ingest did in an outage: its memory over time, its longest inbox, and what it acknowledged meanwhile."""

    memory_bytes: list[int]
    waiting_max: int
    acknowledged: int
    said: str

    @property
    def growth_bytes(self) -> int:
        """The most it held beyond what it held when the outage began."""
        return max(self.memory_bytes) - self.memory_bytes[0]

    @property
    def trend_bytes(self) -> float:
        """How much more it held in the last quarter than in the third; 0 of an outage too short to tell."""
        quarter = len(self.memory_bytes) // 4
        if len(self.memory_bytes) < TREND_SAMPLES_MIN:
            return 0.0
        return statistics.mean(self.memory_bytes[-quarter:]) - statistics.mean(
            self.memory_bytes[-2 * quarter : -quarter]
        )

    def __str__(self) -> str:
        memory = f"memory {self.memory_bytes[0] / MEBIBYTE:.0f} MiB + {self.growth_bytes / MEBIBYTE:.1f}"
        trend = f"trend {self.trend_bytes / MEBIBYTE:+.1f}"
        return f"{memory}, {trend}; {self.waiting_max} messages in the inbox at most; it says: {self.said}"

    def problems(self, *, is_dead: bool = True) -> list[str]:
        """What it should not have done; of something that is only slow it may say nothing, and may acknowledge."""
        found = {
            f"memory grew by {self.growth_bytes / MEBIBYTE:.1f} MiB": self.growth_bytes > GROWTH_BYTES_MAX,
            f"memory still grew by {self.trend_bytes / MEBIBYTE:.1f} MiB": self.trend_bytes > TREND_BYTES_MAX,
            f"{self.waiting_max} messages in the inbox": self.waiting_max > WAITING_MAX,
            f"{self.acknowledged} messages were acknowledged meanwhile": is_dead and self.acknowledged > 0,
            "its health page did not say what is wrong": is_dead and not self.said,
        }
        return [line for line, stands in found.items() if stands]


def watch(line: FleetLine, seconds: float, *, is_dead: bool = True) -> Watched:
    """Looks on for so many seconds, of something dead no less than until the health page has told of it."""
    deadline = time.monotonic() + seconds
    memory, waiting = [line.memory_bytes()], 0
    said = _trouble(line, SAID_SECONDS_MAX) if is_dead else ""
    if is_dead:
        time.sleep(SETTLE_SECONDS)
    before = line.fleet.outboxes.settled
    while True:
        memory.append(line.memory_bytes())
        waiting = max(waiting, int(str(line.health().get("waiting", 0))))
        if time.monotonic() >= deadline:
            break
        time.sleep(SAMPLE_SECONDS)
    acknowledged = line.fleet.outboxes.settled - before
    return Watched(memory, waiting, acknowledged, _trouble(line, SAID_SECONDS_MAX) if said else said)


def _trouble(line: FleetLine, seconds: float) -> str:
    """What the health page says is wrong, waited for; nothing where it says nothing."""
    said: list[str] = []

    def tells() -> bool:
        said[:] = [str(line.health().get("problem") or "")]
        return bool(said[0])

    wait_for(tells, seconds, SAMPLE_SECONDS)
    return said[0]
