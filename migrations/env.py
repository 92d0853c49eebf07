"""Wiring of alembic: `sheetal.ledger.schema` walks the chain over each store; see README.md."""

from __future__ import annotations

from alembic import context

from sheetal.ledger.schema import migrate

migrate(context)
