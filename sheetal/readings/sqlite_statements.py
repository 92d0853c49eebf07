"""The SQL of the embedded store and how its values are laid out (pure).

Python's sqlite3 lets other threads run during a step of a statement and must then win the interpreter back; beside a
busy thread each return may take a switch interval. So everything here is shaped to take few steps: many rows in one
INSERT, and reads that come back as one row of JSON.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.reading import CENTI_CELSIUS_MIN, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WINDOW_MS = HOUR_MS
COLUMNS = len(Reading._fields)

SCHEMA = """
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
# Files of schema 1 had windows of six hours.
_COLUMNS = ", ".join(Reading._fields)
_COPY = f"INSERT INTO reading SELECT measured_at_ms / {WINDOW_MS}, {_COLUMNS} FROM reading_1"  # noqa: S608 - constants
FROM_SCHEMA_1 = ("ALTER TABLE reading RENAME TO reading_1", SCHEMA, _COPY, "DROP TABLE reading_1")
WINDOW_ENDS = "SELECT (SELECT min(window) FROM reading), (SELECT max(window) FROM reading)"
NEXT_WINDOW = "SELECT min(window) FROM reading WHERE window > ?"
EXPIRE = "DELETE FROM reading WHERE window = ? AND measured_at_ms < ?"

_SPAN = """
WITH RECURSIVE span (number) AS (
    SELECT :first WHERE :first <= :last
    UNION ALL
    SELECT number + 1 FROM span WHERE number < :last
)
"""
# Naming the windows one by one turns a read into one short search per window.
_IN_SPAN = f"""
window IN ({_SPAN} SELECT number FROM span)
AND sensor = :sensor AND measured_at_ms >= :start AND measured_at_ms < :end
"""  # noqa: S608 - a constant above
_AS_JSON = "json_group_array(json_array(sensor, measured_at_ms, centi_celsius, quality, boot, sequence))"

READ = f"""
SELECT {_AS_JSON} FROM (
    SELECT * FROM reading WHERE {_IN_SPAN} ORDER BY window, measured_at_ms LIMIT :limit
)
"""  # noqa: S608 - all parts are constants above
READ_MANY = f"""
SELECT {_AS_JSON} FROM (
    SELECT reading.* FROM json_each(:pieces) AS piece CROSS JOIN reading
    WHERE window = piece.value ->> 0 AND sensor = piece.value ->> 1
        AND measured_at_ms >= piece.value ->> 2 AND measured_at_ms < piece.value ->> 3
    ORDER BY piece.key, measured_at_ms
)
"""  # noqa: S608 - all parts are constants above
# From the newest window down, until one holds a sample of the sensor.
_NEWEST_IN = """
SELECT max(measured_at_ms) FROM reading
WHERE window = {window} AND sensor = asked.value AND measured_at_ms >= :start AND measured_at_ms < :end
"""
NEWEST = f"""
SELECT json_group_array(json_array(sensor, newest_ms)) FROM (
    SELECT asked.value AS sensor, (
        WITH RECURSIVE walk (number, found_ms) AS (
            SELECT :last, ({_NEWEST_IN.format(window=":last")}) WHERE :first <= :last
            UNION ALL
            SELECT number - 1, ({_NEWEST_IN.format(window="number - 1")}) FROM walk
            WHERE found_ms IS NULL AND number > :first
        )
        SELECT max(found_ms) FROM walk
    ) AS newest_ms
    FROM json_each(:sensors) AS asked
) WHERE newest_ms IS NOT NULL
"""  # noqa: S608 - a constant above
COUNT = f"SELECT count(*) FROM reading WHERE {_IN_SPAN}"  # noqa: S608 - both parts are constants above

# The first and last value of a bucket are found as the least and largest (instant, value), packed into one integer:
# the value, made positive, takes the low 15 bits.
_PACK_FACTOR = 1 << 15
BUCKETS = f"""
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


@cache
def insert(rows: int) -> str:
    """One INSERT of that many rows; a row whose key is there already changes nothing."""
    values = ",".join([f"({','.join('?' * COLUMNS)})"] * rows)
    return (
        f"INSERT INTO reading SELECT column2 / {WINDOW_MS}, * FROM (VALUES {values}) "  # noqa: S608 - places only
        "WHERE true ON CONFLICT DO NOTHING"
    )


def rows_prepared(rows: int, rows_max: int) -> int:
    """The size of the statement that takes the rows: a power of two or the largest, so that few are ever prepared."""
    return min(1 << (rows - 1).bit_length(), rows_max)


def insert_values(rows: Sequence[Reading], prepared: int) -> list[object]:
    """What the statement binds: the rows, then the last of them again until it is full, which changes nothing."""
    return [*chain.from_iterable(rows), *rows[-1] * (prepared - len(rows))]


def span_values(ends: tuple[int, int], start_ms: int, end_ms: int) -> dict[str, str | int]:
    """What a span binds, its windows cut to those that hold rows."""
    first, last = _windows(ends, start_ms, end_ms)
    return {"first": first, "last": last, "start": start_ms, "end": end_ms}


def pieces_of(ends: tuple[int, int], spans: Iterable[tuple[str, int, int]]) -> list[tuple[int, str, int, int]]:
    """Each span cut into its windows."""
    return [
        (window, sensor, start_ms, end_ms)
        for sensor, start_ms, end_ms in spans
        for first, last in [_windows(ends, start_ms, end_ms)]
        for window in range(first, last + 1)
    ]


def as_json(values: object) -> str:
    """A list to bind for `json_each`."""
    return json.dumps(values)


def _windows(ends: tuple[int, int], start_ms: int, end_ms: int) -> tuple[int, int]:
    return max(ends[0], start_ms // WINDOW_MS), min(ends[1], (end_ms - 1) // WINDOW_MS)
