"""Whether other ingest workers are alive: while one is, this worker's memory of the store proves nothing.

Silence is believed only of who listens. A worker whose inbox is full does not read its socket, so it would hear no
peer either: it counts as alone only while its own sign of life, which travels the same way, comes back in time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

ANNOUNCE_SECONDS = 10.0
SILENCE_SECONDS = 3 * ANNOUNCE_SECONDS
ECHO_SECONDS_MAX = 2.5 * ANNOUNCE_SECONDS
"""How old the newest sign of our own that came back may be: one may be late, two may not."""
SIGNS_MAX = 100


class Alive(msgspec.Struct, frozen=True):
    """A worker's sign of life on `cc/v1/_/ingest`; `number` counts the signs of one worker."""

    at_ms: int
    worker: str = ""
    number: int = 0


_alive = msgspec.json.Decoder(Alive)


class Peers:
    """Remembers signs of life by this machine's own clock; one thread hears, one asks `stayed_alone`."""

    def __init__(self, own: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.own = own
        self._monotonic = monotonic
        self._number = 0
        self._said: OrderedDict[int, float] = OrderedDict()
        self._echoed: float | None = None
        self._heard: float | None = None
        self._disturbances = 0
        self._disturbances_known = 0

    def sign(self, at_ms: int) -> bytes:
        """The next sign of life of our own, to be published now."""
        self._number += 1
        self._said[self._number] = self._monotonic()
        if len(self._said) > SIGNS_MAX:
            self._said.popitem(last=False)
        return msgspec.json.encode(Alive(at_ms, self.own, self._number))

    def heard(self, payload: bytes) -> None:
        """Takes a sign of life; one that cannot be read, or of our own and not from this process, says nothing."""
        try:
            alive = _alive.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if alive.worker != self.own:
            self._heard = self._monotonic()
            self._disturbances += 1
        elif alive.number in self._said:
            self._echoed = self._said[alive.number]

    def lost_touch(self) -> None:
        """The connection is a new one: what others said meanwhile was not heard."""
        self._echoed = None
        self._disturbances += 1

    @property
    def is_alone(self) -> bool:
        """Whether we hear ourselves, and heard nobody else in the last three turns."""
        now = self._monotonic()
        listens = self._echoed is not None and now - self._echoed <= ECHO_SECONDS_MAX
        return listens and (self._heard is None or now - self._heard > SILENCE_SECONDS)

    def stayed_alone(self) -> bool:
        """Whether we are alone and were so ever since this was asked last."""
        known, self._disturbances_known = self._disturbances_known, self._disturbances
        return self.is_alone and known == self._disturbances_known
