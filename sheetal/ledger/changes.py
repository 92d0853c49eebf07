"""Change numbers: live pages ask for what changed since the last one they saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

LOCK_NAMESPACE = 0x5EE7A1


def next_change(conn: Connection, table: Table) -> int:
    """The table's next change number.

    On PostgreSQL held by a lock until the transaction ends, so that numbers become visible in their own order and no
    reader passes one that is still to come; SQLite's single writer gives the same.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(
            text("SELECT pg_advisory_xact_lock(:namespace, hashtext(:name))"),
            {"namespace": LOCK_NAMESPACE, "name": table.name},
        )
    return (conn.execute(select(func.max(table.c.change))).scalar_one_or_none() or 0) + 1
