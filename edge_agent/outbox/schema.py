"""The outbox's file: tables, durability settings, its upgrade and the numbers a boot begins with."""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from pathlib import Path

from sheetal.contracts.problem import SettingProblem

VERSION = 2

PENDING = 0
DELIVERED = 1
REFUSED = 2
WAITING = 3
"""Measured by the gateway itself before it knew the time: `monotonic_ms` says when; not sent before it is placed."""

OS_BOOT = Path("/proc/sys/kernel/random/boot_id")
BUSY_SECONDS = 5.0
CHECKPOINT_PAGES = 256
"""The write-ahead log is folded into the file at every MiB, so that it does not take a small disk's room."""
WAL_BYTES_KEPT = 2 * 1024 * 1024
"""What stays allocated of the log where a single transaction was larger."""
PRIMARY_CODE = 0xFF
"""SQLite's extended codes have the primary one in their lowest byte."""
PASSING = frozenset({
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_BUSY,
})  # fmt: skip
"""Errors of a disk, not of a file: they may be over in a while."""

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
    monotonic_ms INTEGER,
    PRIMARY KEY (boot, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS item_by_source ON item (source, measured_at_ms, field, value, quality);
CREATE INDEX IF NOT EXISTS item_by_state ON item (state, measured_at_ms);
CREATE TABLE IF NOT EXISTS alarm (
    alarm TEXT NOT NULL,
    cleared INTEGER NOT NULL,
    body BLOB NOT NULL,
    added_at_ms INTEGER NOT NULL,
    settled_at_ms INTEGER,
    PRIMARY KEY (alarm, cleared)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS boot (boot INTEGER PRIMARY KEY, os_boot TEXT NOT NULL);
"""

_FROM_VERSION_1 = """
DROP INDEX item_said_once;
DROP INDEX item_pending;
DROP INDEX item_pending_by_time;
ALTER TABLE item ADD COLUMN monotonic_ms INTEGER;
"""


def open_file(path: Path) -> sqlite3.Connection:
    """The outbox's connection: WAL with a sync at every commit, since WAL alone may lose the last commits.

    A file of version 1 is upgraded in place, in one transaction. Raises SettingProblem when the file cannot be an
    outbox, sqlite3.Error when only its disk fails now.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(path)
        try:
            _make_tables(connection, path)
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        if _is_passing(error) or _is_read_only(path):
            raise sqlite3.OperationalError(*error.args) from error
        raise SettingProblem(f"gateway.outbox: cannot open {path}: {error}", variable="outbox") from error
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose every commit is on the disk when it returns; raises sqlite3.Error."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version not in {0, 1, VERSION}:
        raise SettingProblem(f"gateway.outbox: {path} has version {version}, not {VERSION}", variable="outbox")
    upgrade = _FROM_VERSION_1 if version == 1 else ""
    connection.executescript(f"BEGIN IMMEDIATE;{upgrade}{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")


def begin_boot(connection: sqlite3.Connection, os_boot: str | None = None) -> int:
    """A boot id larger than every earlier one: the counter in the file times 2**32 plus 32 random bits.

    Remembers beside it in which boot of the operating system this one is, since the monotonic clock belongs to that.
    """
    connection.execute("BEGIN IMMEDIATE")
    row = connection.execute("SELECT value FROM meta WHERE name = 'boots'").fetchone()
    counter = 1 + (int(row[0]) if row else 0)
    boot = counter * 2**32 + secrets.randbits(32)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('boots', ?)", (str(counter),))
    connection.execute("INSERT INTO boot VALUES (?, ?)", (boot, os_boot or os_boot_now()))
    connection.execute("COMMIT")
    return boot


def os_boot_now() -> str:
    """The kernel's name of its own run; where it has none, a random one, as if the power had failed before."""
    try:
        return OS_BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_hex(16)


def primary_code(error: BaseException) -> int | None:
    """SQLite's own number of an error, without what was done just then; None for any other error."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & PRIMARY_CODE


def _is_passing(error: BaseException) -> bool:
    return primary_code(error) in PASSING or getattr(error, "errno", None) == errno.ENOSPC


def _is_read_only(path: Path) -> bool:
    """Whether the disk is mounted for reading only, as a kernel does with one that fails."""
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False
