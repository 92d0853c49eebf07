"""The ledger store's tables of stock as revision 0001 made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import BigId, EpochMs

DISPOSITIONS = (
    "'AVAILABLE', 'QUARANTINED', 'UNDER_ASSESSMENT', 'RELEASED', 'RELEASED_USE_FIRST', 'CONDEMNED', 'DESTROYED'"
)


def product() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("effective_from", sa.String(10), nullable=False),
        sa.Column("effective_until", sa.String(10)),
        sa.Column("recorded_at_ms", EpochMs, nullable=False),
    )


def lot() -> None:
    op.create_table(
        "lot",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("product_id", sa.String(48), nullable=False),
        sa.Column("batch", sa.String(48), nullable=False),
        sa.Column("expires_at_ms", EpochMs, nullable=False),
        sa.Column("recorded_at_ms", EpochMs, nullable=False),
        sa.UniqueConstraint("product_id", "batch"),
    )


def holding() -> None:
    op.create_table(
        "holding",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("lot_id", sa.String(64), sa.ForeignKey("lot.id"), nullable=False),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("parent_id", sa.String(48), sa.ForeignKey("holding.id")),
        sa.Column("doses_received", sa.Integer, nullable=False),
        sa.Column("doses_left", sa.Integer, nullable=False),
        sa.Column("disposition", sa.String(24), nullable=False),
        sa.Column("disposition_at_ms", EpochMs, nullable=False),
        sa.Column("held_by_verdict_id", BigId),
        sa.Column("expires_at_ms", EpochMs, nullable=False),
        sa.Column("gap_open_from_ms", EpochMs),
        sa.Column("thawed_at_ms", EpochMs),
        sa.Column("rejudges_open", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint(
            f"disposition IN ({DISPOSITIONS})",
            name="disposition",
        ),
        sa.CheckConstraint("doses_left >= 0 AND doses_left <= doses_received", name="doses"),
        sa.CheckConstraint("rejudges_open >= 0", name="rejudges_open"),
    )
    op.create_index("ix_holding_facility_id", "holding", ["facility_id"])
    op.create_index("ix_holding_lot_id", "holding", ["lot_id"])
    op.create_index("ix_holding_parent_id", "holding", ["parent_id"])


def stay() -> None:
    op.create_table(
        "stay",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id"), nullable=False),
        sa.Column("evidence_kind", sa.String(24), nullable=False),
        sa.Column("from_ms", EpochMs, nullable=False),
        sa.Column("until_ms", EpochMs),
        sa.Column("known_bound_ms", sa.Integer, nullable=False),
        sa.Column("packed_at_ms", EpochMs),
        sa.CheckConstraint(
            "evidence_kind IN ('telemetry', 'logger_file', 'twice_daily', 'packed_carrier')",
            name="evidence_kind",
        ),
        sa.CheckConstraint("until_ms IS NULL OR until_ms >= from_ms", name="interval"),
        sa.CheckConstraint("(evidence_kind = 'packed_carrier') = (packed_at_ms IS NOT NULL)", name="packed_at"),
    )
    op.create_index("ix_stay_appliance_id_from_ms", "stay", ["appliance_id", "from_ms"])
    op.create_index("ix_stay_holding_id_from_ms", "stay", ["holding_id", "from_ms"])
    is_open = sa.text("until_ms IS NULL")
    op.create_index("uq_stay_open", "stay", ["holding_id"], unique=True, sqlite_where=is_open, postgresql_where=is_open)


def rejudge() -> None:
    op.create_table(
        "rejudge",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id")),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id")),
        sa.Column("from_ms", EpochMs, nullable=False),
        sa.Column("marked_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("(holding_id IS NULL) <> (appliance_id IS NULL)", name="one_subject"),
    )
    op.create_index("ix_rejudge_appliance_id", "rejudge", ["appliance_id"])
    op.create_index("ix_rejudge_holding_id", "rejudge", ["holding_id"])


def manual_check() -> None:
    op.create_table(
        "manual_check",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id"), nullable=False),
        sa.Column("checked_at_ms", EpochMs, nullable=False),
        sa.Column("centi_celsius", sa.Integer, nullable=False),
        sa.Column("centi_celsius_min", sa.Integer),
        sa.Column("centi_celsius_max", sa.Integer),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("recorded_at_ms", EpochMs, nullable=False),
        sa.UniqueConstraint("appliance_id", "checked_at_ms"),
    )


TABLES = (product, lot, holding, stay, rejudge, manual_check)
