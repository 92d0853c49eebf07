"""All tables of sheetal.ledger: the ledger store's and the telemetry store's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import first_telemetry_tables
from sheetal.ledger.base import BigId, EpochMs
from sheetal.ledger.schema import LEDGER, store_of_run, telemetry_schema_of_run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DISPOSITIONS = (
    "'AVAILABLE', 'QUARANTINED', 'UNDER_ASSESSMENT', 'RELEASED', 'RELEASED_USE_FIRST', 'CONDEMNED', 'DESTROYED'"
)


def upgrade() -> None:
    if store_of_run() == LEDGER:
        _places()
        _stock()
        _judgements()
        _trace()
    else:
        first_telemetry_tables.create(telemetry_schema_of_run())


def downgrade() -> None:
    if store_of_run() == LEDGER:
        for name in LEDGER_TABLES:
            op.drop_table(name)
    else:
        first_telemetry_tables.drop(telemetry_schema_of_run())


def _places() -> None:
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
        sa.CheckConstraint("kind IN ('store', 'cold_chain_point', 'session_site')", name="ck_facility_kind"),
    )
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
        sa.CheckConstraint(
            "cold_life_minutes IS NULL OR cold_life_source IS NOT NULL", name="ck_appliance_cold_life_sourced"
        ),
        sa.CheckConstraint(
            "holdover_minutes IS NULL OR holdover_source IS NOT NULL", name="ck_appliance_holdover_sourced"
        ),
        sa.CheckConstraint(
            "kind IN ('ilr', 'deep_freezer', 'walk_in_cooler', 'walk_in_freezer', 'cold_box', 'carrier')",
            name="ck_appliance_kind",
        ),
        sa.CheckConstraint("centi_celsius_min < centi_celsius_max", name="ck_appliance_range"),
    )
    op.create_index("ix_appliance_facility_id", "appliance", ["facility_id"])
    op.create_table(
        "gateway",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary, nullable=False),
        sa.Column("enrolled_at_ms", EpochMs, nullable=False),
        sa.Column("retired_at_ms", EpochMs),
    )
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
    op.create_table(
        "assignment",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sensor_id", sa.String(128), sa.ForeignKey("sensor.id"), nullable=False),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id"), nullable=False),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("from_ms", EpochMs, nullable=False),
        sa.Column("until_ms", EpochMs),
        sa.CheckConstraint("until_ms IS NULL OR until_ms > from_ms", name="ck_assignment_interval"),
    )
    op.create_index("ix_assignment_appliance_id_from_ms", "assignment", ["appliance_id", "from_ms"])
    op.create_index("ix_assignment_sensor_id_from_ms", "assignment", ["sensor_id", "from_ms"])
    op.create_table(
        "calibration",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sensor_id", sa.String(128), sa.ForeignKey("sensor.id"), nullable=False),
        sa.Column("certificate_number", sa.Text, nullable=False),
        sa.Column("uncertainty_centi_celsius", sa.Integer, nullable=False),
        sa.Column("calibrated_at_ms", EpochMs, nullable=False),
        sa.Column("due_at_ms", EpochMs, nullable=False),
    )


def _stock() -> None:
    op.create_table(
        "lot",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("product_id", sa.String(48), nullable=False),
        sa.Column("batch", sa.String(48), nullable=False),
        sa.Column("expires_at_ms", EpochMs, nullable=False),
        sa.Column("recorded_at_ms", EpochMs, nullable=False),
        sa.UniqueConstraint("product_id", "batch"),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("effective_from", sa.String(10), nullable=False),
        sa.Column("effective_until", sa.String(10)),
        sa.Column("recorded_at_ms", EpochMs, nullable=False),
    )
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
            name="ck_holding_disposition",
        ),
        sa.CheckConstraint("doses_left >= 0 AND doses_left <= doses_received", name="ck_holding_doses"),
        sa.CheckConstraint("rejudges_open >= 0", name="ck_holding_rejudges_open"),
    )
    op.create_index("ix_holding_facility_id", "holding", ["facility_id"])
    op.create_index("ix_holding_lot_id", "holding", ["lot_id"])
    op.create_index("ix_holding_parent_id", "holding", ["parent_id"])
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
    op.create_table(
        "rejudge",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id")),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id")),
        sa.Column("from_ms", EpochMs, nullable=False),
        sa.Column("marked_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("(holding_id IS NULL) <> (appliance_id IS NULL)", name="ck_rejudge_one_subject"),
    )
    op.create_index("ix_rejudge_appliance_id", "rejudge", ["appliance_id"])
    op.create_index("ix_rejudge_holding_id", "rejudge", ["holding_id"])
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
            name="ck_stay_evidence_kind",
        ),
        sa.CheckConstraint("until_ms IS NULL OR until_ms >= from_ms", name="ck_stay_interval"),
        sa.CheckConstraint("(evidence_kind = 'packed_carrier') = (packed_at_ms IS NOT NULL)", name="ck_stay_packed_at"),
    )
    op.create_index("ix_stay_appliance_id_from_ms", "stay", ["appliance_id", "from_ms"])
    op.create_index("ix_stay_holding_id_from_ms", "stay", ["holding_id", "from_ms"])
    is_open = sa.text("until_ms IS NULL")
    op.create_index("uq_stay_open", "stay", ["holding_id"], unique=True, sqlite_where=is_open, postgresql_where=is_open)


def _judgements() -> None:
    op.create_table(
        "notice",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("deduplication_key", sa.String(240), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("sent_at_ms", EpochMs),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.UniqueConstraint("deduplication_key"),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), nullable=False),
        sa.Column("sensor_id", sa.String(128), nullable=False),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id")),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("began_at_ms", EpochMs, nullable=False),
        sa.Column("fired_at_ms", EpochMs, nullable=False),
        sa.Column("cleared_at_ms", EpochMs),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        sa.Column("extreme_centi_celsius", sa.Integer, nullable=False),
        sa.Column("limit_centi_celsius", sa.Integer, nullable=False),
        sa.Column("limit_minutes", sa.Integer, nullable=False),
        sa.Column("acknowledged_at_ms", EpochMs),
        sa.Column("acknowledged_by", sa.String(48)),
        sa.Column("cause", sa.String(32)),
        sa.Column("comment", sa.Text),
        sa.Column("change", BigId, nullable=False),
    )
    op.create_index("ix_alarm_appliance_id_fired_at_ms", "alarm", ["appliance_id", "fired_at_ms"])
    op.create_index("ix_alarm_change", "alarm", ["change"])
    op.create_table(
        "appliance_judgement",
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id"), primary_key=True),
        sa.Column("judged_through_ms", EpochMs, nullable=False),
        sa.Column("known_through_ms", EpochMs),
        sa.Column("state", sa.String(16), nullable=False),
        sa.CheckConstraint("state IN ('in_range', 'warm', 'freezing', 'no_data')", name="ck_appliance_judgement_state"),
    )
    op.create_table(
        "downlink",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("published_at_ms", EpochMs),
        sa.CheckConstraint("channel IN ('desired', 'command')", name="ck_downlink_channel"),
    )
    op.create_index("ix_downlink_published_at_ms", "downlink", ["published_at_ms"])
    op.create_table(
        "gateway_state",
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), primary_key=True),
        sa.Column("session", BigId, nullable=False),
        sa.Column("online", sa.Boolean(create_constraint=True, name="online"), nullable=False),
        sa.Column("boot", BigId),
        sa.Column("software", sa.Text),
        sa.Column("clock_source", sa.String(16)),
        sa.Column("changed_at_ms", EpochMs, nullable=False),
    )
    op.create_table(
        "verdict",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("finding", sa.String(24), nullable=False),
        sa.Column("rule_version", sa.String(48), nullable=False),
        sa.Column("judged_through_ms", EpochMs, nullable=False),
        sa.Column("known_through_ms", EpochMs),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("found_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("finding IN ('usable', 'excursion_noted', 'hold')", name="ck_verdict_finding"),
    )
    op.create_index("ix_verdict_holding_id_id", "verdict", ["holding_id", "id"])
    op.create_table(
        "compromise",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("verdict_id", BigId, sa.ForeignKey("verdict.id"), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("compromised_from_ms", EpochMs, nullable=False),
        sa.Column("found_at_ms", EpochMs, nullable=False),
        sa.Column("withdrawn_at_ms", EpochMs),
    )
    op.create_index("ix_compromise_holding_id", "compromise", ["holding_id"])


def _trace() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(48), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until_ms", EpochMs, nullable=False),
    )
    op.create_table(
        "seal",
        sa.Column("number", BigId, primary_key=True, autoincrement=False),
        sa.Column("sealed_at_ms", EpochMs, nullable=False),
        sa.Column("heads", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), primary_key=True),
        sa.Column("number", BigId, primary_key=True, autoincrement=False),
        sa.Column("at_ms", EpochMs, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("act", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "audit_head",
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), primary_key=True),
        sa.Column("number", BigId, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


LEDGER_TABLES = (
    "audit_head",
    "audit",
    "seal",
    "lease",
    "compromise",
    "verdict",
    "gateway_state",
    "downlink",
    "appliance_judgement",
    "alarm",
    "notice",
    "stay",
    "rejudge",
    "manual_check",
    "holding",
    "product",
    "lot",
    "calibration",
    "assignment",
    "sensor",
    "gateway",
    "appliance",
    "facility",
)
