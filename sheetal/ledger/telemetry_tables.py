"""Ingest's own tables: a file of their own on SQLite, the schema `telemetry` on PostgreSQL.

Kept apart so that telemetry never starves the gate.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from sheetal.ledger.base import BigId, EpochMs, telemetry_metadata

sensor_state = Table(
    "sensor_state",
    telemetry_metadata,
    Column("sensor_id", String(128), primary_key=True),
    Column("measured_at_ms", EpochMs, nullable=False),
    Column("centi_celsius", Integer),
    Column("quality", Integer, nullable=False),
    Column("received_at_ms", EpochMs, nullable=False),
    Column("clock_offset_ms", BigId, nullable=False),
    Column("change", BigId, nullable=False),
)
Index(None, sensor_state.c.change)

coverage = Table(
    "coverage",
    telemetry_metadata,
    Column("gateway_id", String(48), primary_key=True),
    Column("boot", BigId, primary_key=True, autoincrement=False),
    Column("first_sequence", BigId, nullable=False),
    Column("last_sequence", BigId, nullable=False),
    Column("rows_stored", BigId, nullable=False),
    Column("received_at_ms", EpochMs, nullable=False),
)

dirty_hour = Table(
    "dirty_hour",
    telemetry_metadata,
    Column("sensor_id", String(128), primary_key=True),
    Column("hour_ms", EpochMs, primary_key=True, autoincrement=False),
    Column("marked", BigId, nullable=False),
)

dead_letter = Table(
    "dead_letter",
    telemetry_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False),
    Column("reason", String(48), nullable=False),
    Column("detail", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigId, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("first_at_ms", EpochMs, nullable=False),
    Column("last_at_ms", EpochMs, nullable=False),
    Column("gateway_id", String(48)),
    UniqueConstraint("sha256", "reason"),
)
Index(None, dead_letter.c.last_at_ms)
Index(None, dead_letter.c.gateway_id, dead_letter.c.last_at_ms, dead_letter.c.size_bytes)

dead_letter_dropped = Table(
    "dead_letter_dropped",
    telemetry_metadata,
    Column("gateway_id", String(48), primary_key=True),
    Column("reason", String(48), primary_key=True),
    Column("dropped", BigId, nullable=False),
    Column("last_at_ms", EpochMs, nullable=False),
)

conflict = Table(
    "conflict",
    telemetry_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("sensor_id", String(128), nullable=False),
    Column("measured_at_ms", EpochMs, nullable=False),
    Column("stored_centi_celsius", Integer),
    Column("offered_centi_celsius", Integer),
    Column("offered_quality", Integer, nullable=False),
    Column("boot", BigId, nullable=False),
    Column("sequence", BigId, nullable=False),
    Column("received_at_ms", EpochMs, nullable=False),
    UniqueConstraint("sensor_id", "measured_at_ms", "boot", "sequence"),
)

day_summary = Table(
    "day_summary",
    telemetry_metadata,
    Column("sensor_id", String(128), primary_key=True),
    Column("starts_at_ms", EpochMs, primary_key=True, autoincrement=False),
    Column("ends_at_ms", EpochMs, nullable=False),
    Column("complete", Boolean(create_constraint=True, name="complete"), nullable=False),
    Column("summary", Text, nullable=False),
    Column("received_at_ms", EpochMs, nullable=False),
)

unplaced_row = Table(
    "unplaced_row",
    telemetry_metadata,
    Column("sensor_id", String(128), primary_key=True),
    Column("boot", BigId, primary_key=True, autoincrement=False),
    Column("sequence", BigId, primary_key=True, autoincrement=False),
    Column("monotonic_ms", BigId, nullable=False),
    Column("centi_celsius", Integer),
    Column("quality", Integer, nullable=False),
    Column("received_at_ms", EpochMs, nullable=False),
)
Index(None, unplaced_row.c.received_at_ms)

thinned_span = Table(
    "thinned_span",
    telemetry_metadata,
    Column("sensor_id", String(128), primary_key=True),
    Column("starts_at_ms", EpochMs, primary_key=True, autoincrement=False),
    Column("covers_boot", BigId, primary_key=True, autoincrement=False),
    Column("ends_at_ms", EpochMs, nullable=False),
    Column("centi_celsius_min", Integer, nullable=False),
    Column("centi_celsius_max", Integer, nullable=False),
    Column("centi_celsius_mean", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("covers", Text, nullable=False),
    Column("received_at_ms", EpochMs, nullable=False),
)

aux_value = Table(
    "aux_value",
    telemetry_metadata,
    Column("gateway_id", String(48), primary_key=True),
    Column("source", String(128), primary_key=True),
    Column("field", String(128), primary_key=True),
    Column("measured_at_ms", EpochMs, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
    Column("boot", BigId, nullable=False),
    Column("sequence", BigId, nullable=False),
    Column("received_at_ms", EpochMs, nullable=False),
)
Index(None, aux_value.c.received_at_ms)

sequence_range = Table(
    "sequence_range",
    telemetry_metadata,
    Column("gateway_id", String(48), primary_key=True),
    Column("boot", BigId, primary_key=True, autoincrement=False),
    Column("first_sequence", BigId, primary_key=True, autoincrement=False),
    Column("last_sequence", BigId, nullable=False),
    Column("missing", BigId, nullable=False),
    Column("missing_since_ms", EpochMs),
    Column("settled_at_ms", EpochMs, nullable=False),
)
Index(None, sequence_range.c.missing_since_ms)

resend_request = Table(
    "resend_request",
    telemetry_metadata,
    Column("gateway_id", String(48), primary_key=True),
    Column("boot", BigId, primary_key=True, autoincrement=False),
    Column("first_sequence", BigId, primary_key=True, autoincrement=False),
    Column("last_sequence", BigId, nullable=False),
    Column("asked_at_ms", EpochMs, nullable=False),
    Column("times", Integer, nullable=False),
)
