"""Gateways' keys from the ledger, remembered for a minute."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from sheetal.ledger import assets

if TYPE_CHECKING:
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

KNOWN_MS = 60_000
UNKNOWN_MS = 5_000
GATEWAYS_MAX = 100_000


class _Kept(NamedTuple):
    key: bytes | None
    until_ms: int
    doubted_at_ms: int


class Keys:
    """Answers for one thread; a gateway enrolled just now is believed soon, a retired one not much longer."""

    def __init__(self, ledger: Ledger, cipher: FieldCipher, clock: Clock) -> None:
        self._ledger = ledger
        self._cipher = cipher
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def key_of(self, gateway: str) -> bytes | None:
        """The enrolment key; None for a gateway that is not enrolled. Raises Unavailable and Rejected."""
        now_ms = self._clock()
        kept = self._kept.get(gateway)
        if kept is not None and now_ms < kept.until_ms:
            return kept.key
        return self._read(gateway, now_ms)

    def newer_key_of(self, gateway: str, key: bytes) -> bytes | None:
        """Another key than this one, for a gateway that was taken in anew; None when there is none.

        Whatever comes in a gateway's name, the ledger is asked once in five seconds. Raises as `key_of` does.
        """
        now_ms = self._clock()
        kept = self._kept.get(gateway)
        if kept is not None and 0 <= now_ms - kept.doubted_at_ms < UNKNOWN_MS:
            return None
        found = self._read(gateway, now_ms)
        self._kept[gateway] = self._kept[gateway]._replace(doubted_at_ms=now_ms)
        return None if found == key else found

    def _read(self, gateway: str, now_ms: int) -> bytes | None:
        with self._ledger.read() as conn:
            key = assets.gateway_key(conn, self._cipher, gateway)
        kept = self._kept.get(gateway)
        doubted_at_ms = kept.doubted_at_ms if kept is not None else -UNKNOWN_MS
        self._kept[gateway] = _Kept(key, now_ms + (UNKNOWN_MS if key is None else KNOWN_MS), doubted_at_ms)
        self._kept.move_to_end(gateway)
        if len(self._kept) > GATEWAYS_MAX:
            self._kept.popitem(last=False)
        return key
