"""The embedded readings store: one SQLite file, readable by other processes while one writes.

The primary key is led by a window of six hours, so that the rows of one tick land in a few pages however large the
file is; keyed by (sensor, time) alone each sensor touches a page of its own and inserts slow down as the file grows.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING

from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.contracts.reading import CENTI_CELSIUS_MIN, Reading
from sheetal.readings.port import (
    Bucket,
    Capabilities,
    Health,
    WriteResult,
    check_bucket_width,
    clamp_span,
    sift,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WINDOW_MS = 6 * HOUR_MS
SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS reading (
    window INTEGER NOT NULL,
    sensor TEXT NOT NULL,
    measured_at_ms INTEGER NOT NULL,
    centi_celsius INTEGER,
    quality INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (window, sensor, measured_at_ms)
) STRICT, WITHOUT ROWID
"""
_INSERT = "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_WINDOW_ENDS = "SELECT (SELECT min(window) FROM reading), (SELECT max(window) FROM reading)"

# Naming the windows one by one turns a read into one short search per window.
_IN_SPAN = """
window IN (
    WITH RECURSIVE span (number) AS (
        SELECT :first WHERE :first <= :last
        UNION ALL
        SELECT number + 1 FROM span WHERE number < :last
    )
    SELECT number FROM span
) AND sensor = :sensor AND measured_at_ms >= :start AND measured_at_ms < :end
"""
_READ = f"""
SELECT sensor, measured_at_ms, centi_celsius, quality, boot, sequence FROM reading WHERE {_IN_SPAN}
ORDER BY window, measured_at_ms LIMIT :limit
"""  # noqa: S608 - both parts are constants above
_COUNT = f"SELECT count(*) FROM reading WHERE {_IN_SPAN}"  # noqa: S608 - both parts are constants above

# The first and last value of a bucket are found as the least and largest (instant, value), packed into one integer:
# the value, made positive, takes the low 15 bits.
_PACK_FACTOR = 1 << 15
_BUCKETS = f"""
WITH sample AS (
    SELECT
        -- SQLite divides towards zero, a bucket's number is rounded down
        (measured_at_ms - :phase) / :every - (measured_at_ms < :phase) AS number,
        centi_celsius,
        measured_at_ms * {_PACK_FACTOR} + centi_celsius - {CENTI_CELSIUS_MIN} AS packed
    FROM reading WHERE {_IN_SPAN} AND centi_celsius IS NOT NULL
)
SELECT
    number * :every + :phase, count(*), min(centi_celsius), max(centi_celsius), avg(centi_celsius),
    min(packed) % {_PACK_FACTOR} + {CENTI_CELSIUS_MIN}, max(packed) % {_PACK_FACTOR} + {CENTI_CELSIUS_MIN}
FROM sample GROUP BY number ORDER BY number
"""  # noqa: S608 - all parts are constants above


class SqliteReadings:
    """A readings store in one file, opened at the first call.

    One connection writes, behind a lock; readers borrow connections from a small pool.
    """

    capabilities = Capabilities(
        durable_on_ack=True, rows_per_request_max=5_000, supports_delete=True, partial_batch_possible=False
    )

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: sqlite3.Connection | None = None
        self._write_lock = Lock()
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._closed = False

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        """Commit the batch in one transaction, synced to disk; see the port."""
        stored, refused = sift(batch)
        rows = [(batch[index].measured_at_ms // WINDOW_MS, *batch[index]) for index in stored]
        if rows:
            with self._writing() as connection:
                connection.executemany(_INSERT, rows)
        return WriteResult(len(rows), refused)

    def read(
        self, sensor: str, start_ms: int, end_ms: int, *, limit: int | None = None, after_ms: int | None = None
    ) -> list[Reading]:
        """The samples of one sensor in time order; see the port."""
        with self._reading() as connection:
            span = _span(connection, sensor, *clamp_span(start_ms, end_ms, after_ms))
            rows = connection.execute(_READ, {**span, "limit": -1 if limit is None else limit})
            return list(map(Reading._make, rows))

    def downsample(
        self, sensors: Sequence[str], start_ms: int, end_ms: int, every_ms: int, *, origin_ms: int = 0
    ) -> dict[str, list[Bucket]]:
        """Buckets for each sensor asked, computed inside SQLite; see the port."""
        check_bucket_width(every_ms)
        first_ms, until_ms = clamp_span(start_ms, end_ms)
        width = {"every": every_ms, "phase": origin_ms % every_ms}
        with self._reading() as connection:
            return {
                sensor: list(
                    map(
                        Bucket._make,
                        connection.execute(_BUCKETS, {**_span(connection, sensor, first_ms, until_ms), **width}),
                    )
                )
                for sensor in sensors
            }

    def count(self, sensor: str, start_ms: int, end_ms: int) -> int:
        """How many samples the range holds; see the port."""
        with self._reading() as connection:
            (number,) = connection.execute(_COUNT, _span(connection, sensor, *clamp_span(start_ms, end_ms))).fetchone()
            return int(number)

    def expire(self, before_ms: int) -> int:
        """Delete older samples, a window at a time so that writers and readers get their turn; see the port."""
        with self._reading() as connection:
            first, _ = _window_ends(connection)
        _, until_ms = clamp_span(0, before_ms)
        gone = 0
        for window in range(first, until_ms // WINDOW_MS + 1):
            with self._writing() as connection:
                gone += connection.execute(
                    "DELETE FROM reading WHERE window = ? AND measured_at_ms < ?", (window, until_ms)
                ).rowcount
        return gone

    def health(self) -> Health:
        """Whether the file can be read now; see the port."""
        try:
            with self._reading() as connection:
                connection.execute(_WINDOW_ENDS).fetchone()
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
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

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
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _window_ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """The first and last window that hold rows; an empty span in an empty file."""
    first, last = connection.execute(_WINDOW_ENDS).fetchone()
    return (1, 0) if first is None else (first, last)


def _span(connection: sqlite3.Connection, sensor: str, start_ms: int, end_ms: int) -> dict[str, str | int]:
    """The values that `_IN_SPAN` binds, its windows cut to those that hold rows."""
    first, last = _window_ends(connection)
    return {
        "first": max(first, start_ms // WINDOW_MS),
        "last": min(last, (end_ms - 1) // WINDOW_MS),
        "sensor": sensor,
        "start": start_ms,
        "end": end_ms,
    }


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
