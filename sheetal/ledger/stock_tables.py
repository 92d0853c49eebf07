"""Tables of stock: products, lots, holdings, their stays, and what must be judged again."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.ledger.base import BigId, EpochMs, ledger_metadata

_DISPOSITIONS = ", ".join(f"'{word.value}'" for word in Disposition)
_EVIDENCE = ", ".join(f"'{word.value}'" for word in EvidenceKind)

product = Table(
    "product",
    ledger_metadata,
    Column("id", String(48), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", Text, nullable=False),
    Column("effective_from", String(10), nullable=False),
    Column("effective_until", String(10)),
    Column("recorded_at_ms", EpochMs, nullable=False),
)

lot = Table(
    "lot",
    ledger_metadata,
    Column("id", String(64), primary_key=True),
    Column("product_id", String(48), nullable=False),
    Column("batch", String(48), nullable=False),
    Column("expires_at_ms", EpochMs, nullable=False),
    Column("recorded_at_ms", EpochMs, nullable=False),
    UniqueConstraint("product_id", "batch"),
)

holding = Table(
    "holding",
    ledger_metadata,
    Column("id", String(48), primary_key=True),
    Column("lot_id", ForeignKey("lot.id"), nullable=False),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("parent_id", ForeignKey("holding.id")),
    Column("doses_received", Integer, nullable=False),
    Column("doses_left", Integer, nullable=False),
    Column("disposition", String(24), nullable=False),
    Column("disposition_at_ms", EpochMs, nullable=False),
    Column("held_by_verdict_id", BigId),
    Column("expires_at_ms", EpochMs, nullable=False),
    Column("gap_open_from_ms", EpochMs),
    Column("thawed_at_ms", EpochMs),
    Column("opened_at_ms", EpochMs),
    Column("rejudges_open", Integer, nullable=False, server_default="0"),
    Column("created_at_ms", EpochMs, nullable=False),
    CheckConstraint("doses_left >= 0 AND doses_left <= doses_received", name="doses"),
    CheckConstraint(f"disposition IN ({_DISPOSITIONS})", name="disposition"),
    CheckConstraint("rejudges_open >= 0", name="rejudges_open"),
)
Index(None, holding.c.lot_id)
Index(None, holding.c.facility_id)
Index(None, holding.c.parent_id)

stay = Table(
    "stay",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("appliance_id", ForeignKey("appliance.id"), nullable=False),
    Column("evidence_kind", String(24), nullable=False),
    Column("from_ms", EpochMs, nullable=False),
    Column("until_ms", EpochMs),
    Column("known_bound_ms", Integer, nullable=False),
    Column("packed_at_ms", EpochMs),
    Column("ice_packs", String(16)),
    Column("vvm_stage_packed", Integer),
    CheckConstraint("until_ms IS NULL OR until_ms >= from_ms", name="interval"),
    CheckConstraint(f"evidence_kind IN ({_EVIDENCE})", name="evidence_kind"),
    CheckConstraint("(evidence_kind = 'packed_carrier') = (packed_at_ms IS NOT NULL)", name="packed_at"),
    CheckConstraint("ice_packs IS NULL OR ice_packs IN ('conditioned', 'cool_water', 'frozen')", name="ice_packs"),
    CheckConstraint("vvm_stage_packed IS NULL OR vvm_stage_packed BETWEEN 1 AND 4", name="vvm_stage_packed"),
)
Index(None, stay.c.holding_id, stay.c.from_ms)
Index(None, stay.c.appliance_id, stay.c.from_ms)
Index(
    "uq_stay_open",
    stay.c.holding_id,
    unique=True,
    sqlite_where=stay.c.until_ms.is_(None),
    postgresql_where=stay.c.until_ms.is_(None),
)

compromise = Table(
    "compromise",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("holding_id", ForeignKey("holding.id"), nullable=False),
    Column("verdict_id", ForeignKey("verdict.id"), nullable=False),
    Column("side", String(8), nullable=False),
    Column("compromised_from_ms", EpochMs, nullable=False),
    Column("found_at_ms", EpochMs, nullable=False),
    Column("withdrawn_at_ms", EpochMs),
)
Index(None, compromise.c.holding_id)

manual_check = Table(
    "manual_check",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("appliance_id", ForeignKey("appliance.id"), nullable=False),
    Column("checked_at_ms", EpochMs, nullable=False),
    Column("centi_celsius", Integer, nullable=False),
    Column("centi_celsius_min", Integer),
    Column("centi_celsius_max", Integer),
    Column("actor", String(64), nullable=False),
    Column("initials", String(8)),
    Column("recorded_at_ms", EpochMs, nullable=False),
    UniqueConstraint("appliance_id", "checked_at_ms"),
)

rejudge = Table(
    "rejudge",
    ledger_metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("holding_id", ForeignKey("holding.id")),
    Column("appliance_id", ForeignKey("appliance.id")),
    Column("from_ms", EpochMs, nullable=False),
    Column("marked_at_ms", EpochMs, nullable=False),
    CheckConstraint("(holding_id IS NULL) <> (appliance_id IS NULL)", name="one_subject"),
)
Index(None, rejudge.c.holding_id)
Index(None, rejudge.c.appliance_id)
