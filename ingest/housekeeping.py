"""What a worker does by the clock: latest values each second, what is settled and a sign of life every ten."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog

from ingest.peers import ANNOUNCE_SECONDS
from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from ingest.latest import Latest

FLUSH_SECONDS = 1.0
SETTLE_SECONDS = 10.0
"""Gaps are for eyes, and are asked for only after minutes; what a crash forgets here is asked for and found again."""
LOOK_SECONDS = 0.05

log = structlog.get_logger()


class Connection(Protocol):
    """What of the subscriber is needed here."""

    @property
    def is_subscribed(self) -> bool:
        """Whether messages can come."""

    def announce(self) -> None:
        """Publishes the sign of life."""


class Housekeeping:
    """Runs in a thread of its own; `on_ready` is called at the first subscription."""

    def __init__(self, connection: Connection, latest: Latest, on_ready: Callable[[], None]) -> None:
        self._connection = connection
        self._latest = latest
        self._on_ready = on_ready
        self._is_ready = False
        self._is_behind = False
        self._flushed = self._settled = self._announced = time.monotonic()

    def run(self, stop: Event) -> None:
        """Goes on until told to stop, then writes the latest values a last time."""
        while not stop.wait(FLUSH_SECONDS if self._is_ready else LOOK_SECONDS):
            self.turn(time.monotonic())
        self._write(self._latest.flush)
        self._write(self._latest.settle)

    def turn(self, now: float) -> None:
        """Does what is due at this monotonic instant."""
        if not self._is_ready and self._connection.is_subscribed:
            self._is_ready = True
            self._announced = now
            self._on_ready()
        if now - self._flushed >= FLUSH_SECONDS:
            self._flushed = now
            self._write(self._latest.flush)
        if now - self._settled >= SETTLE_SECONDS:
            self._settled = now
            self._write(self._latest.settle)
        if self._connection.is_subscribed and now - self._announced >= ANNOUNCE_SECONDS:
            self._announced = now
            self._connection.announce()

    def _write(self, step: Callable[[], int]) -> None:
        try:
            step()
        except Unavailable as problem:
            if not self._is_behind:
                log.warning("Latest values wait for their store", problem=problem.message)
            self._is_behind = True
        except Exception:  # a screen's values must never end the thread that says this worker lives
            log.exception("Latest values could not be written")
        else:
            self._is_behind = False
