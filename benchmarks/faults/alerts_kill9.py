"""kill -9 of alerts between finding harm and having told somebody, at each step and at any moment.

One holding freezes for each try. The process that judges it is killed; what it leaves behind must be all or nothing:
hold, verdict, compromise and notice together. Another process then goes on, and somebody must be told: at least once,
and at most once more for the one that was killed.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults.alerts_failpoint import POINTS
from benchmarks.faults.alerts_stage import AlertsStage, name_of
from benchmarks.faults.line import wait_for
from benchmarks.faults.nursery import Nursery

if TYPE_CHECKING:
    from collections.abc import Sequence

FULL = 500
GROUP = 50
HOW = (
    "SIGKILL of alerts while it judges a frozen holding and tells of it: two thirds at nine points between detection, "
    "hold, notice row, sending and remembering, the rest at any moment; then another process goes on (the dead one's "
    "lease ended at once); hold, verdict, compromise and notice stand together or not at all, the message reaches a "
    "webhook once, or twice for the one killed"
)
ANY_MOMENT = "any moment"
WAYS = (*POINTS, *(ANY_MOMENT,) * (len(POINTS) // 2))
MOMENT_SECONDS_MAX = 1.2
END_SECONDS_MAX = 30.0
TOLD_SECONDS_MAX = 40.0
TIMES_MAX = 2


def run(first: int, count: int) -> int:
    """Tries number `first` and on, in groups; how many of them failed."""
    failed = 0
    for start in range(first, first + count, GROUP):
        with tempfile.TemporaryDirectory(prefix="sheetal-alerts-kill9-") as folder:
            failed += group(Path(folder), start, min(GROUP, first + count - start))
    return failed


def group(folder: Path, start: int, tries: int, ways: Sequence[str] = WAYS, plant: str | None = None) -> int:
    """So many tries on one set of stores; how many failed. `plant` is a module that puts a fault into each process."""
    problems: dict[int, list[str]] = {}
    began = time.monotonic()
    with AlertsStage(folder) as stage, Nursery(stage.log, stage.environment, plant) as nursery:
        for number in range(start, start + tries):
            problems[number] = attempt(stage, nursery, number, ways)
        for number in range(start, start + tries):
            problems[number] += told_problems(stage, number)
    failed = {number: found for number, found in problems.items() if found}
    print(f"  from {start}: {tries} killed in {time.monotonic() - began:.0f} s; {failed or 'all told'}", flush=True)
    return len(failed)


def attempt(stage: AlertsStage, nursery: Nursery, number: int, ways: Sequence[str] = WAYS) -> list[str]:
    """One holding, one kill, one process that goes on; what went wrong."""
    chance = random.Random(f"alerts kill9 {number}")
    way = chance.choice(ways)
    stage.freeze(number)
    problems = kill_at(nursery, way, number, chance)
    fate = stage.fate(number)
    if not fate.is_untouched and not fate.is_held_whole:
        problems.append(f"half a hold after a kill at {way}: {fate}")
    stage.end_lease()
    nursery.start()
    if not wait_for(lambda: is_settled(stage, number), TOLD_SECONDS_MAX, 0.03):
        problems.append(f"not told after a kill at {way}: {stage.fate(number)}, {stage.waiting_hours()} hours wait")
    nursery.kill()
    stage.end_lease()
    return problems


def kill_at(nursery: Nursery, way: str, number: int, chance: random.Random) -> list[str]:
    """Start a process and have it killed; what went wrong with that."""
    if way == ANY_MOMENT:
        nursery.start()
        time.sleep(chance.uniform(0, MOMENT_SECONDS_MAX))
        nursery.kill()
        return []
    nursery.start(way, f"{number:05d}")
    ended = nursery.wait(END_SECONDS_MAX)
    nursery.kill()
    return [] if ended == -signal.SIGKILL else [f"it was to kill itself at {way} and ended with {ended}"]


def is_settled(stage: AlertsStage, number: int) -> bool:
    """Held, delivered, and nothing left to judge."""
    fate = stage.fate(number)
    return fate.is_held_whole and fate.delivered == 1 and stage.waiting_hours() == 0


def told_problems(stage: AlertsStage, number: int) -> list[str]:
    """What is wrong with how often somebody was told."""
    counts = {"told": stage.told(number), "shown": stage.shown(number)}
    return [
        f"{name_of(number)} was {what} {times} times" for what, times in counts.items() if not 1 <= times <= TIMES_MAX
    ]
