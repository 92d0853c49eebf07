"""One wrapper for ON CONFLICT, whose two dialects share one shape but not one module."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Table
    from sqlalchemy.sql.base import ReadOnlyColumnCollection

    Excluded = ReadOnlyColumnCollection[str, ColumnElement[object]]
    Changes = Callable[[Excluded], Mapping[str, object]]
    Guard = Callable[[Excluded], ColumnElement[bool]]


def upsert(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    changes: Changes,
    guard: Guard | None = None,
    key: Sequence[Column[Any]] | None = None,
) -> int:
    """Insert rows, or where their key stands already make `changes(excluded)` if `guard(excluded)` holds.

    The key is the primary one unless a unique one is given. Gives how many rows were inserted or changed.
    """
    if not rows:
        return 0
    statement = _insert(conn, table)
    statement = statement.on_conflict_do_update(
        index_elements=list(key or table.primary_key.columns),
        set_=changes(statement.excluded),
        where=guard(statement.excluded) if guard else None,
    )
    return _rows_changed(conn, statement, rows)


def insert_missing(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
) -> int:
    """Insert the rows that break no unique key of the table; gives how many were new."""
    if not rows:
        return 0
    return _rows_changed(conn, _insert_missing(conn.dialect.name, table), rows)


def replacing(*names: str) -> Changes:
    """Changes that put the offered value into each named column."""
    return lambda excluded: {name: excluded[name] for name in names}


@cache
def _insert_missing(dialect_name: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Made once a table: making a statement costs more than running it."""
    into = postgresql.insert(table) if dialect_name == "postgresql" else sqlite.insert(table)
    return into.on_conflict_do_nothing()


def _insert(conn: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def _rows_changed(
    conn: Connection,
    statement: sqlite.Insert | postgresql.Insert,
    rows: Sequence[Mapping[str, object]],
) -> int:
    values = [dict(row) for row in rows]
    return conn.execute(statement, values, execution_options={"preserve_rowcount": True}).rowcount
