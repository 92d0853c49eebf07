"""Tables of places and things: facilities, gateways, appliances, sensors, their assignments and calibrations."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from sheetal.ledger.base import BigId, EpochMs, ledger_metadata

facility = Table(
    "facility",
    ledger_metadata,
    Column("id", String(48), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_hindi", Text, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("state_id", Integer, nullable=False),
    Column("state_name", Text, nullable=False),
    Column("district_id", Integer, nullable=False),
    Column("district_name", Text, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("time_zone", String(48), nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    CheckConstraint("kind IN ('store', 'cold_chain_point', 'session_site')", name="kind"),
)

gateway = Table(
    "gateway",
    ledger_metadata,
    Column("id", String(48), primary_key=True),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("key_sealed", LargeBinary, nullable=False),
    Column("enrolled_at_ms", EpochMs, nullable=False),
    Column("retired_at_ms", EpochMs),
)

appliance = Table(
    "appliance",
    ledger_metadata,
    Column("id", String(48), primary_key=True),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("model", Text, nullable=False),
    Column("centi_celsius_min", Integer, nullable=False),
    Column("centi_celsius_max", Integer, nullable=False),
    Column("freeze_alarm_centi_celsius", Integer),
    Column("freeze_alarm_minutes", Integer),
    Column("heat_alarm_centi_celsius", Integer, nullable=False),
    Column("heat_alarm_minutes", Integer, nullable=False),
    Column("alarm_source", Text, nullable=False),
    Column("holdover_minutes", Integer),
    Column("holdover_source", Text),
    Column("cold_life_minutes", Integer),
    Column("cold_life_source", Text),
    Column("fusion", String(16), nullable=False, server_default="worst"),
    Column("model_id", String(64)),
    Column("created_at_ms", EpochMs, nullable=False),
    CheckConstraint(
        "kind IN ('ilr', 'deep_freezer', 'walk_in_cooler', 'walk_in_freezer', 'cold_box', 'carrier')",
        name="kind",
    ),
    CheckConstraint("centi_celsius_min < centi_celsius_max", name="range"),
    CheckConstraint("holdover_minutes IS NULL OR holdover_source IS NOT NULL", name="holdover_sourced"),
    CheckConstraint("cold_life_minutes IS NULL OR cold_life_source IS NOT NULL", name="cold_life_sourced"),
    CheckConstraint("fusion IN ('worst', 'by_position')", name="fusion"),
)
Index(None, appliance.c.facility_id)

sensor = Table(
    "sensor",
    ledger_metadata,
    Column("id", String(128), primary_key=True),
    Column("gateway_id", ForeignKey("gateway.id"), nullable=False),
    Column("serial", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("interval_ms", Integer),
    Column("accuracy_centi_celsius", Integer),
    Column("registered_at_ms", EpochMs, nullable=False),
)

assignment = Table(
    "assignment",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("sensor_id", ForeignKey("sensor.id"), nullable=False),
    Column("appliance_id", ForeignKey("appliance.id"), nullable=False),
    Column("position", Text, nullable=False),
    Column("from_ms", EpochMs, nullable=False),
    Column("until_ms", EpochMs),
    CheckConstraint("until_ms IS NULL OR until_ms > from_ms", name="interval"),
)
Index(None, assignment.c.sensor_id, assignment.c.from_ms)
Index(None, assignment.c.appliance_id, assignment.c.from_ms)

calibration = Table(
    "calibration",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("sensor_id", ForeignKey("sensor.id"), nullable=False),
    Column("certificate_number", Text, nullable=False),
    Column("uncertainty_centi_celsius", Integer, nullable=False),
    Column("calibrated_at_ms", EpochMs, nullable=False),
    Column("due_at_ms", EpochMs, nullable=False),
)

sensor_fault = Table(
    "sensor_fault",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("sensor_id", ForeignKey("sensor.id"), nullable=False),
    Column("from_ms", EpochMs, nullable=False),
    Column("until_ms", EpochMs),
    Column("reason", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("recorded_at_ms", EpochMs, nullable=False),
    CheckConstraint("until_ms IS NULL OR until_ms > from_ms", name="interval"),
)
Index(None, sensor_fault.c.sensor_id, sensor_fault.c.from_ms)
