"""Keeps the newest audit seal in the mirror, the second of its two places outside the database.

A seal in the mirror that the ledger does not know proves that the ledger went back or was exchanged: it is put aside
for those who look into it, and the worker says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from sheetal.contracts.seal import UNREADABLE
from sheetal.ledger import seals

if TYPE_CHECKING:
    from portal.certificate.mirror import Mirror
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.seals import Seal

log = structlog.get_logger("portal.worker")


class SealKeeper:
    """A round of the worker: writes when there is a newer seal. Raises Unavailable and OSError."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._written: str | None = None

    def __call__(self, ledger: Ledger, _now_ms: int) -> None:
        """Brings the mirror to the newest seal."""
        with ledger.read() as conn:
            newest = seals.latest_seal(conn)
            if newest is None or newest.hash == self._written:
                return
            standing = self._standing()
            is_known = standing is None or seals.knows(conn, standing)
        if standing is not None and not is_known:
            self._put_aside(standing)
        self._mirror.write(seals.MIRROR_FILE, msgspec.json.encode(newest))
        self._written = newest.hash

    def _standing(self) -> Seal | None:
        try:
            return msgspec.json.decode((self._mirror.folder / seals.MIRROR_FILE).read_bytes(), type=seals.Seal)
        except FileNotFoundError:
            return None
        except UNREADABLE:
            log.warning("the seal in the mirror cannot be read and is written anew")
            return None

    def _put_aside(self, lost: Seal) -> None:
        self._mirror.write(f"{seals.ASIDE_FOLDER}/{lost.number}-{lost.hash[:16]}.json", msgspec.json.encode(lost))
        log.error("the ledger does not know the seal in the mirror", number=lost.number, sealed_at_ms=lost.sealed_at_ms)
