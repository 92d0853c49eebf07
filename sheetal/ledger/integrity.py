"""The name of the rule that a database refused a row by, the same on both databases."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.exc import IntegrityError

_CHECK = re.compile(r"CHECK constraint failed: (\w+)")
_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")


def broken_rule(error: IntegrityError) -> str | None:
    """The constraint's name by the house's naming convention; None where the database does not tell.

    SQLite names a CHECK, for a unique or primary key only the columns, and for a foreign key nothing.
    """
    original = error.orig
    if not isinstance(original, sqlite3.Error):
        name: str | None = getattr(getattr(original, "diag", None), "constraint_name", None)
        return name
    if check := _CHECK.search(str(original)):
        return check.group(1)
    unique = _UNIQUE.search(str(original))
    if unique is None:
        return None
    tables, columns = zip(*(place.split(".") for place in unique.group(1).split(", ")), strict=True)
    if original.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
        return f"pk_{tables[0]}"
    return f"uq_{tables[0]}_{'_'.join(columns)}"
