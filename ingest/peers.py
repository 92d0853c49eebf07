"""Whether other ingest workers are alive: while one is, this worker's memory of the store proves nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

ANNOUNCE_SECONDS = 10.0
SILENCE_SECONDS = 3 * ANNOUNCE_SECONDS


class Alive(msgspec.Struct, frozen=True):
    """A worker's sign of life on `cc/v1/_/ingest`."""

    at_ms: int
    worker: str = ""


_alive = msgspec.json.Decoder(Alive)


class Peers:
    """Remembers when a sign of life of any worker but `own` was last heard, by this machine's own clock."""

    def __init__(self, own: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.own = own
        self._monotonic = monotonic
        self._heard: float | None = None

    def heard(self, payload: bytes) -> None:
        """Takes a sign of life; one of our own, or one that cannot be read, says nothing."""
        try:
            alive = _alive.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if alive.worker != self.own:
            self._heard = self._monotonic()

    @property
    def is_alone(self) -> bool:
        """Whether no other worker gave a sign of life in the last three turns."""
        return self._heard is None or self._monotonic() - self._heard > SILENCE_SECONDS
