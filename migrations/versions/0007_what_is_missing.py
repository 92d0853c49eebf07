"""Values beside temperature, a bounded dead letter, and which numbers of a boot are settled or asked for again.

What `coverage` knew of a boot counts as settled from its first number on: nobody wrote down the holes before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.base import BigId, EpochMs
from sheetal.ledger.schema import TELEMETRY, only_for, telemetry_schema_of_run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OF_OWNER = ["gateway_id", "last_at_ms", "size_bytes"]


@only_for(TELEMETRY)
def upgrade() -> None:
    schema = telemetry_schema_of_run()
    _aux_value(schema)
    _dead_letters(schema)
    _sequences(schema)
    op.create_index(op.f("ix_unplaced_row_received_at_ms"), "unplaced_row", ["received_at_ms"], schema=schema)


@only_for(TELEMETRY)
def downgrade() -> None:
    schema = telemetry_schema_of_run()
    op.drop_index(op.f("ix_unplaced_row_received_at_ms"), "unplaced_row", schema=schema)
    for name in ("resend_request", "sequence_range", "dead_letter_dropped", "aux_value"):
        op.drop_table(name, schema=schema)
    op.drop_index(op.f("ix_dead_letter_gateway_id_last_at_ms_size_bytes"), "dead_letter", schema=schema)
    op.drop_index(op.f("ix_dead_letter_last_at_ms"), "dead_letter", schema=schema)
    with op.batch_alter_table("dead_letter", schema=schema) as table:
        table.drop_column("gateway_id")


def _aux_value(schema: str | None) -> None:
    op.create_table(
        "aux_value",
        sa.Column("gateway_id", sa.String(48), primary_key=True),
        sa.Column("source", sa.String(128), primary_key=True),
        sa.Column("field", sa.String(128), primary_key=True),
        sa.Column("measured_at_ms", EpochMs, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("boot", BigId, nullable=False),
        sa.Column("sequence", BigId, nullable=False),
        sa.Column("received_at_ms", EpochMs, nullable=False),
        schema=schema,
    )
    op.create_index(op.f("ix_aux_value_received_at_ms"), "aux_value", ["received_at_ms"], schema=schema)


def _dead_letters(schema: str | None) -> None:
    with op.batch_alter_table("dead_letter", schema=schema) as table:
        table.add_column(sa.Column("gateway_id", sa.String(48)))
    op.create_index(op.f("ix_dead_letter_last_at_ms"), "dead_letter", ["last_at_ms"], schema=schema)
    op.create_index(op.f("ix_dead_letter_gateway_id_last_at_ms_size_bytes"), "dead_letter", OF_OWNER, schema=schema)
    op.create_table(
        "dead_letter_dropped",
        sa.Column("gateway_id", sa.String(48), primary_key=True),
        sa.Column("reason", sa.String(48), primary_key=True),
        sa.Column("dropped", BigId, nullable=False),
        sa.Column("last_at_ms", EpochMs, nullable=False),
        schema=schema,
    )


def _sequences(schema: str | None) -> None:
    settled = op.create_table(
        "sequence_range",
        sa.Column("gateway_id", sa.String(48), primary_key=True),
        sa.Column("boot", BigId, primary_key=True, autoincrement=False),
        sa.Column("first_sequence", BigId, primary_key=True, autoincrement=False),
        sa.Column("last_sequence", BigId, nullable=False),
        sa.Column("missing", BigId, nullable=False),
        sa.Column("missing_since_ms", EpochMs),
        sa.Column("settled_at_ms", EpochMs, nullable=False),
        schema=schema,
    )
    op.create_index(op.f("ix_sequence_range_missing_since_ms"), "sequence_range", ["missing_since_ms"], schema=schema)
    op.create_table(
        "resend_request",
        sa.Column("gateway_id", sa.String(48), primary_key=True),
        sa.Column("boot", BigId, primary_key=True, autoincrement=False),
        sa.Column("first_sequence", BigId, primary_key=True, autoincrement=False),
        sa.Column("last_sequence", BigId, nullable=False),
        sa.Column("asked_at_ms", EpochMs, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        schema=schema,
    )
    known = sa.table(
        "coverage",
        *map(sa.column, ("gateway_id", "boot", "first_sequence", "last_sequence", "received_at_ms")),
        schema=schema,
    ).c
    first = sa.case((known.first_sequence < 1, known.first_sequence), else_=1)
    columns = (known.gateway_id, known.boot, first, known.last_sequence, sa.literal_column("0"), known.received_at_ms)
    names = ["gateway_id", "boot", "first_sequence", "last_sequence", "missing", "settled_at_ms"]
    op.execute(settled.insert().from_select(names, sa.select(*columns)))
