"""The evaluator: drains when woken and every two seconds, sweeps when the clockwork says so, alone by a lease."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from alerts.counts import Counts
from alerts.deadlines import Deadlines
from alerts.drain import drain_once, take_work
from alerts.sweep import sweep
from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.ledger import lease
from sheetal.ledger.judgement_tables import lease as lease_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alerts.evaluate import Stores
    from sheetal.contracts.clock import Clock
    from sheetal.readings.port import ReadingsStore

LEASE = "alerts"
LEASE_MS = 6_000
LEASE_RENEWED_MS = 2_000
ROUND_SECONDS = 2.0
PAUSE_SECONDS_MIN = 0.5
PAUSE_SECONDS_MAX = 10.0
ROUNDS_AT_ONCE = 1_000
SWEPT_MS_MAX = 10_000

log = structlog.get_logger()


class Engine:
    """One process's evaluator; `run` is its thread, `wake` and `sweep` may be called from others.

    `problem` says what keeps it from judging now; `judged_at_ms` is when its last round ended well; `counts` is what it
    has done so far.
    """

    def __init__(self, stores: Stores, readings: ReadingsStore, holder: str, clock: Clock) -> None:
        self._stores = replace(stores, fence=self._fence)
        self._readings = readings
        self._holder = holder
        self._clock = clock
        self._woken = threading.Event()
        self._turn = threading.Lock()
        self._leased_until_ms = 0
        self._swept_at_ms = 0
        self._deadlines = Deadlines()
        self.problem: str | None = None
        self.judged_at_ms: int | None = None
        self.counts = Counts()

    @property
    def is_leader(self) -> bool:
        """Whether this process holds the lease."""
        return self._clock() < self._leased_until_ms

    def wake(self) -> None:
        """Look at once instead of at the next turn."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Rounds until told to stop; a store that is away is asked again, ever more slowly."""
        pause_seconds = PAUSE_SECONDS_MIN
        while not stop.is_set():
            if self.drain(stop):
                pause_seconds = PAUSE_SECONDS_MIN
                self._woken.wait(ROUND_SECONDS)
                self._woken.clear()
            else:
                stop.wait(pause_seconds)
                pause_seconds = min(pause_seconds * 2, PAUSE_SECONDS_MAX)
        self._give_up_lease()

    def drain(self, stop: threading.Event) -> bool:
        """Judge all that waits; False when a store is away."""
        try:
            with self._turn:
                if self._holds_lease():
                    self._drain(stop)
        except (Unavailable, Rejected) as problem:
            self._note(problem.message)
            return False
        except Exception as problem:  # whatever it is, a thread that ends would close every gate until a person comes
            log.exception("A round of judging failed")
            self._note(f"a round of judging failed: {type(problem).__name__}")
            return False
        self._note(None)
        self.judged_at_ms = self._clock()
        return True

    def sweep(self) -> bool:
        """Move the judged instants on; False when that would claim more than is true."""
        if not self.is_leader or self.problem is not None or not self._readings.health().ok:
            return False
        try:
            with self._turn:
                self._sweep()
        except (Unavailable, Rejected) as problem:
            self._note(problem.message)
            return False
        return True

    def _drain(self, stop: threading.Event) -> None:
        """Round after round; a long backlog does not keep what is judged already from being swept."""
        for _ in range(ROUNDS_AT_ONCE):
            began = time.monotonic()
            work = drain_once(self._stores, self._clock())
            self.counts.add(work, time.monotonic() - began)
            if not work.goes_on or stop.is_set() or not self._holds_lease():
                return
            if self._clock() - self._swept_at_ms >= SWEPT_MS_MAX:
                self._sweep()

    def _sweep(self) -> None:
        now_ms = self._clock()
        work = take_work(self._stores)
        sweep(self._stores.ledger, work.appliances | work.unfinished, now_ms, self._fence)
        if self._deadlines.mark(self._stores.ledger, now_ms, self._fence):
            self.wake()
        self._swept_at_ms = now_ms

    def _holds_lease(self) -> bool:
        """Take or renew the lease; what was remembered before another process held it may be stale."""
        now_ms = self._clock()
        if now_ms < self._leased_until_ms - LEASE_MS + LEASE_RENEWED_MS:
            return True
        with self._stores.ledger.write() as conn:
            held_by = conn.execute(select(lease_table.c.holder).where(lease_table.c.name == LEASE)).scalar_one_or_none()
            is_taken = lease.take(conn, LEASE, self._holder, now_ms, LEASE_MS)
        if is_taken and held_by != self._holder:
            self._stores.hours.forget_all()
            log.info("This process judges now", holder=self._holder)
        self._leased_until_ms = now_ms + LEASE_MS if is_taken else 0
        return is_taken

    def _fence(self, conn: Connection) -> None:
        """Prolong the lease inside the writing transaction itself; raises Unavailable when it has gone to another."""
        now_ms = self._clock()
        if not lease.take(conn, LEASE, self._holder, now_ms, LEASE_MS):
            self._leased_until_ms = 0
            raise Unavailable("another process judges now")
        self._leased_until_ms = now_ms + LEASE_MS

    def _give_up_lease(self) -> None:
        try:
            with self._stores.ledger.write() as conn:
                lease.give_up(conn, LEASE, self._holder)
        except Unavailable as problem:
            log.warning("The lease runs out by itself", problem=problem.message)

    def _note(self, problem: str | None) -> None:
        if problem is not None:
            self.counts.rounds_failed += 1
        if problem is not None and self.problem is None:
            log.error("A store is away; nothing is judged", problem=problem)
        elif problem is None and self.problem is not None:
            log.info("Judging goes on")
        self.problem = problem
