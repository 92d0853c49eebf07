"""What one worker of all does besides its loads: asking for what is missing, letting go of what is old."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.problem import Problem
from sheetal.ledger import lease

if TYPE_CHECKING:
    from threading import Event

    from ingest.resend import Resend
    from ingest.retention import Retention
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger

LEASE = "ingest-chores"
LEASE_MS = 60_000
TURN_SECONDS = 10.0
RETENTION_EVERY_MS = DAY_MS
RETENTION_AGAIN_MS = HOUR_MS

log = structlog.get_logger()


class Chores:
    """Runs in a thread of its own, at no time on the way of a load; only the holder of the lease does anything."""

    def __init__(self, ledger: Ledger, resend: Resend, retention: Retention, holder: str, clock: Clock) -> None:
        self._ledger = ledger
        self._resend = resend
        self._retention = retention
        self._holder = holder
        self._clock = clock
        self._retention_due_ms = 0

    def run(self, stop: Event) -> None:
        """Goes on until told to stop; then another worker may take over at once."""
        while not stop.wait(TURN_SECONDS):
            self.turn(stop)
        try:
            with self._ledger.write() as conn:
                lease.give_up(conn, LEASE, self._holder)
        except Problem:
            log.info("The lease of the chores runs out by itself")

    def turn(self, stop: Event) -> None:
        """One round; whatever goes wrong is told and tried again in the next, and keeps no other chore."""
        for chore in (lambda: self._resend.turn(self._clock()), lambda: self._keep(stop)):
            try:
                if self._leads():
                    chore()
            except Problem as problem:
                log.warning("A store does not answer; the next turn tries again", problem=problem.message)
            except Exception:  # a chore must never end the thread that does the others
                log.exception("A chore failed")

    def _keep(self, stop: Event) -> None:
        if self._clock() >= self._retention_due_ms:
            self._retention_due_ms = self._clock() + RETENTION_AGAIN_MS
            self._retention.turn(self._clock(), lambda: not stop.is_set() and self._leads())
            self._retention_due_ms = self._clock() + RETENTION_EVERY_MS

    def _leads(self) -> bool:
        with self._ledger.write() as conn:
            return lease.take(conn, LEASE, self._holder, self._clock(), LEASE_MS)
