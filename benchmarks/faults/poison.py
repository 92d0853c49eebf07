"""A million hostile messages while good gateways go on: what ingest makes of both, over real servers where installed.

A group has a broker, a store and an ingest of its own. First the good gateways alone send as fast as they can, which is
the clean capacity; then at 30 % of it, which gives the clean latencies; then the same while other connections pour the
flood in. Afterwards nothing is asked of ingest: the store's rows, the letters and the counts are held against what the
corpus says and the slow acceptance.

`python -m benchmarks.faults.poison RATE…` floods at each of these rates (as shares of the clean capacity) in turn and
shows at which the promise breaks.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults import fleet_count, poison_count
from benchmarks.faults.fleet import Fleet
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import EMBEDDED, SERVER, wait_for
from benchmarks.faults.poison_fate import keys
from benchmarks.faults.poison_flood import Flood
from benchmarks.ingest_rig import best_store, broker_at, store_at
from demo.broker import EmbeddedBroker
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger.schema import upgrade
from tests.ingest.enrolled import enrol
from tests.ingest.process import IngestProcess
from tests.stack.servers import port_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.contracts.reading import Reading

FULL = 1_000_000
GROUP = 100_000
HOW = ""
FLOOD_SHARE = 0.25
GOOD_SHARE = 0.3
DELIVERED_SHARE_MIN = 0.95
SLOWER_MAX = 2.0
FLOOR_SECONDS = 0.02
"""What the fleet cannot tell apart: it looks at its sockets every 10 ms, once to publish and once to hear the ack."""
MEMORY_BYTES_MAX = 50 * 1024 * 1024
LOG_LINES_MAX = 200
"""One for each mad gateway whose clock is wrong, and room for a broker that ends connections."""
LETTERS_KEPT_MAX = 10_000
CAPACITY_SECONDS = 6.0
WINDOW_SECONDS = 5.0
CLEAN_WINDOWS = 4
SETTLE_SECONDS_MAX = 180.0
FULL_SPEED = 100_000.0
GATEWAYS = 200


class Pace(NamedTuple):
    """How many messages a second good gateways and flood send; whether latencies are measured and judged."""

    good: float
    flood: float
    is_judged: bool


class Place(NamedTuple):
    """Where a group is played: broker's port, ingest, its telemetry file, how the store is counted."""

    port: int
    ingest: IngestProcess
    folder: Path
    readings_url: str

    def stored(self) -> Iterator[Reading]:
        """Every row, straight from the store."""
        if self.readings_url.startswith("sqlite"):
            return fleet_count.in_sqlite(self.folder / "readings.db")
        return fleet_count.in_influx(self.readings_url)

    def counts(self) -> dict[str, int]:
        """What ingest says it has done."""
        return {name: value for name, value in self.ingest.health()[1].items() if isinstance(value, int)}


class Seen(NamedTuple):
    """What was measured of one group."""

    capacity: float
    clean_seconds: float
    flooded_seconds: float
    delivered_share: float
    grown_bytes: int

    def __str__(self) -> str:
        return (
            f"capacity {self.capacity:,.0f} messages/s, p99 {self.clean_seconds * 1_000:.0f} ms clean and "
            f"{self.flooded_seconds * 1_000:.0f} ms flooded, {self.delivered_share:.1%} delivered in time, "
            f"{self.grown_bytes / 2**20:+.0f} MiB"
        )


def run(first: int, count: int, kind: str = SERVER, *, is_judged: bool = True) -> int:
    """Messages number `first` and on, in groups; all of a group count as failed when anything in it does."""
    failed = 0
    for start in range(first, first + count, GROUP):
        size = min(GROUP, first + count - start)
        problems = group(start, size, kind, FLOOD_SHARE, is_judged=is_judged)
        failed += size if problems else 0
        print(f"  {size:,} from {start:,} on: {'; '.join(problems) or 'every one met its fate'}", flush=True)
    return failed


def group(first: int, count: int, kind: str, flood_share: float, *, is_judged: bool) -> list[str]:
    """One group in a place of its own; one line for each promise that did not hold."""
    plan = Plan(now_ms() - DAY_MS, gateways=GATEWAYS, rows=10, seed=first + 1)
    with tempfile.TemporaryDirectory(prefix="sheetal-poison-") as name, _place(Path(name), kind, plan) as place:
        with Flood(place.port, first, count) as flood, Fleet(plan, place.port) as fleet:
            due = poison_count.due(first, count, now_ms())
            flood.wait_until_ready()
            seen, problems = _play(place, fleet, flood, flood_share if is_judged else None)
            print(f"  {seen}", flush=True)
            problems += _settled(place, fleet, due)
            return problems + _of_the_process(place, seen)
