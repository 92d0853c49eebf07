"""Tables of what outlives a loss: gateways that are still to be asked for it, and hourly values of expired readings."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, String, Table

from sheetal.ledger.base import EpochMs, ledger_metadata, telemetry_metadata

resend_wish = Table(
    "resend_wish",
    ledger_metadata,
    Column("gateway_id", ForeignKey("gateway.id"), primary_key=True),
    Column("since_ms", EpochMs, nullable=False),
    Column("due_at_ms", EpochMs, nullable=False),
    Column("command_id", String(64)),
)
Index(None, resend_wish.c.due_at_ms)

hour_rollup = Table(
    "hour_rollup",
    telemetry_metadata,
    Column("sensor_id", String(128), primary_key=True),
    Column("hour_ms", EpochMs, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    Column("centi_celsius_min", Integer, nullable=False),
    Column("centi_celsius_max", Integer, nullable=False),
    Column("centi_celsius_mean", Double, nullable=False),
    Column("centi_celsius_first", Integer, nullable=False),
    Column("centi_celsius_last", Integer, nullable=False),
)
Index(None, hour_rollup.c.hour_ms)
