"""ingest with a planted fault: whatever comes is written, a reading that came before once more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import ingest.writer
from ingest.app import main
from ingest.conflicts import Split
from sheetal.readings import sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.reading import Reading


def _everything_is_new(offered: Sequence[Reading], _stored: Sequence[Reading]) -> Split:
    return Split(list(offered), [], [])


if __name__ == "__main__":
    ingest.writer.split = _everything_is_new
    sqlite._INSERT = "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?)"
    key = "PRIMARY KEY (window, sensor, measured_at_ms)"
    sqlite._SCHEMA = sqlite._SCHEMA.replace(f",\n    {key}", "").replace("STRICT, WITHOUT ROWID", "STRICT")
    assert key not in sqlite._SCHEMA
    sys.exit(main())
