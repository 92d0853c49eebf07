"""The wake-up "stored" never reaches alerts, since no broker answers: hold and message come all the same.

Work comes from what is marked in the stores, and device alarms and wake-ups only hasten it. So every try freezes one
holding without a word to anybody, and the same process that knows no broker must find, hold and tell it in time.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.faults.alerts_kill9 import is_settled
from benchmarks.faults.alerts_stage import AlertsStage
from benchmarks.faults.line import wait_for
from benchmarks.faults.nursery import Nursery

FULL = 200
GROUP = 50
TOLD_SECONDS_MAX = 15.0
HOW = (
    "Readings stored and marked while no broker answers alerts, so that no wake-up arrives; one frozen holding after "
    "another; each held with its verdict, told to a webhook exactly once within 15 s"
)


def run(first: int, count: int) -> int:
    """Tries number `first` and on, in groups; how many of them failed."""
    failed = 0
    for start in range(first, first + count, GROUP):
        with tempfile.TemporaryDirectory(prefix="sheetal-lost-notice-") as folder:
            failed += group(Path(folder), start, min(GROUP, first + count - start))
    return failed


def group(folder: Path, start: int, tries: int, seconds: float = TOLD_SECONDS_MAX, plant: str | None = None) -> int:
    """So many tries told to one process; how many failed."""
    problems: list[str] = []
    slowest = 0.0
    with AlertsStage(folder) as stage, Nursery(stage.log, stage.environment, plant) as nursery:
        nursery.start()
        for number in range(start, start + tries):
            stage.freeze(number)
            began = time.monotonic()
            if not wait_for(lambda number=number: is_settled(stage, number), seconds, 0.05):  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                problems.append(f"{number}: not held and told in {seconds:.0f} s: {stage.fate(number)}")
            slowest = max(slowest, time.monotonic() - began)
        problems += [
            f"{number}: told {n} times" for number in range(start, start + tries) if (n := stage.told(number)) != 1
        ]
    print(f"  from {start}: {tries} without a wake-up, slowest {slowest:.1f} s; {problems or 'all told'}", flush=True)
    return min(len(problems), tries)
