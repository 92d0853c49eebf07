"""Tables of staff accounts, their sessions, and the wrong tries that slow sign-ins down."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from portal.identity.rules import Role
from sheetal.ledger.base import EpochMs, ledger_metadata

_ROLES = ", ".join(f"'{role.value}'" for role in Role)

staff = Table(
    "staff",
    ledger_metadata,
    Column("id", String(48), primary_key=True),
    Column("user_name", String(64), nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("role", String(24), nullable=False),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("language", String(8), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("disabled_at_ms", EpochMs),
    CheckConstraint(f"role IN ({_ROLES})", name="role"),
)

staff_session = Table(
    "staff_session",
    ledger_metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_id", ForeignKey("staff.id"), nullable=False),
    Column("created_at_ms", EpochMs, nullable=False),
    Column("seen_at_ms", EpochMs, nullable=False),
    Column("ended_at_ms", EpochMs),
)
Index(None, staff_session.c.staff_id)

sign_in_failure = Table(
    "sign_in_failure",
    ledger_metadata,
    Column("subject", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_ms", EpochMs, nullable=False),
    Column("blocked_until_ms", EpochMs, nullable=False),
)
