"""Tables of who is told what and when: contacts, their ladder, muted times, deliveries, reports, forecasts."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from sheetal.ledger.base import BigId, EpochMs, ledger_metadata

contact = Table(
    "contact",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("facility_id", ForeignKey("facility.id")),
    Column("name", Text, nullable=False),
    Column("address_sealed", LargeBinary, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("retired_at_ms", EpochMs),
)
Index(None, contact.c.facility_id)

escalation_step = Table(
    "escalation_step",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("facility_id", ForeignKey("facility.id")),
    Column("contact_id", ForeignKey("contact.id"), nullable=False),
    Column("after_minutes", Integer, nullable=False),
    Column("from_minute_of_day", Integer, nullable=False),
    Column("until_minute_of_day", Integer, nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("retired_at_ms", EpochMs),
    CheckConstraint("after_minutes >= 0", name="after_minutes"),
    CheckConstraint("from_minute_of_day BETWEEN 0 AND 1439", name="from_minute"),
    CheckConstraint("until_minute_of_day BETWEEN 1 AND 1440", name="until_minute"),
)
Index(None, escalation_step.c.facility_id)

mute = Table(
    "mute",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("appliance_id", ForeignKey("appliance.id")),
    Column("kind", String(32)),
    Column("from_ms", EpochMs, nullable=False),
    Column("until_ms", EpochMs, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("ended_at_ms", EpochMs),
    CheckConstraint("until_ms > from_ms", name="interval"),
)
Index(None, mute.c.facility_id, mute.c.until_ms)

delivery = Table(
    "delivery",
    ledger_metadata,
    Column("notice_id", ForeignKey("notice.id"), primary_key=True, autoincrement=False),
    Column("contact_id", ForeignKey("contact.id"), primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_ms", EpochMs, nullable=False),
    Column("sent_at_ms", EpochMs),
    Column("problem", String(200)),
)
Index(None, delivery.c.sent_at_ms, delivery.c.next_try_ms)

report_run = Table(
    "report_run",
    ledger_metadata,
    Column("kind", String(24), primary_key=True),
    Column("facility_id", ForeignKey("facility.id"), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("made_at_ms", EpochMs, nullable=False),
)

forecast = Table(
    "forecast",
    ledger_metadata,
    Column("appliance_id", ForeignKey("appliance.id"), primary_key=True),
    Column("made_at_ms", EpochMs, nullable=False),
    Column("side", String(8), nullable=False),
    Column("limit_centi_celsius", Integer, nullable=False),
    Column("minutes", Integer),
    Column("minutes_low", Integer),
    Column("minutes_high", Integer),
    Column("doses_at_risk", Integer, nullable=False),
    Column("fit", Text, nullable=False),
    CheckConstraint("side IN ('cold', 'hot')", name="side"),
)
