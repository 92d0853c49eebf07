"""What the broker is given: `ca.pem`, and `gateways.crl`, the list of revoked certificates.

portal.worker alone writes them, each as a whole: the list once a day and after each act. A broker reads it only when it
starts or is told to (`docs/deploy.md`). A list lasts 7 days: should nobody renew it, the broker lets no gateway in any
more, and the gateways keep what they measure.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import structlog
from cryptography import x509

from portal.orchestration.gateway_ca import AUTHORITY_NAME, LIST_DAYS, LIST_NAME
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import enrolment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from portal.orchestration.gateway_ca import Authority
    from sheetal.ledger.connect import Ledger

CHECK_MS = 5_000
RENEWED_MS = DAY_MS
MODE = 0o644

log = structlog.get_logger("portal.worker")


class ListKeeper:
    """One of portal.worker's rounds: writes the list when it lacks somebody, is a day old, or is not there."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self._authority = authority
        self._path = folder / LIST_NAME
        self._authority_path = folder / AUTHORITY_NAME
        self._written: frozenset[str] | None = None
        self._renew_at_ms = 0
        self._check_at_ms = 0

    def __call__(self, ledger: Ledger, now_ms: int) -> object:
        """Do what is due; raises Unavailable, and OSError where the file cannot be written."""
        if 0 <= self._check_at_ms - now_ms <= CHECK_MS:
            return None
        if self._written is None:
            self._remember(now_ms)
        if not self._authority_path.exists():
            replace_file(self._authority_path, self._authority.pem.encode())
        with ledger.read() as conn:
            revoked = enrolment.revoked_serials(conn, now_ms)
        if self._written != frozenset(revoked) or now_ms >= self._renew_at_ms or not self._path.exists():
            write_list(self._authority, self._path, revoked, now_ms)
            self._written, self._renew_at_ms = frozenset(revoked), now_ms + RENEWED_MS
            log.info("The list of revoked gateways is written", revoked=len(revoked))
        self._check_at_ms = now_ms + CHECK_MS
        return None

    def _remember(self, now_ms: int) -> None:
        stands = read_list(self._path)
        if stands is None or not stands.is_signature_valid(self._authority.private_key.public_key()):
            return
        until = stands.next_update_utc
        age_ms = LIST_DAYS * DAY_MS - (round(until.timestamp() * 1000) - now_ms if until else 0)
        self._written = frozenset(f"{entry.serial_number:x}" for entry in stands)
        self._renew_at_ms = now_ms + RENEWED_MS - max(age_ms, 0)


def write_list(authority: Authority, path: Path, revoked: Mapping[str, int], now_ms: int) -> None:
    """Put a new list in the old one's place, so that a broker never reads half of one; raises OSError."""
    before = read_list(path)  # an empty list is falsy, so it is compared with None
    made = authority.revocation_list(revoked, now_ms, before.last_update_utc if before is not None else None)
    replace_file(path, made)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that everybody may read, whole or not at all, even if the power fails; raises OSError."""
    aside = path.with_name(f".{path.name}.new")
    with aside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    aside.chmod(MODE)
    aside.replace(path)


def read_list(path: Path) -> x509.CertificateRevocationList | None:
    """The list of a file; None where there is none, or none that can be read."""
    try:
        return x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return None
