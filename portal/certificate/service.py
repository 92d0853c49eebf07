"""Issuing, opening, exporting and marking certificates.

A certificate is signed by `prepare` before any lock is taken and kept by `commit` inside the dose's own transaction.
"""

from __future__ import annotations

import base64
import dataclasses
import secrets
from typing import TYPE_CHECKING

import msgspec

from portal.certificate import advisory, bundle, store
from portal.certificate.advisory import Level
from portal.certificate.renderings import hcert
from portal.certificate.schemas import (
    BundleFile,
    Certificate,
    ExportBacklog,
    Issued,
    Prepared,
    SealedCertificate,
    Slip,
)
from sheetal.contracts.dose_record import DoseRecord
from sheetal.contracts.problem import NotFound, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from portal.certificate.keys import SigningKeys
    from sheetal.ledger.field_cipher import FieldCipher

TABLE = "certificate"
ID_BYTES = 16
# Below half full a random index is free with p >= 1/2; 64 misses in a row then have p < 1e-19.
INDEX_TRIES_MAX = 64


def new_certificate_id() -> str:
    """A random public id of 128 bits, fit for a URN:UVCI."""
    return base64.b32encode(secrets.token_bytes(ID_BYTES)).rstrip(b"=").decode()


def prepare(record: DoseRecord, keys: SigningKeys, now_ms: int) -> Prepared:
    """Sign a certificate, with a fresh link secret and a random status index; touches no store."""
    index = secrets.randbelow(advisory.ENTRIES)
    return Prepared(
        record=record,
        hcert=hcert.render(record, keys, index, now_ms),
        secret=secrets.token_bytes(bundle.SECRET_BYTES),
        status_index=index,
        keys=keys,
        issued_at_ms=now_ms,
    )


def commit(connection: Connection, cipher: FieldCipher, prepared: Prepared, now_ms: int) -> Issued:
    """Keep a prepared certificate in the caller's transaction.

    A status index that is taken is drawn and signed again (0.1 ms). Raises Refused (`already_issued`) when the dose has
    a current certificate or the id is taken, Unavailable when the status list is full.
    """
    for _ in range(INDEX_TRIES_MAX):
        if store.insert(connection, _row(cipher, prepared, now_ms)):
            return _issued(prepared)
        if _is_taken(connection, prepared.record):
            raise Refused("the dose has a certificate already", reason="already_issued", dose=prepared.record.dose)
        prepared = _with_new_index(prepared)
    raise Unavailable("the status list is full", next_step="Open another status list.")


def issue(connection: Connection, cipher: FieldCipher, keys: SigningKeys, record: DoseRecord, now_ms: int) -> Issued:
    """Prepare and commit in one step, where nobody waits for the lock."""
    return commit(connection, cipher, prepare(record, keys, now_ms), now_ms)


def reissue(connection: Connection, cipher: FieldCipher, prepared: Prepared, now_ms: int) -> Issued:
    """Keep a corrected certificate; the dose's earlier one is superseded, stays retrievable and says so.

    Raises NotFound when the dose has no certificate yet.
    """
    if not store.supersede(connection, prepared.record.dose, now_ms):
        raise NotFound("the dose has no certificate to replace", dose=prepared.record.dose)
    return commit(connection, cipher, prepared, now_ms)


def certificate_of_dose(connection: Connection, dose_id: str) -> Certificate | None:
    """The dose's current certificate, if it has one."""
    return store.current_of_dose(connection, dose_id)


def certificate_by_id(connection: Connection, certificate_id: str) -> Certificate:
    """One certificate, current or superseded; raises NotFound."""
    found = store.by_id(connection, certificate_id)
    if found is None:
        raise NotFound("No such certificate.")
    return found


def link_of(connection: Connection, cipher: FieldCipher, keys: SigningKeys, certificate_id: str) -> str:
    """The owner's link to the standby site; the secret stands behind `#`, which browsers never send."""
    secret = _open(cipher, _sealed(connection, certificate_id), "secret")
    return _link(keys.standby_url, secret, certificate_id)


def slip(connection: Connection, cipher: FieldCipher, keys: SigningKeys, certificate_id: str) -> Slip:
    """What the session's staff hand over after the dose; the caller checks who may ask. Raises NotFound."""
    sealed = _sealed(connection, certificate_id)
    link = _link(keys.standby_url, _open(cipher, sealed, "secret"), certificate_id)
    return Slip(
        certificate=certificate_by_id(connection, certificate_id),
        record=_record(cipher, sealed),
        link=link,
        link_qr_svg=bundle.qr_svg(link),
    )


