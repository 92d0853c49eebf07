"""What a verdict an auditor would accept needs: evidence of a stay, decisions people sign, alarms of both origins.

The findings learn a proposal to condemn; an alarm may come from a gateway or from a rule of the server, and its end is
kept with who ended it as what. Alarms of before are the gateways' own and go to their gateways' facilities.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import NAMING, BigId, EpochMs
from sheetal.ledger.schema import LEDGER, only_for

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FINDINGS = "finding IN ('usable', 'excursion_noted', 'hold', 'proposed_condemned')"
FINDINGS_BEFORE = "finding IN ('usable', 'excursion_noted', 'hold')"
ALARM_CHECKS = {
    "origin": "origin IN ('device', 'server')",
    "speaker": "origin = 'server' OR (gateway_id IS NOT NULL AND sensor_id IS NOT NULL)",
    "ended": "(ended_at_ms IS NULL) = (ended_as IS NULL)",
    "ended_as": "ended_as IS NULL OR ended_as IN ('fixed', 'sensor_fault', 'lost_contact')",
}
ALARM_NULLABLE = ("gateway_id", "sensor_id", "extreme_centi_celsius", "limit_centi_celsius", "limit_minutes")
NEW_TABLES = (
    "forecast",
    "report_run",
    "delivery",
    "mute",
    "escalation_step",
    "contact",
    "decision",
    "attachment",
    "vvm_reading",
    "lot_hold",
    "sensor_fault",
)


@only_for(LEDGER)
def upgrade() -> None:
    _add_columns()
    _change_findings(FINDINGS)
    _change_alarm()
    _add_sensor_fault()
    _add_decisions()
    _add_watch()


@only_for(LEDGER)
def downgrade() -> None:
    for name in NEW_TABLES:
        op.drop_table(name)
    op.execute("DELETE FROM alarm WHERE origin = 'server'")
    _change_alarm_back()
    op.execute("UPDATE verdict SET finding = 'hold' WHERE finding = 'proposed_condemned'")
    _change_findings(FINDINGS_BEFORE)
    _drop_columns()


def _add_columns() -> None:
    """One by one, with their checks beside them: both engines take this without copying a table."""
    op.add_column("holding", sa.Column("opened_at_ms", EpochMs))
    _add_checked("stay", "ice_packs VARCHAR(16)", "ice_packs IN ('conditioned', 'cool_water', 'frozen')")
    _add_checked("stay", "vvm_stage_packed INTEGER", "vvm_stage_packed BETWEEN 1 AND 4")
    op.add_column("manual_check", sa.Column("initials", sa.String(8)))
    op.execute(
        "ALTER TABLE appliance ADD COLUMN fusion VARCHAR(16) DEFAULT 'worst' NOT NULL "
        "CONSTRAINT ck_appliance_fusion CHECK (fusion IN ('worst', 'by_position'))"
    )
    op.add_column("appliance", sa.Column("model_id", sa.String(64)))
    op.add_column("notice", sa.Column("severity", sa.String(8), nullable=False, server_default="urgent"))
    op.add_column("notice", sa.Column("group_key", sa.String(160)))


def _add_checked(table: str, column: str, check: str) -> None:
    name = column.partition(" ")[0]
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} CONSTRAINT ck_{table}_{name} CHECK ({name} IS NULL OR {check})"
    )


def _drop_columns() -> None:
    checked = {"stay": ("ice_packs", "vvm_stage_packed"), "appliance": ("fusion",)}
    if op.get_context().dialect.name == "postgresql":
        for table, names in checked.items():
            for name in names:
                op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for table, names in {
        "notice": ("group_key", "severity"),
        "appliance": ("model_id", "fusion"),
        "manual_check": ("initials",),
        "stay": ("vvm_stage_packed", "ice_packs"),
        "holding": ("opened_at_ms",),
    }.items():
        for name in names:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")


def _change_findings(allowed: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_verdict_finding"), "verdict", type_="check")
        op.create_check_constraint(op.f("ck_verdict_finding"), "verdict", allowed)
        return
    verdict = sa.Table(
        "verdict",
        sa.MetaData(naming_convention=NAMING),
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("finding", sa.String(24), nullable=False),
        sa.Column("rule_version", sa.String(48), nullable=False),
        sa.Column("judged_through_ms", EpochMs, nullable=False),
        sa.Column("known_through_ms", EpochMs),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("found_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint(allowed, name="finding"),
        sa.Index(op.f("ix_verdict_holding_id_id"), "holding_id", "id"),
    )
    with op.batch_alter_table("verdict", copy_from=verdict, recreate="always"):
        pass


def _change_alarm() -> None:
    if op.get_context().dialect.name == "postgresql":
        for column in _alarm_columns():
            op.add_column("alarm", column)
        for name in ALARM_NULLABLE:
            op.alter_column("alarm", name, nullable=True)
        op.create_foreign_key(op.f("fk_alarm_facility_id_facility"), "alarm", "facility", ["facility_id"], ["id"])
        for name, check in ALARM_CHECKS.items():
            op.create_check_constraint(op.f(f"ck_alarm_{name}"), "alarm", check)
    else:
        # The new columns have no rows to copy, so they come first; then the table is copied with its new shape.
        for column in _alarm_columns():
            op.add_column("alarm", column)
        with op.batch_alter_table("alarm", copy_from=_alarm(is_new=True), recreate="always"):
            pass
    op.execute("UPDATE alarm SET facility_id = (SELECT facility_id FROM gateway WHERE gateway.id = alarm.gateway_id)")


def _change_alarm_back() -> None:
    new = [column.name for column in _alarm_columns()]
    if op.get_context().dialect.name == "postgresql":
        for name in ALARM_CHECKS:
            op.drop_constraint(op.f(f"ck_alarm_{name}"), "alarm", type_="check")
        for name in ALARM_NULLABLE:
            op.alter_column("alarm", name, nullable=False)
        for name in new:
            op.drop_column("alarm", name)
        return
    with op.batch_alter_table("alarm", copy_from=_alarm(is_new=True), recreate="always") as table:
        for name in ALARM_CHECKS:
            table.drop_constraint(op.f(f"ck_alarm_{name}"), type_="check")
        for name in ALARM_NULLABLE:
            table.alter_column(name, nullable=False)
        for name in new:
            table.drop_column(name)


def _alarm_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("origin", sa.String(8), nullable=False, server_default="device"),
        sa.Column("facility_id", sa.String(48)),
        sa.Column("facts", sa.Text),
        sa.Column("assigned_to", sa.String(64)),
        sa.Column("ended_at_ms", EpochMs),
        sa.Column("ended_as", sa.String(16)),
        sa.Column("ended_by", sa.String(64)),
    ]


def _alarm(*, is_new: bool) -> sa.Table:
    table = sa.Table(
        "alarm",
        sa.MetaData(naming_convention=NAMING),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("origin", sa.String(8), nullable=False, server_default="device"),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id")),
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), nullable=is_new),
        sa.Column("sensor_id", sa.String(128), nullable=is_new),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id")),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("began_at_ms", EpochMs, nullable=False),
        sa.Column("fired_at_ms", EpochMs, nullable=False),
        sa.Column("cleared_at_ms", EpochMs),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        sa.Column("extreme_centi_celsius", sa.Integer, nullable=is_new),
        sa.Column("limit_centi_celsius", sa.Integer, nullable=is_new),
        sa.Column("limit_minutes", sa.Integer, nullable=is_new),
        sa.Column("facts", sa.Text),
        sa.Column("acknowledged_at_ms", EpochMs),
        sa.Column("acknowledged_by", sa.String(48)),
        sa.Column("cause", sa.String(32)),
        sa.Column("comment", sa.Text),
        sa.Column("assigned_to", sa.String(64)),
        sa.Column("ended_at_ms", EpochMs),
        sa.Column("ended_as", sa.String(16)),
        sa.Column("ended_by", sa.String(64)),
        sa.Column("change", BigId, nullable=False),
        *[sa.CheckConstraint(check, name=name) for name, check in ALARM_CHECKS.items()],
    )
    sa.Index(op.f("ix_alarm_appliance_id_fired_at_ms"), table.c.appliance_id, table.c.fired_at_ms)
    sa.Index(op.f("ix_alarm_change"), table.c.change)
    return table


def _add_sensor_fault() -> None:
    op.create_table(
        "sensor_fault",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("sensor_id", sa.String(128), sa.ForeignKey("sensor.id"), nullable=False),
        sa.Column("from_ms", EpochMs, nullable=False),
        sa.Column("until_ms", EpochMs),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("recorded_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("until_ms IS NULL OR until_ms > from_ms", name="interval"),
    )
    op.create_index(op.f("ix_sensor_fault_sensor_id_from_ms"), "sensor_fault", ["sensor_id", "from_ms"])


def _add_decisions() -> None:
    op.create_table(
        "lot_hold",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("lot_id", sa.String(64), sa.ForeignKey("lot.id"), nullable=False),
        sa.Column("authority", sa.String(120), nullable=False),
        sa.Column("reference", sa.String(120), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("held_at_ms", EpochMs, nullable=False),
        sa.Column("lifted_at_ms", EpochMs),
        sa.Column("lifted_by", sa.String(64)),
        sa.Column("lifted_reference", sa.String(120)),
        sa.CheckConstraint("(lifted_at_ms IS NULL) = (lifted_by IS NULL)", name="lifted"),
    )
    op.create_index(op.f("ix_lot_hold_lot_id"), "lot_hold", ["lot_id"])
    op.create_table(
        "vvm_reading",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("read_at_ms", EpochMs, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("recorded_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("stage BETWEEN 1 AND 4", name="stage"),
    )
    op.create_index(op.f("ix_vvm_reading_holding_id_read_at_ms"), "vvm_reading", ["holding_id", "read_at_ms"])
    op.create_table(
        "attachment",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(64)),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("content", sa.LargeBinary),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("attached_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("kind IN ('vvm_stage', 'shake_test', 'manufacturer_reply', 'other')", name="kind"),
        sa.CheckConstraint("(content IS NULL) = (sha256 IS NULL)", name="content"),
    )
    op.create_index(op.f("ix_attachment_holding_id"), "attachment", ["holding_id"])
    _add_decision()


def _add_decision() -> None:
    op.create_table(
        "decision",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("target", sa.String(24), nullable=False),
        sa.Column("reason_code", sa.String(32), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("doses", sa.Integer, nullable=False),
        sa.Column("seen_verdict_id", BigId),
        sa.Column("attachments", sa.Text, nullable=False),
        sa.Column("signers_needed", sa.Integer, nullable=False),
        sa.Column("signed_by", sa.String(64), nullable=False),
        sa.Column("signed_at_ms", EpochMs, nullable=False),
        sa.Column("second_signed_by", sa.String(64)),
        sa.Column("second_signed_at_ms", EpochMs),
        sa.Column("done_at_ms", EpochMs),
        sa.Column("withdrawn_by", sa.String(64)),
        sa.Column("withdrawn_at_ms", EpochMs),
        sa.CheckConstraint("signers_needed IN (1, 2)", name="signers_needed"),
        sa.CheckConstraint("second_signed_by IS NULL OR second_signed_by <> signed_by", name="two_people"),
        sa.CheckConstraint("done_at_ms IS NULL OR withdrawn_at_ms IS NULL", name="one_end"),
    )
    op.create_index(op.f("ix_decision_holding_id"), "decision", ["holding_id"])
    is_open = sa.text("done_at_ms IS NULL AND withdrawn_at_ms IS NULL")
    op.create_index(
        "uq_decision_open",
        "decision",
        ["holding_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _add_watch() -> None:
    op.create_table(
        "contact",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id")),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("address_sealed", sa.LargeBinary, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("retired_at_ms", EpochMs),
    )
    op.create_index(op.f("ix_contact_facility_id"), "contact", ["facility_id"])
    op.create_table(
        "escalation_step",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id")),
        sa.Column("contact_id", BigId, sa.ForeignKey("contact.id"), nullable=False),
        sa.Column("after_minutes", sa.Integer, nullable=False),
        sa.Column("from_minute_of_day", sa.Integer, nullable=False),
        sa.Column("until_minute_of_day", sa.Integer, nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("retired_at_ms", EpochMs),
        sa.CheckConstraint("after_minutes >= 0", name="after_minutes"),
        sa.CheckConstraint("from_minute_of_day BETWEEN 0 AND 1439", name="from_minute"),
        sa.CheckConstraint("until_minute_of_day BETWEEN 1 AND 1440", name="until_minute"),
    )
    op.create_index(op.f("ix_escalation_step_facility_id"), "escalation_step", ["facility_id"])
    op.create_table(
        "mute",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id")),
        sa.Column("kind", sa.String(32)),
        sa.Column("from_ms", EpochMs, nullable=False),
        sa.Column("until_ms", EpochMs, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("ended_at_ms", EpochMs),
        sa.CheckConstraint("until_ms > from_ms", name="interval"),
    )
    op.create_index(op.f("ix_mute_facility_id_until_ms"), "mute", ["facility_id", "until_ms"])
    _add_outgoing()


def _add_outgoing() -> None:
    op.create_table(
        "delivery",
        sa.Column("notice_id", BigId, sa.ForeignKey("notice.id"), primary_key=True, autoincrement=False),
        sa.Column("contact_id", BigId, sa.ForeignKey("contact.id"), primary_key=True, autoincrement=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_ms", EpochMs, nullable=False),
        sa.Column("sent_at_ms", EpochMs),
        sa.Column("problem", sa.String(200)),
    )
    op.create_index(op.f("ix_delivery_sent_at_ms_next_try_ms"), "delivery", ["sent_at_ms", "next_try_ms"])
    op.create_table(
        "report_run",
        sa.Column("kind", sa.String(24), primary_key=True),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), primary_key=True),
        sa.Column("period", sa.String(10), primary_key=True),
        sa.Column("made_at_ms", EpochMs, nullable=False),
    )
    op.create_table(
        "forecast",
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id"), primary_key=True),
        sa.Column("made_at_ms", EpochMs, nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("limit_centi_celsius", sa.Integer, nullable=False),
        sa.Column("minutes", sa.Integer),
        sa.Column("minutes_low", sa.Integer),
        sa.Column("minutes_high", sa.Integer),
        sa.Column("doses_at_risk", sa.Integer, nullable=False),
        sa.Column("fit", sa.Text, nullable=False),
        sa.CheckConstraint("side IN ('cold', 'hot')", name="side"),
    )
