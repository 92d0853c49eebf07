"""Which gateways a restored server still has to ask for what it lost, and hourly values that outlive readings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import EpochMs
from sheetal.ledger.schema import LEDGER, TELEMETRY, only_for, telemetry_schema_of_run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _resend_wish()
    _hour_rollup()


def downgrade() -> None:
    _drop_resend_wish()
    _drop_hour_rollup()


@only_for(LEDGER)
def _resend_wish() -> None:
    op.create_table(
        "resend_wish",
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), primary_key=True),
        sa.Column("since_ms", EpochMs, nullable=False),
        sa.Column("due_at_ms", EpochMs, nullable=False),
        sa.Column("command_id", sa.String(64)),
    )
    op.create_index(op.f("ix_resend_wish_due_at_ms"), "resend_wish", ["due_at_ms"])


@only_for(TELEMETRY)
def _hour_rollup() -> None:
    op.create_table(
        "hour_rollup",
        sa.Column("sensor_id", sa.String(128), primary_key=True),
        sa.Column("hour_ms", EpochMs, primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("centi_celsius_min", sa.Integer, nullable=False),
        sa.Column("centi_celsius_max", sa.Integer, nullable=False),
        sa.Column("centi_celsius_mean", sa.Double, nullable=False),
        sa.Column("centi_celsius_first", sa.Integer, nullable=False),
        sa.Column("centi_celsius_last", sa.Integer, nullable=False),
        schema=telemetry_schema_of_run(),
    )
    op.create_index(op.f("ix_hour_rollup_hour_ms"), "hour_rollup", ["hour_ms"], schema=telemetry_schema_of_run())


@only_for(LEDGER)
def _drop_resend_wish() -> None:
    op.drop_table("resend_wish")


@only_for(TELEMETRY)
def _drop_hour_rollup() -> None:
    op.drop_table("hour_rollup", schema=telemetry_schema_of_run())
