"""Tables of vaccination sessions: when and where a product is given, and from which holdings."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from sheetal.ledger.base import EpochMs, ledger_metadata

vaccination_session = Table(
    "vaccination_session",
    ledger_metadata,
    Column("id", String(48), primary_key=True),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("product_id", String(48), nullable=False),
    Column("starts_at_ms", EpochMs, nullable=False),
    Column("ends_at_ms", EpochMs, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("cancelled_at_ms", EpochMs),
    CheckConstraint("ends_at_ms > starts_at_ms", name="interval"),
    CheckConstraint("capacity > 0", name="capacity"),
)
Index(None, vaccination_session.c.facility_id, vaccination_session.c.starts_at_ms)

session_holding = Table(
    "session_holding",
    ledger_metadata,
    Column("session_id", ForeignKey("vaccination_session.id"), primary_key=True),
    Column("holding_id", ForeignKey("holding.id"), primary_key=True),
    Column("issued_at_ms", EpochMs, nullable=False),
    Column("returned_at_ms", EpochMs),
)
Index(None, session_holding.c.holding_id)
