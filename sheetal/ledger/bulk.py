"""Thousands of rows in one statement made once: for what ingest writes on the way to an ack.

SQLite gets one prepared statement and the rows as tuples; PostgreSQL gets one statement and each column as an array.
Types are the table's, but nothing checks values on the way: callers give what their columns take.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table
    from sqlalchemy.engine import Dialect

ROWS_A_STATEMENT = 5_000
LINES = (512, 64, 8, 1)
"""Rows of one SQLite statement, the larger first: half the time of one row a statement (measured), and Python's sqlite3
gives its lock to other threads between any two, which beside busy ones costs far more."""
KEEP = "NOTHING"
"""What happens to a row whose key stands already: it is left out."""

_postgresql: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # its only door has no types


class Into(NamedTuple):
    """Where rows go: the columns that they name in order, the key that may stand, and what then becomes of it.

    `changes` is SQL of ours behind DO UPDATE SET, in which `excluded` is the offered row and `stands` the one that is
    there; `LEAST` and `GREATEST` work on both databases. A WHERE may follow.
    """

    table: Table
    columns: tuple[str, ...]
    key: tuple[str, ...]
    changes: str = KEEP


def put(conn: Connection, into: Into, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert the rows or change what stands; gives how many were inserted or changed.

    With `changes`, no two rows of a call may share a key.
    """
    if conn.dialect.name == "postgresql":
        return sum(
            _run(conn, _with_arrays(into), tuple(map(list, zip(*rows[first : first + ROWS_A_STATEMENT], strict=True))))
            for first in range(0, len(rows), ROWS_A_STATEMENT)
        )
    changed, done = 0, 0
    for lines in LINES:
        end = done + (len(rows) - done) // lines * lines
        told = [tuple(chain.from_iterable(rows[first : first + lines])) for first in range(done, end, lines)]
        changed, done = changed + (_run(conn, _with_marks(into, lines), told) if told else 0), end
    return changed


def take_out(conn: Connection, table: Table, numbers: Sequence[int], columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Delete rows by their `id` in one statement; gives these columns of those that stood."""
    if not numbers:
        return []
    on_server = conn.dialect.name == "postgresql"
    told = (list(numbers),) if on_server else (json.dumps(list(numbers)),)
    return [tuple(row) for row in conn.exec_driver_sql(_taking_out(table, columns, on_server=on_server), told)]


def _run(conn: Connection, statement: str, values: tuple[object, ...] | list[tuple[object, ...]]) -> int:
    return conn.exec_driver_sql(statement, values, execution_options={"preserve_rowcount": True}).rowcount


@cache
def _with_arrays(into: Into) -> str:
    """PostgreSQL's words; every name in them is one of our own."""
    kinds = (into.table.columns[column].type.compile(_postgresql) for column in into.columns)
    arrays = ", ".join(f"%b::{kind}[]" for kind in kinds)
    return f"{_begin(into, into.table.fullname)} SELECT * FROM unnest({arrays}) {_end(into)}"  # noqa: S608 - our own names


@cache
def _with_marks(into: Into, rows: int) -> str:
    """SQLite's words for so many rows at once; every name in them is one of our own."""
    row = f"({', '.join('?' * len(into.columns))})"
    end = _end(into).replace("GREATEST(", "max(").replace("LEAST(", "min(")
    return f"{_begin(into, into.table.name)} VALUES {', '.join([row] * rows)} {end}"


@cache
def _taking_out(table: Table, columns: tuple[str, ...], *, on_server: bool) -> str:
    place, these = (table.fullname, "ANY(%s)") if on_server else (table.name, "(SELECT value FROM json_each(?))")
    return f"DELETE FROM {place} WHERE id {'=' if on_server else 'IN'} {these} RETURNING {', '.join(columns)}"  # noqa: S608 - ours


def _begin(into: Into, place: str) -> str:
    return f"INSERT INTO {place} AS stands ({', '.join(into.columns)})"


def _end(into: Into) -> str:
    then = into.changes if into.changes == KEEP else f"UPDATE SET {into.changes}"
    return f"ON CONFLICT ({', '.join(into.key)}) DO {then}"
