"""A million hostile messages while good gateways go on: what ingest makes of both, over real servers where installed.

A group has a broker, a store and an ingest of its own. First the good gateways alone send as fast as they can, which is
the clean capacity; then at 30 % of it, which gives the clean latencies; then the same while other connections pour the
flood in. Afterwards ingest's word is not taken: the rows in the store and the letters are counted and held against the
gateways' truth, the corpus and the slow acceptance.

`python -m benchmarks.faults.poison SHARE…` floods at these shares of the clean capacity in turn and shows at which the
promise breaks.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults import fleet_count, poison_count
from benchmarks.faults.fleet import Fleet
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import SERVER, wait_for
from benchmarks.faults.poison_flood import Flood
from benchmarks.faults.poison_place import place
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS

if TYPE_CHECKING:
    from benchmarks.faults.poison_place import Place

FULL = 1_000_000
GROUP = 100_000
GOOD_SHARE = 0.3
FLOOD_SHARE = 0.10
"""Messages, of the clean capacity; at 15 % two groups of ten were late, at 25 % it hung on what else ran, at 50 % it
always broke."""
DELIVERED_SHARE_MIN = 0.95
SLOWER_MAX = 2.0
FLOOR_SECONDS = 0.02
"""What the fleet cannot tell apart: it looks at its sockets every 10 ms, once to publish and once to hear the ack."""
GROWN_BYTES_MAX = 50 * 1024 * 1024
"""Beyond what ingest has after carrying good messages at full speed."""
GROWN_COLD_BYTES_MAX = 200 * 1024 * 1024
"""Beyond what it has just started: its queues hold 16 MiB and four loads of 8 MiB, and may stand full side by side."""
LOG_LINES_MAX = 200
"""One for each mad gateway, whose clock is wrong, and some for the beginning."""
LETTERS_KEPT_MAX = 10_000
HOW = (
    "groups of 100,000 from a corpus of 56 kinds (junk, lookalikes, tampered, forged, other topics, QoS 0, true seals "
    "on mad bodies) at 10 % of the clean message capacity, while good gateways send at 30 % of it over the same broker "
    "into the same ingest; every message must meet its own fate by count of rows and letters, every good reading be "
    "stored exactly once, ≥ 95 % of them in the window, p99 ≤ 2 × clean + 20 ms, memory + ≤ 50 MiB"
)
CAPACITY_SECONDS = 6.0
WINDOW_SECONDS = 5.0
WINDOW_SECONDS_MIN = 3.0
CLEAN_WINDOWS = 4
RAMP_SECONDS = 2.0
LOOK_SECONDS = 0.25
SETTLE_SECONDS_MAX = 240.0
FULL_SPEED, FULL_PENDING = 100_000.0, 1_000
GATEWAYS = 200
CALM = 50.0
CALM_FLOOD = 2_000.0
"""Messages a second where nothing is judged by the clock."""


class Seen(NamedTuple):
    """What was measured while a group was played; seconds are the median of the windows' p99."""

    capacity: float
    clean_seconds: float
    flooded_seconds: float
    delivered_share: float
    grown_bytes: int
    flood_per_second: float

    @property
    def has_grown(self) -> bool:
        """Whether ingest took more memory than its bounds explain."""
        return self.grown_bytes > (GROWN_BYTES_MAX if self.capacity else GROWN_COLD_BYTES_MAX)

    def problems(self) -> list[str]:
        """One line for each promise about time that did not hold."""
        late = self.flooded_seconds > SLOWER_MAX * self.clean_seconds + FLOOR_SECONDS
        return [
            *([f"p99 went from {self.clean_seconds:.3f} s to {self.flooded_seconds:.3f} s"] if late else []),
            *([f"only {self.delivered_share:.1%} in time"] if self.delivered_share < DELIVERED_SHARE_MIN else []),
        ]

    def __str__(self) -> str:
        return (
            f"capacity {self.capacity:,.0f} messages/s, flood {self.flood_per_second:,.0f}/s, "
            f"p99 {self.clean_seconds * 1_000:.0f} ms clean and {self.flooded_seconds * 1_000:.0f} ms flooded, "
            f"{self.delivered_share:.1%} delivered in time, memory {self.grown_bytes / 2**20:+.0f} MiB"
        )


def run(first: int, count: int, kind: str = SERVER, *, is_judged: bool = True) -> int:
    """Messages number `first` and on, in groups; all of a group count as failed when anything in it does."""
    failed = 0
    for start in range(first, first + count, GROUP):
        size = min(GROUP, first + count - start)
        problems = group(start, size, kind, FLOOD_SHARE if is_judged else None)
        failed += size if problems else 0
        print(f"  {size:,} from {start:,} on: {'; '.join(problems) or 'every one met its fate'}", flush=True)
    return failed


def group(first: int, count: int, kind: str, flood_share: float | None) -> list[str]:
    """One group in a place of its own; one line for each promise that did not hold.

    Without a `flood_share` the paces are fixed and nothing is judged by the clock.
    """
    plan = Plan(now_ms() - DAY_MS, gateways=GATEWAYS, seed=first + 1)
    with (
        tempfile.TemporaryDirectory(prefix="sheetal-poison-") as folder,
        place(Path(folder), kind, plan) as ground,
        Flood(ground.port, first, count) as flood,
        Fleet(plan, ground.port) as fleet,
    ):
        due = poison_count.due(first, count, now_ms())
        flood.wait_until_ready()
        seen = play(ground, fleet, flood, flood_share)
        print(f"  {seen}", flush=True)
        problems = [] if flood_share is None else seen.problems()
        return [*problems, *settled(ground, fleet, due), *of_the_process(ground, seen)]


