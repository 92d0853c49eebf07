"""kill -9 of ingest under a fleet's load: at any moment, and between its store's commit, its own and its acks.

Ten kills fall into one running line, each once messages are settled again or at a chosen load; then everything runs
undisturbed, drains, and the store is counted against the fleet's truth. Nobody judges here, so every stored hour must
still be dirty.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults.failpoint import POINTS
from benchmarks.faults.fleet_line import DRAIN_SECONDS_MAX, INFLUXD, FleetLine, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import brokers
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.faults.child import Child
    from benchmarks.faults.fleet_count import Count

FULL = 200
GROUP = 10
HOW = (
    "SIGKILL of ingest under 200 messages/s of 200 gateways, half at a random moment, half exactly after the store's "
    "commit, inside or after its own transaction, or after the acks; groups of 10, every second over Mosquitto and "
    "InfluxDB, where a sixth strikes InfluxDB instead; then truth = store, each row once, every stored hour dirty"
)
ANY_MOMENT = "any moment"
WAYS = (ANY_MOMENT,) * len(POINTS) + POINTS
THE_STORE = "the store instead"
STORE_SHARE = 1 / 6
SETTLED_BETWEEN_KILLS = 20
FAIL_POINT_SECONDS_MAX = 20.0
LOADS_MAX = 10
"""The fail-point is at one of so many loads after a start."""
HISTORY_DAYS = 200


def plan_of(number: int) -> Plan:
    """Each message spans hours of its own, so that a mark that is missing is not made by the next message."""
    begins_ms = now_ms() - HISTORY_DAYS * DAY_MS
    plan = Plan(begins_ms, gateways=200, messages_per_second=200, resend_seconds=1, resend_seconds_max=2, seed=number)
    return plan._replace(spacing_ms=HOUR_MS // 5)


def run(first: int, count: int, parts: Sequence[Parts] = ()) -> int:
    """Kills number `first` and on, in groups; how many of them failed."""
    failed = 0
    kinds = parts or [Parts(), Parts(brokers()[0], INFLUXD)]
    for start in range(first, first + count, GROUP):
        kills = min(GROUP, first + count - start)
        with tempfile.TemporaryDirectory(prefix="sheetal-ingest-kill9-") as folder:
            line = FleetLine(Path(folder), plan_of(start), kinds[start // GROUP % len(kinds)])
            failed += 0 if group(line, start, kills).held else kills
    return failed


def group(
    line: FleetLine, start: int, kills: int, ways: Sequence[str] = WAYS, seconds: float = DRAIN_SECONDS_MAX
) -> Count:
    """So many kills in one line, drained within so many seconds."""
    chance = random.Random(f"ingest kill9 {start}")
    with line:
        line.fleet.make()
        killed = Counter(_kill_one(line, chance, ways) for _ in range(kills))
        found = line.settle(seconds)
        told = ", ".join(f"{count} × {way}" for way, count in sorted(killed.items()))
        print(f"  seed {start} over {line.parts.store}: killed {told}; {found}", flush=True)
    return found


def _kill_one(line: FleetLine, chance: random.Random, ways: Sequence[str]) -> str:
    """One kill, after which ingest does not run; says at which point it fell."""
    way = chance.choice(ways)
    if way != ANY_MOMENT and _kill_at_fail_point(line.ingest, way, chance.randint(1, LOADS_MAX)):
        return way
    line.ingest.start()
    line.flows(SETTLED_BETWEEN_KILLS)
    time.sleep(chance.uniform(0, 0.7))
    if line.store is not None and chance.random() < STORE_SHARE:
        line.store.kill()
        line.store.start().wait_until_ready()
        return THE_STORE
    line.ingest.kill()
    return ANY_MOMENT


def _kill_at_fail_point(ingest: Child, point: str, load: int) -> bool:
    """Starts ingest anew so that it kills itself at this point; whether it came to that.

    Raises RuntimeError when it ended in any other way.
    """
    ingest.kill()
    command, environment = ingest.command, ingest.environment
    ingest.command = [*command[:-1], "benchmarks.faults.failpoint"]
    ingest.environment = {**environment, "FAULT_POINT": point, "FAULT_LOAD": str(load)}
    reached = ingest.start().wait(FAIL_POINT_SECONDS_MAX)
    if reached and ingest.ended_with != -signal.SIGKILL:
        raise RuntimeError(f"ingest ended before its fail-point:\n{ingest.log_tail()}")
    ingest.kill()
    ingest.command, ingest.environment = command, environment
    return reached
