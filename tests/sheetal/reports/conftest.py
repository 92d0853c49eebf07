from __future__ import annotations

from tests.sheetal.ledger.conftest import (
    addresses,
    dialect,
    house,
    ledger,
    postgresql_template,
    sqlite_template,
)

__all__ = ["addresses", "dialect", "house", "ledger", "postgresql_template", "sqlite_template"]
