"""kill -9 of one of three ingest workers under a fleet's load; the others take its work over, each row stays once.

Five kills fall into one running crew. The dead worker stays dead until the next kill is due, so that what it had taken
can come only from the others: everything that waited when it died must be settled before another may help.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults.crew import Crew
from benchmarks.faults.fleet_line import DRAIN_SECONDS_MAX, INFLUXD, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import brokers, wait_for
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.faults.fleet_count import Count

FULL = 20
GROUP = 5
WORKERS = 3
HOW = (
    "SIGKILL of one of three ingest workers behind one shared subscription, under 60 messages/s of 100 gateways that "
    "send again after 2 to 2.6 s; the other two alone settle all that waited before the dead one comes back; groups "
    "of 5, every second over InfluxDB and Mosquitto; then truth = store, each row once, every hour marked"
)
SETTLED_BETWEEN_KILLS = 40
HISTORY_DAYS = 20
TAKEN_OVER_SECONDS_MAX = 60.0


def plan_of(number: int) -> Plan:
    """Gateways that send again after two seconds instead of thirty, so that a try takes seconds."""
    return Plan(now_ms() - HISTORY_DAYS * DAY_MS, messages_per_second=60, resend_seconds=2, seed=number)


def run(first: int, count: int, parts: Sequence[Parts] = ()) -> int:
    """Kills number `first` and on, in groups; how many of them failed."""
    failed = 0
    kinds = parts or [Parts(), Parts(brokers()[0], INFLUXD)]
    for start in range(first, first + count, GROUP):
        kills = min(GROUP, first + count - start)
        with tempfile.TemporaryDirectory(prefix="sheetal-workers-") as folder:
            crew = Crew(Path(folder), plan_of(start), kinds[start // GROUP % len(kinds)], workers=WORKERS)
            failed += 0 if group(crew, start, kills).held else kills
    return failed


def group(crew: Crew, start: int, kills: int, seconds: float = DRAIN_SECONDS_MAX) -> Count:
    """So many kills in one crew, drained within so many seconds."""
    chance = random.Random(f"workers {start}")
    with crew:
        crew.fleet.make()
        late = [problem for _ in range(kills) for problem in kill_one(crew, chance)]
        crew.join(*crew.workers)
        found = crew.settle(seconds)
        found.problems.extend(late)
        slowest = crew.fleet.latency_seconds(1.0)
        print(f"  seed {start} over {crew.parts.store}: {kills} killed, slowest answer {slowest:.1f} s; {found}")
    return found


def kill_one(crew: Crew, chance: random.Random, seconds: float = TAKEN_OVER_SECONDS_MAX) -> list[str]:
    """Kills a worker while messages flow; what of all that waited then the others did not settle in time."""
    crew.join(*crew.workers)
    crew.flows(SETTLED_BETWEEN_KILLS)
    time.sleep(chance.uniform(0, 0.5))
    chance.choice(crew.workers).kill()
    made = crew.fleet.outboxes.made
    taken_over = wait_for(lambda: settled_through(crew, made), seconds, 0.05)
    return [] if taken_over else [f"the others did not settle what waited at a kill within {seconds:.0f} s"]


def settled_through(crew: Crew, made: int) -> bool:
    """Whether each of the first so many messages of the fleet is settled."""
    gateways, outboxes = crew.plan.gateways, crew.fleet.outboxes
    for gateway in range(gateways):
        due = (made - gateway + gateways - 1) // gateways
        if outboxes.messages(gateway) < due:
            return False
        if not all(outboxes.is_settled(gateway, message) for message in range(due)):
            return False
    return True
