"""Tables of people and their appointments; every personal field is sealed, the mobile is found by a blind index."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from sheetal.ledger.base import EpochMs, ledger_metadata

person = Table(
    "person",
    ledger_metadata,
    Column("id", String(36), primary_key=True),
    Column("reference_id", String(14), nullable=False, unique=True),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("birth_date_sealed", LargeBinary, nullable=False),
    Column("mobile_sealed", LargeBinary, nullable=False),
    Column("mobile_index", String(64), nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
)
Index(None, person.c.mobile_index)

appointment = Table(
    "appointment",
    ledger_metadata,
    Column("id", String(36), primary_key=True),
    Column("session_id", ForeignKey("vaccination_session.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("dose_number", Integer, nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("wrong_codes", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("booked_at_ms", EpochMs, nullable=False),
    CheckConstraint("state IN ('booked', 'given', 'cancelled')", name="state"),
    UniqueConstraint("session_id", "person_id"),
)
