"""The table of doses; it names people by id only."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from sheetal.ledger.base import EpochMs, ledger_metadata

dose = Table(
    "dose",
    ledger_metadata,
    Column("id", String(36), primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("lot_id", ForeignKey("lot.id"), nullable=False),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("session_id", ForeignKey("vaccination_session.id"), nullable=False),
    Column("vaccine", String(48), nullable=False),
    Column("dose_number", Integer, nullable=False),
    Column("doses_total", Integer, nullable=False),
    Column("administered_at_ms", EpochMs, nullable=False),
    Column("staff_id", ForeignKey("staff.id"), nullable=False),
    Column("idempotency_key", String(80), nullable=False, unique=True),
    Column("request_hash", String(64), nullable=False),
    UniqueConstraint("person_id", "vaccine", "dose_number"),
    CheckConstraint("dose_number BETWEEN 1 AND doses_total", name="number"),
)
Index(None, dose.c.holding_id, dose.c.administered_at_ms)
