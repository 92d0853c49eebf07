"""Tables of recalls: one case a compromise, one row a dose."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from sheetal.ledger.base import EpochMs, ledger_metadata

recall_case = Table(
    "recall_case",
    ledger_metadata,
    Column("id", String(36), primary_key=True),
    Column("compromise_id", Integer, ForeignKey("compromise.id"), nullable=False, unique=True),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("side", String(8), nullable=False),
    Column("compromised_from_ms", EpochMs, nullable=False),
    Column("opened_at_ms", EpochMs, nullable=False),
    Column("closed_at_ms", EpochMs),
)
Index(None, recall_case.c.holding_id)

recall_dose = Table(
    "recall_dose",
    ledger_metadata,
    Column("case_id", ForeignKey("recall_case.id"), primary_key=True),
    Column("dose_id", ForeignKey("dose.id"), primary_key=True),
    Column("contact_state", String(12), nullable=False),
    Column("listed_at_ms", EpochMs, nullable=False),
    Column("contacted_at_ms", EpochMs),
    Column("contacted_by", ForeignKey("staff.id")),
    CheckConstraint("contact_state IN ('to_contact', 'contacted', 'unreachable')", name="contact_state"),
)
