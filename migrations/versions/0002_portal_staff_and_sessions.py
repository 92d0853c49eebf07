"""The portal's staff accounts, their sessions, and vaccination sessions with their holdings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import EpochMs
from sheetal.ledger.schema import LEDGER, only_for

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROLES = "'vaccinator', 'cold_chain_officer', 'medical_officer', 'programme_manager', 'handler', 'admin', 'auditor'"


@only_for(LEDGER)
def upgrade() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("user_name", sa.String(64), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("disabled_at_ms", EpochMs),
        sa.UniqueConstraint("user_name"),
        sa.CheckConstraint(f"role IN ({ROLES})", name="role"),
    )
    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("staff_id", sa.String(48), sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("seen_at_ms", EpochMs, nullable=False),
        sa.Column("ended_at_ms", EpochMs),
    )
    op.create_index(op.f("ix_staff_session_staff_id"), "staff_session", ["staff_id"])
    op.create_table(
        "sign_in_failure",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_ms", EpochMs, nullable=False),
        sa.Column("blocked_until_ms", EpochMs, nullable=False),
    )
    op.create_table(
        "vaccination_session",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("product_id", sa.String(48), nullable=False),
        sa.Column("starts_at_ms", EpochMs, nullable=False),
        sa.Column("ends_at_ms", EpochMs, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("cancelled_at_ms", EpochMs),
        sa.CheckConstraint("ends_at_ms > starts_at_ms", name="interval"),
        sa.CheckConstraint("capacity > 0", name="capacity"),
    )
    op.create_index(
        op.f("ix_vaccination_session_facility_id_starts_at_ms"),
        "vaccination_session",
        ["facility_id", "starts_at_ms"],
    )
    op.create_table(
        "session_holding",
        sa.Column("session_id", sa.String(48), sa.ForeignKey("vaccination_session.id"), primary_key=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), primary_key=True),
        sa.Column("issued_at_ms", EpochMs, nullable=False),
        sa.Column("returned_at_ms", EpochMs),
    )
    op.create_index(op.f("ix_session_holding_holding_id"), "session_holding", ["holding_id"])


@only_for(LEDGER)
def downgrade() -> None:
    for table in ("session_holding", "vaccination_session", "sign_in_failure", "staff_session", "staff"):
        op.drop_table(table)
