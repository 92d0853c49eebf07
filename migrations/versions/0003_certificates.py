"""Certificates: sealed record, rendering and link secret of each, its advisory level and its export."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import EpochMs
from sheetal.ledger.schema import LEDGER, only_for

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


@only_for(LEDGER)
def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("dose_id", sa.String(48), nullable=False),
        sa.Column("facility_id", sa.String(48), nullable=False),
        sa.Column("record_sealed", sa.LargeBinary, nullable=False),
        sa.Column("hcert_sealed", sa.LargeBinary, nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary, nullable=False),
        sa.Column("status_index", sa.Integer, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("level_at_ms", EpochMs),
        sa.Column("issued_at_ms", EpochMs, nullable=False),
        sa.Column("superseded_at_ms", EpochMs),
        sa.Column("exported_at_ms", EpochMs),
        sa.Column("export_attempts", sa.Integer, nullable=False),
        sa.UniqueConstraint("status_index"),
        sa.CheckConstraint("level BETWEEN 0 AND 3", name="level"),
        sa.CheckConstraint("status_index >= 0", name="status_index"),
        sa.CheckConstraint("(superseded_at_ms IS NULL) = (level <> 3)", name="superseded"),
    )
    current, waiting = sa.text("superseded_at_ms IS NULL"), sa.text("exported_at_ms IS NULL")
    op.create_index(
        "uq_certificate_current",
        "certificate",
        ["dose_id"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_index(
        "ix_certificate_pending",
        "certificate",
        ["export_attempts", "issued_at_ms"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_certificate_level_at_ms", "certificate", ["level_at_ms"])


@only_for(LEDGER)
def downgrade() -> None:
    op.drop_table("certificate")
