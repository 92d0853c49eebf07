"""A store that is hung, gone or slow while ten thousand gateways wait and send again.

Meanwhile nothing is acknowledged, ingest says what is wrong, and its memory stays flat; when the store is back all
drains, each row once.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.fleet_line import ALL_EMBEDDED, ALL_SERVERS, FleetLine, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import wait_for
from benchmarks.faults.outage import watch
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.faults.fleet_count import Count

FULL = 3
HOW = (
    "InfluxDB hung by SIGSTOP, killed and started again later, or given 2 % of its time, for 10 min under 10,000 "
    "gateways with a message a minute that re-send what is not acknowledged: nothing acknowledged meanwhile, its "
    "health page says why, memory grows ≤ 64 MiB and not in the second half; then truth = store, each row once"
)
OUTAGE_SECONDS = 600.0
DRAIN_SECONDS_MAX = 600.0
WARM_SECONDS_MAX = 300.0
WARM_MESSAGES_PER_SECOND = 1_500.0
HISTORY_HOURS = 22
STOPPED_SECONDS, RUNNING_SECONDS = 0.98, 0.02
LOCK_SECONDS_MAX = 60.0

FULL_PLAN = Plan(0, gateways=10_000, probes=1, messages_per_second=10_000 / 60, resend_seconds=30, resend_jitter=0.2)
SMALL_PLAN = Plan(0, gateways=1_000, messages_per_second=200, resend_seconds=2, resend_seconds_max=4)


class Way(NamedTuple):
    """How the store is away while the context is open, whether it then does nothing at all, and what is needed."""

    away: Callable[[FleetLine], AbstractContextManager[None]]
    is_dead: bool = True
    parts: Parts = ALL_SERVERS


def run(
    first: int,
    count: int,
    ways: Sequence[str] = ("hung", "refusing", "slow"),
    seconds: float = OUTAGE_SECONDS,
    plan: Plan = FULL_PLAN,
) -> int:
    """Outages number `first` and on, of so many seconds; how many broke a promise."""
    failed = 0
    for seed in range(first, first + count):
        name = ways[seed % len(ways)]
        with tempfile.TemporaryDirectory(prefix="sheetal-store-down-") as folder:
            begins_ms = now_ms() - HISTORY_HOURS * HOUR_MS
            line = FleetLine(Path(folder), plan._replace(starts_at_ms=begins_ms, seed=seed), WAYS[name].parts)
            found = outage(line, WAYS[name], seconds)
            print(f"  seed {seed}: {name} for {seconds:.0f} s: {found}", flush=True)
        failed += not found.held
    return failed


def outage(line: FleetLine, way: Way, seconds: float) -> Count:
    """One outage under load and its end."""
    with line:
        warmed = _warm(line)
        pid = line.ingest.pid
        with way.away(line):
            watched = watch(line, seconds, is_dead=way.is_dead)
            waited = line.fleet.outboxes.pending
        print(f"    {watched}; {waited:,} messages waited", flush=True)
        began = time.monotonic()
        found = line.settle(DRAIN_SECONDS_MAX)
        print(f"    drained in {time.monotonic() - began:.0f} s", flush=True)
        problems = watched.problems(is_dead=way.is_dead)
        if line.ingest.pid != pid:
            problems.append("ingest ended")
        found.problems.extend([*([] if warmed else ["no load came up"]), *problems])
    return found


def _warm(line: FleetLine) -> bool:
    """Lets each gateway be heard once, so that ingest knows all of them, then goes on at the plan's pace."""
    fleet, outboxes = line.fleet, line.fleet.outboxes
    fleet.make(max(line.plan.messages_per_second, WARM_MESSAGES_PER_SECOND))
    wait_for(lambda: outboxes.made >= line.plan.gateways, WARM_SECONDS_MAX)
    warmed = fleet.drained(WARM_SECONDS_MAX)
    fleet.make(line.plan.messages_per_second)
    return warmed and line.flows(1)


# The ways


@contextmanager
def _hung(line: FleetLine) -> Iterator[None]:
    """It takes connections and answers nothing."""
    pid = _store(line)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _refusing(line: FleetLine) -> Iterator[None]:
    """It is gone."""
    _store(line)
    if line.store is not None:
        line.store.kill()
        yield
        line.store.start().wait_until_ready()


@contextmanager
def _slow(line: FleetLine) -> Iterator[None]:
    """It gets a fiftieth of its time."""
    pid, over = _store(line), threading.Event()

    def stutter() -> None:
        while not over.wait(RUNNING_SECONDS):
            os.kill(pid, signal.SIGSTOP)
            over.wait(STOPPED_SECONDS)
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=stutter)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _store(line: FleetLine) -> int:
    if line.store is None:
        raise ValueError("the embedded store has no process of its own")
    return line.store.pid


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Another process, ours, holds the file's write lock."""
    with closing(sqlite3.connect(file, timeout=LOCK_SECONDS_MAX, isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        yield
        store.execute("ROLLBACK")


WAYS = {
    "hung": Way(_hung),
    "refusing": Way(_refusing),
    "slow": Way(_slow, is_dead=False),
    "readings locked": Way(lambda line: _locked(line.readings_file), parts=ALL_EMBEDDED),
    "telemetry locked": Way(lambda line: _locked(line.telemetry_file), parts=ALL_EMBEDDED),
}
