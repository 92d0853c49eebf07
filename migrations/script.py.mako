"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sheetal.ledger.schema import LEDGER, only_for

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


@only_for(LEDGER)
def upgrade() -> None:
    ${upgrades if upgrades else "raise NotImplementedError"}


@only_for(LEDGER)
def downgrade() -> None:
    ${downgrades if downgrades else "raise NotImplementedError"}
