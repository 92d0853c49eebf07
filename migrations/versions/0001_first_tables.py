"""All tables of sheetal.ledger: the ledger store's and the telemetry store's."""

from __future__ import annotations

from alembic import op

from migrations import first_asset_tables, first_judgement_tables, first_stock_tables, first_telemetry_tables
from sheetal.ledger.schema import LEDGER, store_of_run, telemetry_schema_of_run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LEDGER_TABLES = (*first_asset_tables.TABLES, *first_stock_tables.TABLES, *first_judgement_tables.TABLES)


def upgrade() -> None:
    if store_of_run() == LEDGER:
        for table in LEDGER_TABLES:
            table()
    else:
        for table in first_telemetry_tables.TABLES:
            table(telemetry_schema_of_run())


def downgrade() -> None:
    if store_of_run() == LEDGER:
        for table in reversed(LEDGER_TABLES):
            op.drop_table(table.__name__)
    else:
        for table in reversed(first_telemetry_tables.TABLES):
            op.drop_table(table.__name__, schema=telemetry_schema_of_run())
