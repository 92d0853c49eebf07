"""People with sealed fields, their appointments, doses, and the recalls of doses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import EpochMs
from sheetal.ledger.schema import LEDGER, only_for

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


@only_for(LEDGER)
def upgrade() -> None:
    _person()
    _appointment()
    _dose()
    _recall()


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("reference_id", sa.String(14), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary, nullable=False),
        sa.Column("birth_date_sealed", sa.LargeBinary, nullable=False),
        sa.Column("mobile_sealed", sa.LargeBinary, nullable=False),
        sa.Column("mobile_index", sa.String(64), nullable=False),
        sa.Column("created_at_ms", EpochMs, nullable=False),
        sa.UniqueConstraint("reference_id"),
    )
    op.create_index(op.f("ix_person_mobile_index"), "person", ["mobile_index"])


def _appointment() -> None:
    op.create_table(
        "appointment",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("session_id", sa.String(48), sa.ForeignKey("vaccination_session.id"), nullable=False),
        sa.Column("person_id", sa.String(36), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("dose_number", sa.Integer, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("wrong_codes", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("booked_at_ms", EpochMs, nullable=False),
        sa.CheckConstraint("state IN ('booked', 'given', 'cancelled')", name="state"),
        sa.UniqueConstraint("session_id", "person_id"),
    )


def _dose() -> None:
    op.create_table(
        "dose",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("person_id", sa.String(36), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("lot_id", sa.String(64), sa.ForeignKey("lot.id"), nullable=False),
        sa.Column("facility_id", sa.String(48), sa.ForeignKey("facility.id"), nullable=False),
        sa.Column("session_id", sa.String(48), sa.ForeignKey("vaccination_session.id"), nullable=False),
        sa.Column("vaccine", sa.String(48), nullable=False),
        sa.Column("dose_number", sa.Integer, nullable=False),
        sa.Column("doses_total", sa.Integer, nullable=False),
        sa.Column("administered_at_ms", EpochMs, nullable=False),
        sa.Column("staff_id", sa.String(48), sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("idempotency_key", sa.String(80), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("person_id", "vaccine", "dose_number"),
        sa.CheckConstraint("dose_number BETWEEN 1 AND doses_total", name="number"),
    )
    op.create_index(op.f("ix_dose_holding_id_administered_at_ms"), "dose", ["holding_id", "administered_at_ms"])


@only_for(LEDGER)
def downgrade() -> None:
    for table in ("recall_dose", "recall_case", "dose", "appointment", "person"):
        op.drop_table(table)


def _recall() -> None:
    op.create_table(
        "recall_case",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("compromise_id", sa.Integer, sa.ForeignKey("compromise.id"), nullable=False),
        sa.Column("holding_id", sa.String(48), sa.ForeignKey("holding.id"), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("compromised_from_ms", EpochMs, nullable=False),
        sa.Column("opened_at_ms", EpochMs, nullable=False),
        sa.Column("closed_at_ms", EpochMs),
        sa.UniqueConstraint("compromise_id"),
    )
    op.create_index(op.f("ix_recall_case_holding_id"), "recall_case", ["holding_id"])
    op.create_table(
        "recall_dose",
        sa.Column("case_id", sa.String(36), sa.ForeignKey("recall_case.id"), primary_key=True),
        sa.Column("dose_id", sa.String(36), sa.ForeignKey("dose.id"), primary_key=True),
        sa.Column("contact_state", sa.String(12), nullable=False),
        sa.Column("listed_at_ms", EpochMs, nullable=False),
        sa.Column("contacted_at_ms", EpochMs),
        sa.Column("contacted_by", sa.String(48), sa.ForeignKey("staff.id")),
        sa.CheckConstraint("contact_state IN ('to_contact', 'contacted', 'unreachable')", name="contact_state"),
    )
