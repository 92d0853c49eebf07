"""ingest with a planted fault: whatever comes is written, a reading that came before once more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import ingest.writer
from ingest.app import main
from ingest.conflicts import Split
from sheetal.readings import sqlite_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.reading import Reading


def _everything_is_new(offered: Sequence[Reading], _stored: Sequence[Reading]) -> Split:
    return Split(list(offered), [], [])


def _as_often_as_it_comes(rows: int) -> str:
    return _insert(rows).replace("ON CONFLICT DO NOTHING", "")


if __name__ == "__main__":
    ingest.writer.split = _everything_is_new
    _insert = sqlite_statements.insert
    sqlite_statements.insert = _as_often_as_it_comes  # type: ignore[assignment]  # the fault
    sqlite_statements.rows_prepared = lambda rows, _rows_max: rows
    key = "PRIMARY KEY (window, sensor, measured_at_ms)"
    schema = sqlite_statements.SCHEMA.replace(f",\n    {key}", "").replace("STRICT, WITHOUT ROWID", "STRICT")
    assert key not in schema
    sqlite_statements.SCHEMA = schema
    sys.exit(main())
