"""All SQL on the certificate table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, func, select, update

from portal.certificate.advisory import Level
from portal.certificate.schemas import Certificate, ExportBacklog, SealedCertificate
from portal.certificate.tables import certificate
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

_PUBLIC = (
    certificate.c.id,
    certificate.c.dose_id,
    certificate.c.facility_id,
    certificate.c.level,
    certificate.c.level_at_ms,
    certificate.c.issued_at_ms,
    certificate.c.superseded_at_ms,
    certificate.c.exported_at_ms,
)
_SEALED = (
    certificate.c.id,
    certificate.c.record_sealed,
    certificate.c.hcert_sealed,
    certificate.c.secret_sealed,
    certificate.c.issued_at_ms,
)


def insert(connection: Connection, row: Mapping[str, object]) -> bool:
    """Keep a new certificate; False when a unique key is taken."""
    return insert_missing(connection, certificate, [row]) == 1


def by_id(connection: Connection, certificate_id: str) -> Certificate | None:
    """One certificate, or none."""
    return _one(connection, certificate.c.id == certificate_id)


def current_of_dose(connection: Connection, dose_id: str) -> Certificate | None:
    """The one certificate of a dose that has not been superseded."""
    return _one(connection, (certificate.c.dose_id == dose_id) & certificate.c.superseded_at_ms.is_(None))


def sealed(connection: Connection, certificate_id: str) -> SealedCertificate | None:
    """One certificate's sealed fields."""
    row = connection.execute(select(*_SEALED).where(certificate.c.id == certificate_id)).first()
    return SealedCertificate(*row) if row else None


def pending(connection: Connection, limit: int) -> list[SealedCertificate]:
    """Certificates not exported yet; what failed before waits behind the others, so that one cannot block all."""
    query = (
        select(*_SEALED)
        .where(certificate.c.exported_at_ms.is_(None))
        .order_by(certificate.c.export_attempts, certificate.c.issued_at_ms)
        .limit(limit)
    )
    return [SealedCertificate(*row) for row in connection.execute(query)]


def mark_exported(connection: Connection, ids: Sequence[str], now_ms: int) -> None:
    """These bundles are durable in the mirror."""
    connection.execute(update(certificate).where(certificate.c.id.in_(ids)).values(exported_at_ms=now_ms))


def count_attempt(connection: Connection, ids: Sequence[str]) -> None:
    """These could not be exported now."""
    attempts = certificate.c.export_attempts + 1
    connection.execute(update(certificate).where(certificate.c.id.in_(ids)).values(export_attempts=attempts))


def count_pending(connection: Connection) -> int:
    """How many certificates wait for their export."""
    return connection.execute(
        select(func.count()).select_from(certificate).where(certificate.c.exported_at_ms.is_(None))
    ).scalar_one()


def export_backlog(connection: Connection) -> ExportBacklog:
    """What waits for its export, in one look."""
    failing = func.coalesce(func.sum(case((certificate.c.export_attempts > 0, 1), else_=0)), 0)
    query = select(func.count(), failing, func.min(certificate.c.issued_at_ms))
    row = connection.execute(query.where(certificate.c.exported_at_ms.is_(None))).one()
    return ExportBacklog(row[0], row[1], row[2])


def change_level(connection: Connection, certificate_id: str, level: Level, now_ms: int) -> None:
    """Set the level of one certificate."""
    connection.execute(
        update(certificate).where(certificate.c.id == certificate_id).values(level=level.value, level_at_ms=now_ms)
    )


def supersede(connection: Connection, dose_id: str, now_ms: int) -> bool:
    """End the dose's current certificate; False when it has none."""
    changed = connection.execute(
        update(certificate)
        .where(certificate.c.dose_id == dose_id, certificate.c.superseded_at_ms.is_(None))
        .values(superseded_at_ms=now_ms, level=Level.SUPERSEDED.value, level_at_ms=now_ms)
    )
    return changed.rowcount == 1


def levels(connection: Connection) -> dict[int, Level]:
    """Every level above 0, by status index."""
    query = select(certificate.c.status_index, certificate.c.level).where(certificate.c.level_at_ms.is_not(None))
    return {index: Level(level) for index, level in connection.execute(query)}


def newest_level_change_ms(connection: Connection) -> int | None:
    """When a level was last set, if ever."""
    newest: int | None = connection.execute(select(func.max(certificate.c.level_at_ms))).scalar_one()
    return newest


def _one(connection: Connection, which: ColumnElement[bool]) -> Certificate | None:
    row = connection.execute(select(*_PUBLIC).where(which)).first()
    if row is None:
        return None
    return Certificate(
        id=row.id,
        dose=row.dose_id,
        facility=row.facility_id,
        level=Level(row.level),
        level_at_ms=row.level_at_ms,
        issued_at_ms=row.issued_at_ms,
        superseded_at_ms=row.superseded_at_ms,
        exported_at_ms=row.exported_at_ms,
    )
