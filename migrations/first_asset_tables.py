"""The ledger store's tables of places and things as revision 0001 made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import BigId, EpochMs


def facility() -> None:
    op.create_table(
        "facility",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_hindi", sa.Text, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("state_id", sa.Integer, nullable=False),
        sa.Column("state_name", sa.Text, nullable=False),
        sa.Column("district_id", sa.Integer, nullable=False),
        sa.Column("district_name", sa.Text, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("time_zone", sa.String(48), nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("kind IN ('store', 'cold_chain_point', 'session_site')", name="kind"),
    )


def gateway() -> None:
    op.create_table(
        "gateway",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary, nullable=False),
        sa.Column("enrolled_at_ms", EpochMs, nullable=False),
        sa.Column("retired_at_ms", EpochMs),
    )


def appliance() -> None:
    op.create_table(
        "appliance",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("centi_celsius_min", sa.Integer, nullable=False),
        sa.Column("centi_celsius_max", sa.Integer, nullable=False),
        sa.Column("freeze_alarm_centi_celsius", sa.Integer),
        sa.Column("freeze_alarm_minutes", sa.Integer),
        sa.Column("heat_alarm_centi_celsius", sa.Integer, nullable=False),
        sa.Column("heat_alarm_minutes", sa.Integer, nullable=False),
        sa.Column("alarm_source", sa.Text, nullable=False),
        sa.Column("holdover_minutes", sa.Integer),
        sa.Column("holdover_source", sa.Text),
        sa.Column("cold_life_minutes", sa.Integer),
        sa.Column("cold_life_source", sa.Text),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("cold_life_minutes IS NULL OR cold_life_source IS NOT NULL", name="cold_life_sourced"),
        sa.CheckConstraint("holdover_minutes IS NULL OR holdover_source IS NOT NULL", name="holdover_sourced"),
        sa.CheckConstraint(
            "kind IN ('ilr', 'deep_freezer', 'walk_in_cooler', 'walk_in_freezer', 'cold_box', 'carrier')",
            name="kind",
        ),
        sa.CheckConstraint("centi_celsius_min < centi_celsius_max", name="range"),
    )
    op.create_index("ix_appliance_facility_id", "appliance", ["facility_id"])


def sensor() -> None:
    op.create_table(
        "sensor",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("interval_ms", sa.Integer),
        sa.Column("accuracy_centi_celsius", sa.Integer),
        sa.Column("registered_at_ms", EpochMs, nullable=False),
    )


def assignment() -> None:
    op.create_table(
        "assignment",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sensor_id", sa.String(128), sa.ForeignKey("sensor.id"), nullable=False),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id"), nullable=False),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("from_ms", EpochMs, nullable=False),
        sa.Column("until_ms", EpochMs),
        sa.CheckConstraint("until_ms IS NULL OR until_ms > from_ms", name="interval"),
    )
    op.create_index("ix_assignment_appliance_id_from_ms", "assignment", ["appliance_id", "from_ms"])
    op.create_index("ix_assignment_sensor_id_from_ms", "assignment", ["sensor_id", "from_ms"])


def calibration() -> None:
    op.create_table(
        "calibration",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sensor_id", sa.String(128), sa.ForeignKey("sensor.id"), nullable=False),
        sa.Column("certificate_number", sa.Text, nullable=False),
        sa.Column("uncertainty_centi_celsius", sa.Integer, nullable=False),
        sa.Column("calibrated_at_ms", EpochMs, nullable=False),
        sa.Column("due_at_ms", EpochMs, nullable=False),
    )


TABLES = (facility, gateway, appliance, sensor, assignment, calibration)
