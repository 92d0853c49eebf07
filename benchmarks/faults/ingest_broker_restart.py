"""kill -9 of the broker under a fleet's load, again and again: all that it held is gone, and nothing is missing.

Ingest and the gateways find it again by themselves; ingest stays the same process throughout.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults.fleet_line import DRAIN_SECONDS_MAX, FleetLine, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import brokers
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from benchmarks.faults.fleet_count import Count

FULL = 5
KILLS = 5
HOW = (
    "Mosquitto killed by SIGKILL and started again 5 times under 300 messages/s of 1,000 gateways, away for up to 2 s; "
    "same ingest process throughout; then truth = store, each row once"
)
HISTORY_HOURS = 22
SETTLED_BETWEEN_KILLS = 100


def run(first: int, count: int, broker: str = "", kills: int = KILLS) -> int:
    """Tries number `first` and on, each of so many kills; how many broke a promise."""
    failed = 0
    for seed in range(first, first + count):
        begins_ms = now_ms() - HISTORY_HOURS * HOUR_MS
        plan = Plan(
            begins_ms, gateways=1_000, messages_per_second=300, resend_seconds=1, resend_seconds_max=2, seed=seed
        )
        with tempfile.TemporaryDirectory(prefix="sheetal-broker-restart-") as folder:
            found = restart(FleetLine(Path(folder), plan, Parts(broker or brokers()[0])), kills)
            print(f"  seed {seed}: {kills} times: {found}", flush=True)
        failed += not found.held
    return failed


def restart(line: FleetLine, kills: int, seconds: float = DRAIN_SECONDS_MAX) -> Count:
    """So many kills of the broker in one line, drained within so many seconds."""
    chance = random.Random(f"broker restart {line.plan.seed}")
    with line:
        line.fleet.make()
        pid = line.ingest.pid
        flowed = [_kill_broker(line, chance) for _ in range(kills)]
        found = line.settle(seconds)
        problems = {
            "nothing flowed again after a restart": not all(flowed),
            f"ingest ended:\n{line.ingest.log_tail()}": line.ingest.pid != pid,
        }
        found.problems.extend(problem for problem, stands in problems.items() if stands)
    return found


def _kill_broker(line: FleetLine, chance: random.Random) -> bool:
    """Kills it under load, starts it again a moment later; whether messages were settled before that."""
    flowed = line.flows(SETTLED_BETWEEN_KILLS)
    time.sleep(chance.uniform(0, 1))
    line.broker.kill()
    time.sleep(chance.uniform(0, 2))
    line.broker.start().wait_until_ready()
    return flowed
