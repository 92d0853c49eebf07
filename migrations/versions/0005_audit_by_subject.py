"""Find a subject's acts without reading its facility's whole chain."""

from __future__ import annotations

from alembic import op

from sheetal.ledger.schema import LEDGER, only_for

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


@only_for(LEDGER)
def upgrade() -> None:
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"])


@only_for(LEDGER)
def downgrade() -> None:
    op.drop_index(op.f("ix_audit_subject"), "audit")
