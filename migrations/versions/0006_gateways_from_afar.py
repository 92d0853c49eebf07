"""Gateways taken in by a code and managed by a twin; rows without an instant and spans that were thinned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import BigId, EpochMs
from sheetal.ledger.schema import LEDGER, TELEMETRY, only_for, telemetry_schema_of_run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _ledger_tables()
    _telemetry_tables()


def downgrade() -> None:
    _drop_ledger_tables()
    _drop_telemetry_tables()


@only_for(LEDGER)
def _ledger_tables() -> None:
    op.create_table(
        "enrolment_code",
        sa.Column("gateway_id", sa.String(48), primary_key=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("tries_left", sa.Integer, nullable=False),
        sa.Column("issued_at_ms", EpochMs, nullable=False),
        sa.Column("expires_at_ms", EpochMs, nullable=False),
        sa.Column("used_at_ms", EpochMs),
    )
    op.create_table(
        "gateway_certificate",
        sa.Column("serial", sa.String(40), primary_key=True),
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), nullable=False),
        sa.Column("issued_at_ms", EpochMs, nullable=False),
        sa.Column("expires_at_ms", EpochMs, nullable=False),
        sa.Column("revoked_at_ms", EpochMs),
    )
    op.create_index(op.f("ix_gateway_certificate_gateway_id"), "gateway_certificate", ["gateway_id"])
    op.create_table(
        "gateway_twin",
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), primary_key=True),
        sa.Column("desired_version", BigId, nullable=False),
        sa.Column("reported_version", BigId, nullable=False),
        sa.Column("reported_state", sa.String(16), nullable=False),
        sa.Column("reported", sa.Text, nullable=False),
        sa.Column("reported_at_ms", EpochMs, nullable=False),
    )


@only_for(TELEMETRY)
def _telemetry_tables() -> None:
    op.create_table(
        "unplaced_row",
        sa.Column("sensor_id", sa.String(128), primary_key=True),
        sa.Column("boot", BigId, primary_key=True, autoincrement=False),
        sa.Column("sequence", BigId, primary_key=True, autoincrement=False),
        sa.Column("monotonic_ms", BigId, nullable=False),
        sa.Column("centi_celsius", sa.Integer),
        sa.Column("quality", sa.Integer, nullable=False),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        schema=telemetry_schema_of_run(),
    )
    op.create_table(
        "thinned_span",
        sa.Column("sensor_id", sa.String(128), primary_key=True),
        sa.Column("starts_at_ms", EpochMs, primary_key=True, autoincrement=False),
        sa.Column("covers_boot", BigId, primary_key=True, autoincrement=False),
        sa.Column("ends_at_ms", EpochMs, nullable=False),
        sa.Column("centi_celsius_min", sa.Integer, nullable=False),
        sa.Column("centi_celsius_max", sa.Integer, nullable=False),
        sa.Column("centi_celsius_mean", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("covers", sa.Text, nullable=False),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        schema=telemetry_schema_of_run(),
    )


@only_for(LEDGER)
def _drop_ledger_tables() -> None:
    for name in ("gateway_twin", "gateway_certificate", "enrolment_code"):
        op.drop_table(name)


@only_for(TELEMETRY)
def _drop_telemetry_tables() -> None:
    for name in ("thinned_span", "unplaced_row"):
        op.drop_table(name, schema=telemetry_schema_of_run())
