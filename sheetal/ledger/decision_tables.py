"""Tables of what people decide on stock: whole lots held, what the vials showed, evidence, and signed decisions."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from sheetal.ledger.base import BigId, EpochMs, ledger_metadata

lot_hold = Table(
    "lot_hold",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("lot_id", ForeignKey("lot.id"), nullable=False),
    Column("authority", String(120), nullable=False),
    Column("reference", String(120), nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("held_at_ms", EpochMs, nullable=False),
    Column("lifted_at_ms", EpochMs),
    Column("lifted_by", String(64)),
    Column("lifted_reference", String(120)),
    CheckConstraint("(lifted_at_ms IS NULL) = (lifted_by IS NULL)", name="lifted"),
)
Index(None, lot_hold.c.lot_id)

vvm_reading = Table(
    "vvm_reading",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("stage", Integer, nullable=False),
    Column("read_at_ms", EpochMs, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("recorded_at_ms", EpochMs, nullable=False),
    CheckConstraint("stage BETWEEN 1 AND 4", name="stage"),
)
Index(None, vvm_reading.c.holding_id, vvm_reading.c.read_at_ms)

attachment = Table(
    "attachment",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("facts", Text, nullable=False),
    Column("media_type", String(64)),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64)),
    Column("content", LargeBinary),
    Column("actor", String(64), nullable=False),
    Column("attached_at_ms", EpochMs, nullable=False),
    CheckConstraint("kind IN ('vvm_stage', 'shake_test', 'manufacturer_reply', 'other')", name="kind"),
    CheckConstraint("(content IS NULL) = (sha256 IS NULL)", name="content"),
)
Index(None, attachment.c.holding_id)

decision = Table(
    "decision",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("target", String(24), nullable=False),
    Column("reason_code", String(32), nullable=False),
    Column("comment", Text, nullable=False),
    Column("doses", Integer, nullable=False),
    Column("seen_verdict_id", BigId),
    Column("attachments", Text, nullable=False),
    Column("signers_needed", Integer, nullable=False),
    Column("signed_by", String(64), nullable=False),
    Column("signed_at_ms", EpochMs, nullable=False),
    Column("second_signed_by", String(64)),
    Column("second_signed_at_ms", EpochMs),
    Column("done_at_ms", EpochMs),
    Column("withdrawn_by", String(64)),
    Column("withdrawn_at_ms", EpochMs),
    CheckConstraint("signers_needed IN (1, 2)", name="signers_needed"),
    CheckConstraint("second_signed_by IS NULL OR second_signed_by <> signed_by", name="two_people"),
    CheckConstraint("done_at_ms IS NULL OR withdrawn_at_ms IS NULL", name="one_end"),
)
Index(None, decision.c.holding_id)
Index(
    "uq_decision_open",
    decision.c.holding_id,
    unique=True,
    sqlite_where=decision.c.done_at_ms.is_(None) & decision.c.withdrawn_at_ms.is_(None),
    postgresql_where=decision.c.done_at_ms.is_(None) & decision.c.withdrawn_at_ms.is_(None),
)