def play(ground: Place, fleet: Fleet, flood: Flood, flood_share: float | None) -> Seen:
    """Clean at full speed, clean at 30 %, then with the flood until it is over."""
    good, hostile, capacity, clean = CALM, CALM_FLOOD, 0.0, [0.0]
    if flood_share is not None:
        capacity = full_speed(fleet)
        good, hostile = GOOD_SHARE * capacity, flood_share * capacity
        fleet.make(good)
        time.sleep(RAMP_SECONDS)
        clean = [window(fleet, WINDOW_SECONDS) for _ in range(CLEAN_WINDOWS)]
    fleet.make(good)
    memory_bytes = ground.ingest.memory_bytes()
    made, done = fleet.outboxes.made, fleet.outboxes.settled
    flood.start(hostile)
    flooded, peak_bytes = flooded_windows(ground, fleet, flood)
    share = (fleet.outboxes.settled - done) / max(1, fleet.outboxes.made - made)
    fleet.rest()
    sent = flood.sent()
    return Seen(
        capacity,
        statistics.median(clean),
        statistics.median(flooded),
        share,
        peak_bytes - memory_bytes,
        sent.messages / sent.seconds,
    )


def full_speed(fleet: Fleet) -> float:
    """How many messages a second are settled when there is always another one to send."""
    began = counted = time.monotonic()
    done = 0
    while (now := time.monotonic()) < began + RAMP_SECONDS + CAPACITY_SECONDS:
        if now < began + RAMP_SECONDS:
            counted, done = now, fleet.outboxes.settled
        if fleet.outboxes.pending < FULL_PENDING:
            fleet.make(FULL_SPEED)
        else:
            fleet.rest()
        time.sleep(0.002)
    capacity = (fleet.outboxes.settled - done) / (time.monotonic() - counted)
    fleet.drained(SETTLE_SECONDS_MAX)
    return capacity


def window(fleet: Fleet, seconds: float) -> float:
    """The p99 of what is settled within so many seconds."""
    fleet.forget_latencies()
    time.sleep(seconds)
    return fleet.latency_seconds(0.99)


def flooded_windows(ground: Place, fleet: Fleet, flood: Flood) -> tuple[list[float], int]:
    """The p99 of each window until the flood is over, and the most memory that ingest had."""
    found: list[float] = []
    peak_bytes = 0
    while flood.is_running:
        fleet.forget_latencies()
        began = time.monotonic()
        while flood.is_running and time.monotonic() < began + WINDOW_SECONDS:
            time.sleep(LOOK_SECONDS)
            peak_bytes = max(peak_bytes, ground.ingest.memory_bytes())
        if time.monotonic() - began > WINDOW_SECONDS_MIN or not found:
            found.append(fleet.latency_seconds(0.99))
    return found, peak_bytes


def settled(ground: Place, fleet: Fleet, due: poison_count.Due) -> list[str]:
    """Lets everything come to rest, then holds stores and counts against what is due."""
    letters = due.letters.total()
    fleet.drained(SETTLE_SECONDS_MAX)
    wait_for(lambda: ground.counts()["dead_letters"] >= letters, SETTLE_SECONDS_MAX, LOOK_SECONDS)
    wait_for(lambda: not _moves(ground), SETTLE_SECONDS_MAX, LOOK_SECONDS)
    found, kept = poison_count.letters_in(ground.telemetry)
    rows = list(ground.stored())
    left = poison_count.Left(found, kept, poison_count.mad_rows(rows), ground.counts())
    good = fleet_count.count(fleet, (row for row in rows if not poison_count.is_mad(row)))
    print(f"  {found.total():,} letters, {kept:,} kept; good: {good}", flush=True)
    over = [f"{kept:,} letters are kept"] if kept > LETTERS_KEPT_MAX else []
    return [*poison_count.wrong(due, left), *good.problems, *over]


def _moves(ground: Place) -> bool:
    before = ground.counts()
    time.sleep(4 * LOOK_SECONDS)
    return before["waiting"] > 0 or ground.counts() != before


def of_the_process(ground: Place, seen: Seen) -> list[str]:
    """What it came to for ingest itself: alive, well, no larger, and not talkative."""
    is_well = ground.ingest.is_running() and ground.ingest.health()[0] == 200  # noqa: PLR2004 - HTTP's own number
    lines = ground.log_lines()
    return [
        *([] if is_well else ["ingest is not well"]),
        *([f"ingest grew by {seen.grown_bytes / 2**20:.0f} MiB"] if seen.has_grown else []),
        *([f"ingest logged {lines:,} lines"] if lines > LOG_LINES_MAX else []),
    ]


def main(arguments: list[str]) -> int:
    """Floods at each share of the clean capacity, 30,000 messages each."""
    for share in map(float, arguments):
        problems = group(0, 30_000, SERVER, share)
        print(f"{share:.0%}: {'; '.join(problems) or 'held'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
