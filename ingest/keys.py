"""Gateways' keys, remembered for a minute so that no message waits for the ledger twice."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN_SECONDS = 60.0
UNKNOWN_SECONDS = 5.0
"""A gateway enrolled just now is believed soon; one that never was costs at most one look-up in this time."""
GATEWAYS_MAX = 200_000


class KeyRing:
    """Answers for `look_up`, which gives a gateway's key or None and may raise Unavailable; for one thread."""

    def __init__(
        self,
        look_up: Callable[[str], bytes | None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        gateways_max: int = GATEWAYS_MAX,
    ) -> None:
        self._look_up = look_up
        self._monotonic = monotonic
        self._gateways_max = gateways_max
        self._kept: OrderedDict[str, tuple[bytes | None, float]] = OrderedDict()

    def key_of(self, gateway: str) -> bytes | None:
        """The key in force at most a minute ago; None for a gateway that is not enrolled."""
        now = self._monotonic()
        kept = self._kept.get(gateway)
        if kept is not None and now < kept[1]:
            return kept[0]
        key = self._look_up(gateway)
        self._kept[gateway] = (key, now + (UNKNOWN_SECONDS if key is None else KNOWN_SECONDS))
        self._kept.move_to_end(gateway)
        if len(self._kept) > self._gateways_max:
            self._kept.popitem(last=False)
        return key
