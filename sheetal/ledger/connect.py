"""Opening the ledger and the telemetry store: engines, pragmas, the write lock and the mapping of server errors.

SQLite: two engines on one file, readers with `query_only`, one writer that really sends BEGIN IMMEDIATE, behind one
lock per file and process, because SQLite's busy handler is not fair. PostgreSQL: one pool; readers get a read-only
snapshot, writers READ COMMITTED.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.ledger import audit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

LEDGER_VARIABLE = "SHEETAL_LEDGER_URL"
TELEMETRY_VARIABLE = "SHEETAL_TELEMETRY_URL"
BUSY_TIMEOUT_MS = 5_000
WRITE_TURN_SECONDS_MAX = 10.0
POOL_SIZE = 10
POOL_OVERFLOW = 30
POSTGRESQL_OPTIONS = "-c lock_timeout=10s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"

_SQLITE_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    },
)
_SQLITE_TAKES_NO_WRITES = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_SERVER_TAKES_NO_WRITES = frozenset({"25006", "42501"})
"""A server that became a standby, and rights that were taken away: what waits for it may be written later."""
_PRIMARY_CODE = 0xFF
_write_locks: dict[str, threading.Lock] = {}
_write_locks_guard = threading.Lock()


class Ledger:
    """One store's two doors: `read()` for a consistent look, `write()` for one transaction.

    `variable` is the setting that named the address; `store` is "ledger" or "telemetry".
    """

    def __init__(self, url: URL, *, store: str, variable: str) -> None:
        self.store = store
        self.variable = variable
        self.dialect_name = url.get_backend_name()
        self._writer = _postgresql_engine(url) if self.dialect_name == "postgresql" else _sqlite_engine(url, "write")
        self._reader = self._writer if self.dialect_name == "postgresql" else _sqlite_engine(url, "read")
        self._pools = {self._writer, self._reader}
        self._write_lock = _write_lock(url)
        audit.listen(self._writer)
        if self.dialect_name == "postgresql":
            self._reader = self._reader.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        elif store == "telemetry":
            self._reader = self._reader.execution_options(schema_translate_map={"telemetry": None})
            self._writer = self._writer.execution_options(schema_translate_map={"telemetry": None})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one snapshot and cannot write; raises Unavailable."""
        with unavailable_when_away(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed on a normal exit, rolled back on any exception; raises Unavailable.

        Entries given to `audit.append` are chained at the very end, so that the heads are the last rows locked.
        """
        away = unavailable_when_away(is_writing=True)
        with self._turn(), away, self._writer.begin() as connection, audit.collecting(connection):
            yield connection

    def close(self) -> None:
        """Let go of every pooled connection."""
        for engine in self._pools:
            engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._write_lock is None:
            yield
            return
        if not self._write_lock.acquire(timeout=WRITE_TURN_SECONDS_MAX):
            raise Unavailable("another writer of this process holds the ledger", next_step="try again in a moment")
        try:
            yield
        finally:
            self._write_lock.release()


def open_ledger(url: str) -> Ledger:
    """The ledger store at this address; connects on first use; raises SettingProblem for an impossible address."""
    return Ledger(checked_url(url, LEDGER_VARIABLE), store="ledger", variable=LEDGER_VARIABLE)


def open_telemetry(url: str) -> Ledger:
    """Ingest's store at this address; raises SettingProblem for an impossible address."""
    return Ledger(checked_url(url, TELEMETRY_VARIABLE), store="telemetry", variable=TELEMETRY_VARIABLE)


def checked_url(address: str, variable: str) -> URL:
    """A database address that this project can use; raises SettingProblem that names the variable."""
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise _impossible(variable, "is not a database address") from error
    if url.drivername == "postgresql+psycopg":
        return url
    if url.drivername != "sqlite":
        raise _impossible(variable, "must begin with sqlite:/// or postgresql+psycopg://")
    if not url.database or url.database == ":memory:":
        raise _impossible(variable, "must name a file")
    if not Path(url.database).resolve().parent.is_dir():
        raise _impossible(variable, "names a file in a folder that does not exist")
    return url


def _impossible(variable: str, what: str) -> SettingProblem:
    return SettingProblem(f"{variable} {what}", next_step=f"set {variable} to an existing place", variable=variable)


def _sqlite_engine(url: URL, door: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=WRITE_TURN_SECONDS_MAX,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # ours are the BEGINs, not the driver's
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        if door == "read":
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if door == "write" else "BEGIN")

    return engine


def _postgresql_engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=WRITE_TURN_SECONDS_MAX,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 3, "application_name": "sheetal", "options": POSTGRESQL_OPTIONS},
    )


def _write_lock(url: URL) -> threading.Lock | None:
    if url.get_backend_name() != "sqlite":
        return None
    place = str(Path(url.database or "").resolve())
    with _write_locks_guard:
        return _write_locks.setdefault(place, threading.Lock())


@contextmanager
def unavailable_when_away(*, is_writing: bool = False) -> Iterator[None]:
    """Let a server or file that does not answer now be an Unavailable; any other error stays what it is.

    So does, for a writer, one that takes no writes now.
    """
    try:
        yield
    except (DBAPIError, PoolTimeout, sqlite3.DatabaseError) as error:
        if not (_is_away(error) or (is_writing and _takes_no_writes(error))):
            raise
        raise Unavailable("the ledger does not answer", next_step="try again in a moment") from error


def _is_away(error: Exception) -> bool:
    if isinstance(error, PoolTimeout):
        return True
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", 0)
        return code & _PRIMARY_CODE in _SQLITE_AWAY
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _takes_no_writes(error: Exception) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & _PRIMARY_CODE in _SQLITE_TAKES_NO_WRITES
    return getattr(original, "sqlstate", None) in _SERVER_TAKES_NO_WRITES
