"""The ledger store's tables of judgement and trace as revision 0001 made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import BigId, EpochMs


def verdict() -> None:
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
        sa.CheckConstraint("finding IN ('usable', 'excursion_noted', 'hold')", name="finding"),
    )
    op.create_index("ix_verdict_holding_id_id", "verdict", ["holding_id", "id"])


def compromise() -> None:
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


def appliance_judgement() -> None:
    op.create_table(
        "appliance_judgement",
        sa.Column("appliance_id", sa.String(48), sa.ForeignKey("appliance.id"), primary_key=True),
        sa.Column("judged_through_ms", EpochMs, nullable=False),
        sa.Column("known_through_ms", EpochMs),
        sa.Column("state", sa.String(16), nullable=False),
        sa.CheckConstraint("state IN ('in_range', 'warm', 'freezing', 'no_data')", name="state"),
    )


def alarm() -> None:
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


def notice() -> None:
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


def gateway_state() -> None:
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


def downlink() -> None:
    op.create_table(
        "downlink",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("gateway_id", sa.String(48), sa.ForeignKey("gateway.id"), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.Column("published_at_ms", EpochMs),
        sa.CheckConstraint("channel IN ('desired', 'command')", name="channel"),
    )
    op.create_index("ix_downlink_published_at_ms", "downlink", ["published_at_ms"])


def audit() -> None:
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


def audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), primary_key=True),
        sa.Column("number", BigId, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


def seal() -> None:
    op.create_table(
        "seal",
        sa.Column("number", BigId, primary_key=True, autoincrement=False),
        sa.Column("sealed_at_ms", EpochMs, nullable=False),
        sa.Column("heads", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )


def lease() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(48), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until_ms", EpochMs, nullable=False),
    )


TABLES = (
    verdict,
    compromise,
    appliance_judgement,
    alarm,
    notice,
    gateway_state,
    downlink,
    audit,
    audit_head,
    seal,
    lease,
)
