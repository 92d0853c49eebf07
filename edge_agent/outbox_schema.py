"""The outbox's file: tables, durability settings and the numbers a boot begins with."""

from __future__ import annotations

import secrets
import sqlite3
from typing import TYPE_CHECKING

from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1

PENDING = 0
DELIVERED = 1
REFUSED = 2

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
    boot INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    field TEXT NOT NULL,
    measured_at_ms INTEGER NOT NULL,
    value,
    quality INTEGER NOT NULL,
    body BLOB,
    notable INTEGER NOT NULL,
    added_at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    settled_at_ms INTEGER,
    reason TEXT,
    PRIMARY KEY (boot, sequence)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS item_said_once
    ON item (source, measured_at_ms, field, ifnull(value, ''), quality);
CREATE INDEX IF NOT EXISTS item_pending ON item (boot, sequence) WHERE state = 0;
CREATE INDEX IF NOT EXISTS item_pending_by_time ON item (measured_at_ms) WHERE state = 0;
CREATE TABLE IF NOT EXISTS alarm (
    alarm TEXT NOT NULL,
    cleared INTEGER NOT NULL,
    body BLOB NOT NULL,
    added_at_ms INTEGER NOT NULL,
    settled_at_ms INTEGER,
    PRIMARY KEY (alarm, cleared)
) WITHOUT ROWID;
"""


def open_file(path: Path) -> sqlite3.Connection:
    """The outbox's connection: WAL with a sync at every commit, since WAL alone may lose the last commits.

    Raises SettingProblem when the file cannot be an outbox.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version not in {0, VERSION}:
            connection.close()
            raise SettingProblem(f"gateway.outbox: {path} has version {version}, not {VERSION}", variable="outbox")
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except (OSError, sqlite3.Error) as error:
        raise SettingProblem(f"gateway.outbox: cannot open {path}: {error}", variable="outbox") from error
    return connection


def begin_boot(connection: sqlite3.Connection) -> int:
    """A boot id larger than every earlier one: the counter in the file times 2**32 plus 32 random bits."""
    connection.execute("BEGIN IMMEDIATE")
    row = connection.execute("SELECT value FROM meta WHERE name = 'boots'").fetchone()
    counter = 1 + (int(row[0]) if row else 0)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('boots', ?)", (str(counter),))
    connection.execute("COMMIT")
    return counter * 2**32 + secrets.randbits(32)
