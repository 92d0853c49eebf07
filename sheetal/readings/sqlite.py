"""The embedded readings store: one SQLite file, readable by other processes while one writes.

The primary key is led by a window of one hour, so that the rows of one tick land in a few pages however large the file
is; keyed by (sensor, time) alone each sensor touches a page of its own and inserts slow down as the file grows. A page
that is touched is written whole, twice: windows of six hours wrote 3,500 bytes for each row, these write 600.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings import sqlite_statements as sql
from sheetal.readings.port import (
    Bucket,
    Capabilities,
    Health,
    WriteResult,
    check_bucket_width,
    clamp_span,
)
from sheetal.readings.sift import is_sensor_name, sift

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SCHEMA_VERSION = 2
BUSY_SECONDS = 5.0
ROWS_PER_STATEMENT_MAX = 5_000
ROWS_PER_READ_MAX = 10_000
PIECES_PER_READ_MAX = 500
SENSORS_PER_READ_MAX = 1_000

_ROWS = msgspec.json.Decoder(list[Reading])
_NEWEST = msgspec.json.Decoder(list[tuple[str, int]])


class SqliteReadings:
    """A readings store in one file, opened at the first call.

    One connection writes, behind a lock; readers borrow connections from a small pool.
    """

    capabilities = Capabilities(
        durable_on_ack=True,
        rows_per_request_max=5_000,
        supports_delete=True,
        partial_batch_possible=False,
        reads_are_durable=True,
    )

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: sqlite3.Connection | None = None
        self._write_lock = Lock()
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._closed = False

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        """Commit the batch in one transaction, synced to disk; see the port."""
        good, _, refused = sift(batch)
        if good:
            with self._writing() as connection:
                _insert(connection, good)
        return WriteResult(len(good), refused)

    def read(
        self, sensor: str, start_ms: int, end_ms: int, *, limit: int | None = None, after_ms: int | None = None
    ) -> list[Reading]:
        """The samples of one sensor in time order, fetched page by page; see the port."""
        first_ms, until_ms = clamp_span(start_ms, end_ms, after_ms)
        found: list[Reading] = []
        while is_sensor_name(sensor) and (limit is None or len(found) < limit):
            wanted = ROWS_PER_READ_MAX if limit is None else min(limit - len(found), ROWS_PER_READ_MAX)
            with self._reading() as connection:
                span = _span(connection, first_ms, until_ms)
                page = _rows(connection, sql.READ, {**span, "sensor": sensor, "limit": wanted})
            found += page
            if len(page) < wanted:
                break
            first_ms = page[-1].measured_at_ms + 1
        return found

    def read_many(self, spans: Sequence[tuple[str, int, int]]) -> list[Reading]:
        """The samples of many spans, some hundred windows at a time; see the port."""
        clamped = [(sensor, *clamp_span(start, end)) for sensor, start, end in spans if is_sensor_name(sensor)]
        found: list[Reading] = []
        with self._reading() as connection:
            pieces = sql.pieces_of(_window_ends(connection), clamped)
            for first in range(0, len(pieces), PIECES_PER_READ_MAX):
                some = sql.as_json(pieces[first : first + PIECES_PER_READ_MAX])
                found += _rows(connection, sql.READ_MANY, {"pieces": some})
        return found

    def newest_ms(self, sensors: Sequence[str], start_ms: int, end_ms: int) -> dict[str, int]:
        """The newest instant of each sensor in the range; see the port."""
        names = list(filter(is_sensor_name, sensors))
        found: dict[str, int] = {}
        with self._reading() as connection:
            span = _span(connection, *clamp_span(start_ms, end_ms))
            for first in range(0, len(names), SENSORS_PER_READ_MAX):
                some = sql.as_json(names[first : first + SENSORS_PER_READ_MAX])
                (text,) = connection.execute(sql.NEWEST, {**span, "sensors": some}).fetchone()
                found.update(_NEWEST.decode(text))
        return found

    def downsample(
        self, sensors: Sequence[str], start_ms: int, end_ms: int, every_ms: int, *, origin_ms: int = 0
    ) -> dict[str, list[Bucket]]:
        """Buckets for each sensor asked, computed inside SQLite; see the port."""
        check_bucket_width(every_ms)
        width = {"every": every_ms, "phase": origin_ms % every_ms}
        with self._reading() as connection:
            span = _span(connection, *clamp_span(start_ms, end_ms)) | width
            return {
                sensor: list(map(Bucket._make, connection.execute(sql.BUCKETS, {**span, "sensor": sensor})))
                for sensor in sensors
            }

    def count(self, sensor: str, start_ms: int, end_ms: int) -> int:
        """How many samples the range holds; see the port."""
        with self._reading() as connection:
            span = _span(connection, *clamp_span(start_ms, end_ms))
            (number,) = connection.execute(sql.COUNT, {**span, "sensor": sensor}).fetchone()
            return int(number)

    def expire(self, before_ms: int) -> int:
        """Delete older samples, a window at a time so that writers and readers get their turn; see the port."""
        _, until_ms = clamp_span(0, before_ms)
        gone, window = 0, -1
        while True:
            with self._reading() as connection:
                (window,) = connection.execute(sql.NEXT_WINDOW, (window,)).fetchone()
            if window is None or window * sql.WINDOW_MS >= until_ms:
                return gone
            with self._writing() as connection:
                gone += connection.execute(sql.EXPIRE, (window, until_ms)).rowcount

    def health(self) -> Health:
        """Whether the file can be read now; see the port."""
        try:
            with self._reading() as connection:
                connection.execute(sql.WINDOW_ENDS).fetchone()
        except Unavailable as problem:
            return Health(ok=False, detail=problem.message)
        return Health(ok=True, detail="SQLite file, synced at every commit")

    def close(self) -> None:
        """Close every connection, after the write that runs now; see the port."""
        with self._write_lock:
            self._closed = True
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        while not self._readers.empty():
            self._readers.get_nowait().close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, _problems():
            if self._writer is None:
                self._writer = self._connect()
            yield self._writer

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _problems():
            try:
                connection = self._readers.get_nowait()
            except Empty:
                connection = self._connect()
            try:
                yield connection
            finally:
                if self._closed:
                    connection.close()
                else:
                    self._readers.put(connection)

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable("the readings store was closed", next_step="open it again")
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            _check_schema(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _check_schema(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise Unavailable(
            f"the readings file has schema {version}, this program knows {SCHEMA_VERSION}",
            next_step="start the newer release that wrote the file",
            retry_after_seconds=60.0,
        )
    if version < SCHEMA_VERSION:
        _bring_up(connection)


def _bring_up(connection: sqlite3.Connection) -> None:
    """Make the schema or carry an older file over, all or nothing, whichever process comes first."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version < SCHEMA_VERSION:
            for statement in sql.FROM_SCHEMA_1 if version == 1 else (sql.SCHEMA,):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _insert(connection: sqlite3.Connection, rows: Sequence[Reading]) -> None:
    """All rows or none; one statement commits itself, which spares it a copy of every page for a roll-back of its own.

    A single statement takes the write lock as it begins, as BEGIN IMMEDIATE does.
    """
    rows_max = min(connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // sql.COLUMNS, ROWS_PER_STATEMENT_MAX)
    if len(rows) <= rows_max:
        _insert_some(connection, rows, rows_max)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for first in range(0, len(rows), rows_max):
            _insert_some(connection, rows[first : first + rows_max], rows_max)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _insert_some(connection: sqlite3.Connection, rows: Sequence[Reading], rows_max: int) -> None:
    prepared = sql.rows_prepared(len(rows), rows_max)
    connection.execute(sql.insert(prepared), sql.insert_values(rows, prepared))


def _rows(connection: sqlite3.Connection, statement: str, values: dict[str, str | int]) -> list[Reading]:
    (text,) = connection.execute(statement, values).fetchone()
    return _ROWS.decode(text)


def _window_ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """The first and last window that hold rows; an empty span in an empty file."""
    first, last = connection.execute(sql.WINDOW_ENDS).fetchone()
    return (1, 0) if first is None else (first, last)


def _span(connection: sqlite3.Connection, start_ms: int, end_ms: int) -> dict[str, str | int]:
    return sql.span_values(_window_ends(connection), start_ms, end_ms)


@contextmanager
def _problems() -> Iterator[None]:
    """Say in the house's words what SQLite says: a busy, full or broken disk may come back."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise Rejected(f"the readings file refused rows: {error}") from error
    except sqlite3.Error as error:
        raise Unavailable(
            f"the readings file does not answer: {error}",
            next_step="check that the disk has room and that the file is the readings store's own",
            retry_after_seconds=BUSY_SECONDS,
        ) from error
