"""The telemetry store's tables as revision 0001 made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import BigId, EpochMs


def conflict(schema: str | None) -> None:
    op.create_table(
        "conflict",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sensor_id", sa.String(128), nullable=False),
        sa.Column("measured_at_ms", EpochMs, nullable=False),
        sa.Column("stored_centi_celsius", sa.Integer),
        sa.Column("offered_centi_celsius", sa.Integer),
        sa.Column("offered_quality", sa.Integer, nullable=False),
        sa.Column("boot", BigId, nullable=False),
        sa.Column("sequence", BigId, nullable=False),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        sa.UniqueConstraint("sensor_id", "measured_at_ms", "boot", "sequence"),
        schema=schema,
    )


def coverage(schema: str | None) -> None:
    op.create_table(
        "coverage",
        sa.Column("gateway_id", sa.String(48), primary_key=True),
        sa.Column("boot", BigId, primary_key=True, autoincrement=False),
        sa.Column("first_sequence", BigId, nullable=False),
        sa.Column("last_sequence", BigId, nullable=False),
        sa.Column("rows_stored", BigId, nullable=False),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        schema=schema,
    )


def day_summary(schema: str | None) -> None:
    op.create_table(
        "day_summary",
        sa.Column("sensor_id", sa.String(128), primary_key=True),
        sa.Column("starts_at_ms", EpochMs, primary_key=True, autoincrement=False),
        sa.Column("ends_at_ms", EpochMs, nullable=False),
        sa.Column("complete", sa.Boolean(create_constraint=True, name="complete"), nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        schema=schema,
    )


def dead_letter(schema: str | None) -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("reason", sa.String(48), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", BigId, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("first_at_ms", EpochMs, nullable=False),
        sa.Column("last_at_ms", EpochMs, nullable=False),
        sa.UniqueConstraint("sha256", "reason"),
        schema=schema,
    )


def dirty_hour(schema: str | None) -> None:
    op.create_table(
        "dirty_hour",
        sa.Column("sensor_id", sa.String(128), primary_key=True),
        sa.Column("hour_ms", EpochMs, primary_key=True, autoincrement=False),
        sa.Column("marked", BigId, nullable=False),
        schema=schema,
    )


def sensor_state(schema: str | None) -> None:
    op.create_table(
        "sensor_state",
        sa.Column("sensor_id", sa.String(128), primary_key=True),
        sa.Column("measured_at_ms", EpochMs, nullable=False),
        sa.Column("centi_celsius", sa.Integer),
        sa.Column("quality", sa.Integer, nullable=False),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        sa.Column("clock_offset_ms", BigId, nullable=False),
        sa.Column("change", BigId, nullable=False),
        schema=schema,
    )
    op.create_index("ix_sensor_state_change", "sensor_state", ["change"], schema=schema)


def drop(schema: str | None) -> None:
    for name in TABLES:
        op.drop_table(name, schema=schema)


TABLES = (conflict, coverage, day_summary, dead_letter, dirty_hour, sensor_state)