def set_level(connection: Connection, dose_id: str, level: Level, now_ms: int) -> bool:
    """Set the advisory level of a dose; False when nothing changed. Authenticity is never touched.

    Raises NotFound for a dose without a certificate.
    """
    found = store.current_of_dose(connection, dose_id)
    if found is None:
        raise NotFound("the dose has no certificate", dose=dose_id)
    if not advisory.may_change(found.level, Level(level)):
        return False
    store.change_level(connection, found.id, Level(level), now_ms)
    return True


def pending_exports(connection: Connection, limit: int) -> list[SealedCertificate]:
    """Certificates whose bundle is not yet in the mirror, at most `limit`."""
    return store.pending(connection, limit)


def bundle_file(cipher: FieldCipher, sealed: SealedCertificate) -> BundleFile:
    """The encrypted bundle of one certificate; raises Rejected when its fields do not open."""
    secret = _open(cipher, sealed, "secret")
    content = bundle.content_of(_record(cipher, sealed), _open(cipher, sealed, "hcert").decode(), sealed.issued_at_ms)
    path = bundle.path_of(bundle.name_of(secret, sealed.id))
    return BundleFile(certificate=sealed.id, path=path, data=bundle.seal(content, secret))


def mark_exported(connection: Connection, ids: Sequence[str], now_ms: int) -> None:
    """Note that these bundles are durable; call only after the files were synced."""
    store.mark_exported(connection, ids, now_ms)


def mark_not_exported(connection: Connection, ids: Sequence[str]) -> None:
    """Note that these could not be exported now; they are tried again after the others."""
    store.count_attempt(connection, ids)


def count_pending(connection: Connection) -> int:
    """How many certificates wait for their export."""
    return store.count_pending(connection)


def export_backlog(connection: Connection) -> ExportBacklog:
    """How many certificates wait for their export, how many of them failed before, and the oldest one's instant."""
    return store.export_backlog(connection)


def levels(connection: Connection) -> dict[int, Level]:
    """Every advisory level ever set, by status index."""
    return store.levels(connection)


def newest_level_change_ms(connection: Connection) -> int | None:
    """When a level was last set, if ever."""
    return store.newest_level_change_ms(connection)


def _row(cipher: FieldCipher, prepared: Prepared, now_ms: int) -> dict[str, object]:
    record = prepared.record
    return {
        "id": record.certificate,
        "dose_id": record.dose,
        "facility_id": record.facility,
        "record_sealed": _seal(cipher, record.certificate, "record", msgspec.json.encode(record)),
        "hcert_sealed": _seal(cipher, record.certificate, "hcert", prepared.hcert.encode()),
        "secret_sealed": _seal(cipher, record.certificate, "secret", prepared.secret),
        "status_index": prepared.status_index,
        "level": Level.OK.value,
        "issued_at_ms": now_ms,
        "export_attempts": 0,
    }


def _is_taken(connection: Connection, record: DoseRecord) -> bool:
    return (
        store.by_id(connection, record.certificate) is not None
        or store.current_of_dose(connection, record.dose) is not None
    )


def _with_new_index(prepared: Prepared) -> Prepared:
    index = secrets.randbelow(advisory.ENTRIES)
    text = hcert.render(prepared.record, prepared.keys, index, prepared.issued_at_ms)
    return dataclasses.replace(prepared, status_index=index, hcert=text)


def _issued(prepared: Prepared) -> Issued:
    record = prepared.record
    return Issued(
        certificate=record.certificate,
        dose=record.dose,
        status_index=prepared.status_index,
        link=_link(prepared.keys.standby_url, prepared.secret, record.certificate),
        link_secret=_secret_text(prepared.secret),
    )


def _link(standby_url: str, secret: bytes, certificate_id: str) -> str:
    return f"{standby_url}/c/{bundle.name_of(secret, certificate_id)}#{_secret_text(secret)}"


def _secret_text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def _seal(cipher: FieldCipher, row: str, column: str, plain: bytes) -> bytes:
    return cipher.seal(plain, table=TABLE, row=row, column=f"{column}_sealed")


def _open(cipher: FieldCipher, sealed: SealedCertificate, column: str) -> bytes:
    data: bytes = getattr(sealed, f"{column}_sealed")
    return cipher.open(data, table=TABLE, row=sealed.id, column=f"{column}_sealed")


def _record(cipher: FieldCipher, sealed: SealedCertificate) -> DoseRecord:
    return msgspec.json.decode(_open(cipher, sealed, "record"), type=DoseRecord)


def _sealed(connection: Connection, certificate_id: str) -> SealedCertificate:
    found = store.sealed(connection, certificate_id)
    if found is None:
        raise NotFound("No such certificate.")
    return found
