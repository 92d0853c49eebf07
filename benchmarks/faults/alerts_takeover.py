"""Two evaluators over one set of stores: the one that judges is killed or frozen, and the other must go on in time.

The freezing is the harder way: the process is not gone, and when it thaws it still believes that it judges. It must
find that it does not, and write nothing.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
from sqlalchemy import select

from benchmarks.faults.alerts_stage import AlertsStage
from benchmarks.faults.child import Child
from benchmarks.faults.line import wait_for
from demo.broker import free_port
from sheetal.ledger.judgement_tables import lease

if TYPE_CHECKING:
    from collections.abc import Sequence

FULL = 20
GROUP = 10
SECONDS_MAX = 30.0
HOW = (
    "two real alerts processes on one ledger; the leader gets SIGKILL or SIGSTOP at any moment around a freeze, the "
    "other must have held the stock within 30 s, once; one that was stopped goes on and must write nothing more"
)
COMMAND = (sys.executable, "-m", "alerts")
MOMENT_SECONDS_MAX = 2.0
THAWED_SECONDS = 3.0
LEADER_SECONDS_MAX = 30.0
ASK_SECONDS_MAX = 2.0


class Evaluator(Child):
    """One alerts process and the port of its health page."""

    health_port = 0

    def said(self) -> dict[str, object]:
        """Its health page; empty while it does not answer."""
        with closing(HTTPConnection("127.0.0.1", self.health_port, timeout=ASK_SECONDS_MAX)) as connection:
            try:
                connection.request("GET", "/healthz")
                found: dict[str, object] = msgspec.json.decode(connection.getresponse().read())
            except (OSError, HTTPException, msgspec.DecodeError):
                return {}
        return found

    @property
    def is_leader(self) -> bool:
        """Whether it says that it judges."""
        return self.said().get("is_leader") is True


class Pair:
    """Two evaluators; a context manager that starts both and ends both."""

    def __init__(self, stage: AlertsStage, command: Sequence[str] = COMMAND) -> None:
        self.evaluators = [self._evaluator(stage, number, command) for number in range(2)]

    def __enter__(self) -> Self:
        for one in self.evaluators:
            one.start()
        for one in self.evaluators:
            one.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.evaluators:
            if one.is_running:
                os.kill(one.pid, signal.SIGCONT)
            one.kill()

    def leader(self) -> Evaluator | None:
        """The one that says it judges; None while neither or both do."""
        found = [one for one in self.evaluators if one.is_leader]
        return found[0] if len(found) == 1 else None

    def _evaluator(self, stage: AlertsStage, number: int, command: Sequence[str]) -> Evaluator:
        port = free_port()
        environment = {**stage.environment, "SHEETAL_HEALTH_PORT": str(port)}
        one = Evaluator(list(command), stage.folder / f"alerts-{number}.log", environment=environment)
        one.health_port = port
        one.ready = lambda: one.said().get("ok") is True
        return one


def run(first: int, count: int) -> int:
    """Tries number `first` and on; how many of them failed."""
    with tempfile.TemporaryDirectory(prefix="sheetal-takeover-") as folder:
        return group(Path(folder), first, count)


def group(
    folder: Path,
    first: int,
    count: int,
    seconds_max: float = SECONDS_MAX,
    command: Sequence[str] = COMMAND,
) -> int:
    """So many tries with one pair on one set of stores; how many failed."""
    failed, took = 0, list[float]()
    with AlertsStage(folder) as stage, Pair(stage, command) as pair:
        for number in range(first, first + count):
            problem, seconds = attempt(stage, pair, number, seconds_max)
            took.append(seconds)
            if problem:
                failed += 1
                print(f"  try {number}: {problem}", flush=True)
    print(f"  {count} from {first}: the other took {max(took):.1f} s at most; {failed} failed", flush=True)
    return failed


def attempt(stage: AlertsStage, pair: Pair, number: int, seconds_max: float) -> tuple[str, float]:
    """One leader that fails and one freeze; what went wrong, and the seconds until the stock was held."""
    chance = random.Random(f"alerts takeover {number}")
    if not wait_for(lambda: pair.leader() is not None, LEADER_SECONDS_MAX, 0.05):
        return "neither judges, or both", 0.0
    leader = pair.leader()
    if leader is None:
        return "the leader changed by itself", 0.0
    is_stopped = chance.random() < 0.5  # noqa: PLR2004 - a half
    time.sleep(chance.uniform(0, MOMENT_SECONDS_MAX))
    freeze_first = chance.random() < 0.5  # noqa: PLR2004 - a half
    if freeze_first:
        stage.freeze(number)
        time.sleep(chance.uniform(0, MOMENT_SECONDS_MAX))
    began = time.monotonic()
    os.kill(leader.pid, signal.SIGSTOP if is_stopped else signal.SIGKILL)
    if not freeze_first:
        stage.freeze(number)
    is_held = wait_for(lambda: stage.fate(number).is_held_whole and holder(stage) is not None, seconds_max, 0.02)
    problem = "" if is_held else f"not held whole: {stage.fate(number)}"
    is_taken = wait_for(lambda: other_leads(pair, leader), seconds_max, 0.02)
    seconds = time.monotonic() - began
    if not problem and (not is_taken or seconds > seconds_max):
        problem = f"the other judged after {seconds:.1f} s"
    return problem or bring_back(stage, leader, number, is_stopped=is_stopped), seconds


def other_leads(pair: Pair, leader: Evaluator) -> bool:
    """Whether the other one judges now."""
    return any(one.is_leader for one in pair.evaluators if one is not leader)


def bring_back(stage: AlertsStage, leader: Evaluator, number: int, *, is_stopped: bool) -> str:
    """Let the one that failed go on, or another in its place; what it did that it should not have."""
    before, held_by = stage.fate(number), holder(stage)
    if is_stopped:
        os.kill(leader.pid, signal.SIGCONT)
        time.sleep(THAWED_SECONDS)
    else:
        leader.kill()
        leader.start().wait_until_ready()
    after = stage.fate(number)
    told = ("holds", "compromises", "notices", "held_by")
    if any(getattr(before, name) != getattr(after, name) for name in told):
        return f"it wrote once more: {before}, then {after}"
    return "" if holder(stage) == held_by else "it took the lease from one that judges"


def holder(stage: AlertsStage) -> str | None:
    """Who holds the lease."""
    with stage.ledger.read() as conn:
        found: str | None = conn.execute(select(lease.c.holder).where(lease.c.name == "alerts")).scalar_one_or_none()
    return found
