"""Tables of gateways: how each is taken in, the certificates it holds, and its twin as it last reported it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from sheetal.ledger.base import BigId, EpochMs, ledger_metadata

enrolment_code = Table(
    "enrolment_code",
    ledger_metadata,
    Column("gateway_id", String(48), primary_key=True),
    Column("facility_id", ForeignKey("facility.id"), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("tries_left", Integer, nullable=False),
    Column("issued_at_ms", EpochMs, nullable=False),
    Column("expires_at_ms", EpochMs, nullable=False),
    Column("used_at_ms", EpochMs),
)

gateway_certificate = Table(
    "gateway_certificate",
    ledger_metadata,
    Column("serial", String(40), primary_key=True),
    Column("gateway_id", ForeignKey("gateway.id"), nullable=False),
    Column("issued_at_ms", EpochMs, nullable=False),
    Column("expires_at_ms", EpochMs, nullable=False),
    Column("revoked_at_ms", EpochMs),
)
Index(None, gateway_certificate.c.gateway_id)

gateway_twin = Table(
    "gateway_twin",
    ledger_metadata,
    Column("gateway_id", ForeignKey("gateway.id"), primary_key=True),
    Column("desired_version", BigId, nullable=False),
    Column("reported_version", BigId, nullable=False),
    Column("reported_state", String(16), nullable=False),
    Column("reported", Text, nullable=False),
    Column("reported_at_ms", EpochMs, nullable=False),
)
