"""Gateways' keys, remembered for a minute so that no message waits for the ledger twice."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN_SECONDS = 60.0
UNKNOWN_SECONDS = 5.0
"""A gateway enrolled just now is believed soon; one that never was costs at most one look-up in this time."""
GATEWAYS_MAX = 200_000
UNKNOWN_MAX = 10_000
"""Names that no gateway has, kept apart so that whoever invents them pushes out no gateway's key."""

T = TypeVar("T")


class _Kept(NamedTuple):
    key: bytes
    until: float
    doubted_at: float


class KeyRing:
    """Answers for `look_up`, which gives a gateway's key or None and may raise Unavailable; for one thread."""

    def __init__(
        self,
        look_up: Callable[[str], bytes | None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        gateways_max: int = GATEWAYS_MAX,
        unknown_max: int = UNKNOWN_MAX,
    ) -> None:
        self._look_up = look_up
        self._monotonic = monotonic
        self._gateways_max = gateways_max
        self._unknown_max = unknown_max
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()

    def key_of(self, gateway: str) -> bytes | None:
        """The key in force at most a minute ago; None for a gateway that is not enrolled."""
        now = self._monotonic()
        kept = self._kept.get(gateway)
        if kept is not None and now < kept.until:
            return kept.key
        if now < self._unknown.get(gateway, now):
            return None
        key = self._look_up(gateway)
        if key is None:
            self._kept.pop(gateway, None)
            self._unknown[gateway] = now + UNKNOWN_SECONDS
            _shorten(self._unknown, self._unknown_max)
            return None
        doubted_at = kept.doubted_at if kept is not None else now - UNKNOWN_SECONDS
        self._unknown.pop(gateway, None)
        self._kept[gateway] = _Kept(key, now + KNOWN_SECONDS, doubted_at)
        self._kept.move_to_end(gateway)
        _shorten(self._kept, self._gateways_max)
        return key

    def doubt(self, gateway: str) -> bool:
        """Forget a key that did not fit, as of a gateway taken in anew; True when asking again is worth it.

        Whatever comes in a gateway's name, its key is doubted once in five seconds.
        """
        now = self._monotonic()
        kept = self._kept.get(gateway)
        if kept is None or now < kept.doubted_at + UNKNOWN_SECONDS:
            return False
        self._kept[gateway] = kept._replace(until=now, doubted_at=now)
        return True


def _shorten(ring: OrderedDict[str, T], length_max: int) -> None:
    if len(ring) > length_max:
        ring.popitem(last=False)
