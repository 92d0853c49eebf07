"""Gateways' keys from the ledger, remembered for a minute."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from sheetal.ledger import assets

if TYPE_CHECKING:
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

KNOWN_MS = 60_000
UNKNOWN_MS = 5_000
GATEWAYS_MAX = 100_000


class Keys:
    """Answers for one thread; a gateway enrolled just now is believed soon, a retired one not much longer."""

    def __init__(self, ledger: Ledger, cipher: FieldCipher, clock: Clock) -> None:
        self._ledger = ledger
        self._cipher = cipher
        self._clock = clock
        self._kept: OrderedDict[str, tuple[bytes | None, int]] = OrderedDict()

    def key_of(self, gateway: str) -> bytes | None:
        """The enrolment key; None for a gateway that is not enrolled. Raises Unavailable and Rejected."""
        now_ms = self._clock()
        kept = self._kept.get(gateway)
        if kept is not None and now_ms < kept[1]:
            return kept[0]
        with self._ledger.read() as conn:
            key = assets.gateway_key(conn, self._cipher, gateway)
        self._kept[gateway] = (key, now_ms + (UNKNOWN_MS if key is None else KNOWN_MS))
        self._kept.move_to_end(gateway)
        if len(self._kept) > GATEWAYS_MAX:
            self._kept.popitem(last=False)
        return key
