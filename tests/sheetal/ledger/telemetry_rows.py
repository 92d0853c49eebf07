"""Rows of ingest's tables that the telemetry tests share."""

from __future__ import annotations

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger.telemetry import Conflict, Coverage, SensorState

STATE = SensorState(
    sensor_id="gw-01.a",
    measured_at_ms=1_000,
    centi_celsius=450,
    quality=0,
    received_at_ms=1_100,
    clock_offset_ms=20,
)
COVERAGE = Coverage(
    gateway_id="gw-01",
    boot=1,
    first_sequence=10,
    last_sequence=20,
    rows_stored=11,
    received_at_ms=5_000,
)
CONFLICT = Conflict(
    sensor_id="gw-01.a",
    measured_at_ms=1_000,
    stored_centi_celsius=450,
    offered_centi_celsius=None,
    offered_quality=2,
    boot=1,
    sequence=7,
    received_at_ms=1_200,
)
DAY = DaySummary(
    sequence=1,
    sensor="gw-01.a",
    starts_at_ms=0,
    ends_at_ms=DAY_MS,
    centi_celsius_min=210,
    centi_celsius_max=810,
    low_limit_centi_celsius=-50,
    low_limit_minutes=60,
    high_limit_centi_celsius=800,
    high_limit_minutes=600,
    minutes_below=0,
    minutes_above=12,
    minutes_unknown=3,
)
