"""Wiring of alembic: `sheetal.ledger.schema` walks the chain over each store; see README.md."""

from __future__ import annotations

from alembic import context
from alembic.util import CommandError

from sheetal.contracts.problem import Problem
from sheetal.ledger.schema import migrate

try:
    migrate(context)
except Problem as problem:
    if context.config.cmd_opts is None:
        raise
    message = f"{problem.message}; {problem.next_step}"
    raise CommandError(message) from problem
