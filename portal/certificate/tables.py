"""The table of certificates. A dose has one current certificate; a superseded one keeps its row and its bundle."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, String, Table

from sheetal.ledger.base import EpochMs, ledger_metadata

certificate = Table(
    "certificate",
    ledger_metadata,
    Column("id", String(64), primary_key=True),
    Column("dose_id", String(48), nullable=False),
    Column("facility_id", String(48), nullable=False),
    Column("record_sealed", LargeBinary, nullable=False),
    Column("hcert_sealed", LargeBinary, nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("status_index", Integer, nullable=False, unique=True),
    Column("level", Integer, nullable=False),
    Column("level_at_ms", EpochMs),
    Column("issued_at_ms", EpochMs, nullable=False),
    Column("superseded_at_ms", EpochMs),
    Column("exported_at_ms", EpochMs),
    Column("export_attempts", Integer, nullable=False),
    CheckConstraint("level BETWEEN 0 AND 3", name="level"),
    CheckConstraint("status_index >= 0", name="status_index"),
    CheckConstraint("(superseded_at_ms IS NULL) = (level <> 3)", name="superseded"),
)
Index(
    "uq_certificate_current",
    certificate.c.dose_id,
    unique=True,
    sqlite_where=certificate.c.superseded_at_ms.is_(None),
    postgresql_where=certificate.c.superseded_at_ms.is_(None),
)
Index(
    "ix_certificate_pending",
    certificate.c.export_attempts,
    certificate.c.issued_at_ms,
    sqlite_where=certificate.c.exported_at_ms.is_(None),
    postgresql_where=certificate.c.exported_at_ms.is_(None),
)
Index(None, certificate.c.level_at_ms)
