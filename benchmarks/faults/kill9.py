"""kill -9 of gateway, broker and ingest at random moments under load, and of ingest between its commit and its ack.

Ten kills fall into one running line, each once readings flow again; then everything runs undisturbed, drains, and the
truth log, the outboxes and the store are compared. When they do not agree all ten kills count as failed.
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
from benchmarks.faults.line import EMBEDDED, Line, brokers, wait_for
from benchmarks.faults.scene import Scene
from benchmarks.faults.settled import DRAIN_SECONDS_MAX, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.faults.child import Child
    from benchmarks.faults.reconcile import Report

FULL = 250
GROUP = 10
HOW = (
    "SIGKILL of a gateway, the broker or ingest at a random moment of a running line (about 600 readings/s), a quarter "
    "of ingest's between store commit and ack; groups of 10, then truth log = outboxes = store, each reading once"
)
SCENE = Scene(gateways=3, probes=8, interval_seconds=10, history_minutes=300, story_minutes=250, catch_up_seconds=60)
VICTIMS = ("gateway", "gateway", "broker", "ingest", "ingest at a fail-point")
ROWS_BETWEEN_KILLS = 50
FLOW_SECONDS_MAX = 20.0
FAIL_POINT_SECONDS_MAX = 10.0


def run(first: int, count: int, broker: str = "") -> int:
    """Kills number `first` and on, in groups; how many of them failed."""
    failed = 0
    for start in range(first, first + count, GROUP):
        kills = min(GROUP, first + count - start)
        kind = broker or (brokers()[0] if start // GROUP % 2 else EMBEDDED)
        with tempfile.TemporaryDirectory(prefix="sheetal-kill9-") as folder:
            line = Line(Path(folder), SCENE._replace(seed=start + 1), broker=kind)
            failed += 0 if group(line, start, kills).held else kills
    return failed


def group(
    line: Line, start: int, kills: int, victims: Sequence[str] = VICTIMS, seconds: float = DRAIN_SECONDS_MAX
) -> Report:
    """So many kills in one line, drained within so many seconds; what was kept and is missing, doubled or changed."""
    chance = random.Random(f"kill9 {start}")
    with line:
        line.start()
        began = time.monotonic()
        killed = Counter(_kill_one(line, chance, victims) for _ in range(kills))
        flowed = line.stored_count() / (time.monotonic() - began)
        healed = time.monotonic()
        line.start()
        report = settle(line, seconds)
        told = ", ".join(f"{count} × {victim}" for victim, count in sorted(killed.items()))
        print(
            f"  seed {start}: killed {told}; {flowed:,.0f} readings/s under fire, "
            f"drained {time.monotonic() - healed:.0f} s after the last; {report}",
            flush=True,
        )
    return report


def _kill_one(line: Line, chance: random.Random, victims: Sequence[str]) -> str:
    """Waits until readings flow, kills one part a moment later, starts it again; says whom."""
    before = line.stored_count()
    wait_for(lambda: line.stored_count() >= before + ROWS_BETWEEN_KILLS, FLOW_SECONDS_MAX, 0.02)
    time.sleep(chance.uniform(0, 0.7))
    victim = chance.choice(victims)
    if victim == "ingest at a fail-point":
        return _kill_at_fail_point(line.ingest, chance.choice(POINTS), chance.randint(1, 3))
    part = {"gateway": chance.choice(list(line.gateways.values())), "broker": line.broker, "ingest": line.ingest}
    part[victim].kill()
    time.sleep(chance.uniform(0, 0.6))
    part[victim].start()
    return victim


def _kill_at_fail_point(ingest: Child, point: str, load: int) -> str:
    """Starts ingest anew so that it kills itself at this point, then the plain one again; says what killed it.

    Raises RuntimeError when it ended in any other way.
    """
    command, environment = ingest.command, ingest.environment
    ingest.kill()
    ingest.command = [*command[:-1], "benchmarks.faults.failpoint"]
    ingest.environment = {**environment, "FAULT_POINT": point, "FAULT_LOAD": str(load)}
    ingest.start()
    reached = ingest.wait(FAIL_POINT_SECONDS_MAX)
    if reached and ingest.ended_with != -signal.SIGKILL:
        raise RuntimeError(f"ingest ended before its fail-point:\n{ingest.log_tail()}")
    ingest.kill()
    ingest.command, ingest.environment = command, environment
    ingest.start()
    return f"ingest when {point}" if reached else "ingest"
