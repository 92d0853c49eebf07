"""Tables of judgement and trace: verdicts, judged instants, alarms, notices, gateway state, audit chain, leases."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from sheetal.ledger.base import BigId, EpochMs, ledger_metadata

verdict = Table(
    "verdict",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("finding", String(24), nullable=False),
    Column("rule_version", String(48), nullable=False),
    Column("judged_through_ms", EpochMs, nullable=False),
    Column("known_through_ms", EpochMs),
    Column("digest", String(64), nullable=False),
    Column("evidence", Text, nullable=False),
    Column("found_at_ms", EpochMs, nullable=False),
    CheckConstraint("finding IN ('usable', 'excursion_noted', 'hold', 'proposed_condemned')", name="finding"),
)
Index(None, verdict.c.holding_id, verdict.c.id)

appliance_judgement = Table(
    "appliance_judgement",
    ledger_metadata,
    Column("appliance_id", ForeignKey("appliance.id"), primary_key=True),
    Column("judged_through_ms", EpochMs, nullable=False),
    Column("known_through_ms", EpochMs),
    Column("state", String(16), nullable=False),
    CheckConstraint("state IN ('in_range', 'warm', 'freezing', 'no_data')", name="state"),
)

alarm = Table(
    "alarm",
    ledger_metadata,
    Column("id", String(200), primary_key=True),
    Column("origin", String(8), nullable=False, server_default="device"),
    Column("facility_id", ForeignKey("facility.id")),
    Column("gateway_id", ForeignKey("gateway.id")),
    Column("sensor_id", String(128)),
    Column("appliance_id", ForeignKey("appliance.id")),
    Column("kind", String(16), nullable=False),
    Column("began_at_ms", EpochMs, nullable=False),
    Column("fired_at_ms", EpochMs, nullable=False),
    Column("cleared_at_ms", EpochMs),
    Column("received_at_ms", EpochMs, nullable=False),
    Column("extreme_centi_celsius", Integer),
    Column("limit_centi_celsius", Integer),
    Column("limit_minutes", Integer),
    Column("facts", Text),
    Column("acknowledged_at_ms", EpochMs),
    Column("acknowledged_by", String(48)),
    Column("cause", String(32)),
    Column("comment", Text),
    Column("assigned_to", String(64)),
    Column("ended_at_ms", EpochMs),
    Column("ended_as", String(16)),
    Column("ended_by", String(64)),
    Column("change", BigId, nullable=False),
    CheckConstraint("origin IN ('device', 'server')", name="origin"),
    CheckConstraint("origin = 'server' OR (gateway_id IS NOT NULL AND sensor_id IS NOT NULL)", name="speaker"),
    CheckConstraint("(ended_at_ms IS NULL) = (ended_as IS NULL)", name="ended"),
    CheckConstraint("ended_as IS NULL OR ended_as IN ('fixed', 'sensor_fault', 'lost_contact')", name="ended_as"),
)
Index(None, alarm.c.appliance_id, alarm.c.fired_at_ms)
Index(None, alarm.c.change)

notice = Table(
    "notice",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("deduplication_key", String(240), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("facts", Text, nullable=False),
    Column("severity", String(8), nullable=False, server_default="urgent"),
    Column("group_key", String(160)),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("sent_at_ms", EpochMs),
    Column("attempts", Integer, nullable=False),
    UniqueConstraint("deduplication_key"),
)

gateway_state = Table(
    "gateway_state",
    ledger_metadata,
    Column("gateway_id", ForeignKey("gateway.id"), primary_key=True),
    Column("session", BigId, nullable=False),
    Column("online", Boolean(create_constraint=True, name="online"), nullable=False),
    Column("boot", BigId),
    Column("software", Text),
    Column("clock_source", String(16)),
    Column("changed_at_ms", EpochMs, nullable=False),
)

audit = Table(
    "audit",
    ledger_metadata,
    Column("facility_id", ForeignKey("facility.id"), primary_key=True),
    Column("number", BigId, primary_key=True, autoincrement=False),
    Column("at_ms", EpochMs, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("act", String(48), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

Index(None, audit.c.subject)

audit_head = Table(
    "audit_head",
    ledger_metadata,
    Column("facility_id", ForeignKey("facility.id"), primary_key=True),
    Column("number", BigId, nullable=False),
    Column("hash", String(64), nullable=False),
)

lease = Table(
    "lease",
    ledger_metadata,
    Column("name", String(48), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until_ms", EpochMs, nullable=False),
)

downlink = Table(
    "downlink",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("gateway_id", ForeignKey("gateway.id"), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("published_at_ms", EpochMs),
    CheckConstraint("channel IN ('desired', 'command')", name="channel"),
)
Index(None, downlink.c.published_at_ms)

seal = Table(
    "seal",
    ledger_metadata,
    Column("number", BigId, primary_key=True, autoincrement=False),
    Column("sealed_at_ms", EpochMs, nullable=False),
    Column("heads", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("signature", Text, nullable=False),
)
