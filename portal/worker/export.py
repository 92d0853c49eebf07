"""Writes the bundles of new certificates into the mirror: at least once, and twice does no harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.certificate import service
from sheetal.contracts.problem import Rejected

if TYPE_CHECKING:
    from portal.certificate.mirror import Mirror
    from portal.certificate.schemas import BundleFile, SealedCertificate
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

BATCH_MAX = 100


@dataclass(frozen=True, slots=True)
class Exported:
    """How many bundles became durable, and how many could not be made."""

    written: int
    failed: int


def export_pending(ledger: Ledger, cipher: FieldCipher, mirror: Mirror, now_ms: int) -> Exported:
    """Export at most one batch: write and sync the files first, then say so in the ledger.

    A crash between the two writes the same bytes again. Raises Unavailable, and OSError for a mirror not writable.
    """
    with ledger.read() as connection:
        waiting = service.pending_exports(connection, BATCH_MAX)
    if not waiting:
        return Exported(0, 0)
    files, failed = _bundles(cipher, waiting)
    mirror.write_bundles(files)
    with ledger.write() as connection:
        service.mark_exported(connection, [file.certificate for file in files], now_ms)
        service.mark_not_exported(connection, failed)
    return Exported(written=len(files), failed=len(failed))


def _bundles(cipher: FieldCipher, waiting: list[SealedCertificate]) -> tuple[list[BundleFile], list[str]]:
    files, failed = [], []
    for sealed in waiting:
        try:
            files.append(service.bundle_file(cipher, sealed))
        except Rejected:
            failed.append(sealed.id)
    return files, failed
