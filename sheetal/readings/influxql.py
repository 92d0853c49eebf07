"""The few InfluxQL statements that the store needs, and their answers; InfluxDB 1.x and 2.x speak it at `/query`.

Sensors are bound values (`$s0`), numbers are written out; `epoch=ms` makes times milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.reading import Reading
from sheetal.readings.line_protocol import MEASUREMENT, centi_celsius_of
from sheetal.readings.port import Bucket

if TYPE_CHECKING:
    from collections.abc import Sequence


class Series(msgspec.Struct):
    """One series of an answer: its tags and its rows, in the order of the statement's columns, time first."""

    values: list[list[int | float | None]] = []
    tags: dict[str, str] = {}


class Result(msgspec.Struct):
    """What one statement gave; `error` stands in a 200 answer too."""

    series: list[Series] = []
    error: str = ""


class QueryAnswer(msgspec.Struct):
    """The body of an answer of `/query`."""

    results: list[Result] = []


def parse_answer(content: object) -> Result:
    """The result of a request with one statement; raises msgspec.ValidationError for anything else."""
    results = msgspec.convert(content, QueryAnswer).results
    return results[0] if results else Result()


def select_rows(start_ms: int, end_ms: int, limit: int) -> str:
    """Samples of the sensor `$s0`, oldest first."""
    return f"SELECT t, q, b, seq FROM {MEASUREMENT} WHERE {_span(1, start_ms, end_ms)} ORDER BY time ASC LIMIT {limit}"  # noqa: S608 - numbers only


def select_count(start_ms: int, end_ms: int) -> str:
    """How many samples of the sensor `$s0`; every line carries `q`."""
    return f"SELECT count(q) FROM {MEASUREMENT} WHERE {_span(1, start_ms, end_ms)}"  # noqa: S608 - numbers only


def select_buckets(sensors: int, start_ms: int, end_ms: int, every_ms: int, origin_ms: int) -> str:
    """Buckets of the sensors `$s0`, `$s1` …; only samples without a fault, and no empty bucket."""
    return (
        f"SELECT count(t), min(t), max(t), mean(t), first(t), last(t) FROM {MEASUREMENT} "  # noqa: S608 - numbers only
        f"WHERE {_span(sensors, start_ms, end_ms)} AND q = 0 "
        f"GROUP BY time({every_ms}ms, {origin_ms % every_ms}ms), sensor fill(none)"
    )


def select_count_before(before_ms: int) -> str:
    """How many samples of all sensors are older than the instant."""
    return f"SELECT count(q) FROM {MEASUREMENT} WHERE time < {before_ms}ms"  # noqa: S608 - numbers only


def delete_before(before_ms: int) -> str:
    """Forget samples of all sensors older than the instant."""
    return f"DELETE FROM {MEASUREMENT} WHERE time < {before_ms}ms"  # noqa: S608 - numbers only


def create_database(name: str) -> str:
    """A database kept for ever in shards of 7 days: with any shorter retention a late backlog would be refused."""
    return f'CREATE DATABASE "{name}" WITH DURATION INF SHARD DURATION 7d'


def bound(sensors: Sequence[str]) -> dict[str, str]:
    """The values of the statement's `$s0`, `$s1` and so on."""
    return {f"s{number}": sensor for number, sensor in enumerate(sensors)}


def readings_of(sensor: str, result: Result) -> list[Reading]:
    """The samples that `select_rows` found."""
    return [
        Reading(sensor, _whole(time), centi_celsius_of(celsius, _whole(quality)), *map(_whole, (quality, boot, seq)))
        for series in result.series
        for time, celsius, quality, boot, seq in series.values
    ]


def count_of(result: Result) -> int:
    """The number that `select_count` or `select_count_before` found; no series means none."""
    return sum(_whole(number) for series in result.series for _, number in series.values)


def buckets_of(result: Result) -> dict[str, list[Bucket]]:
    """The buckets that `select_buckets` found, for the sensors that have any."""
    return {series.tags["sensor"]: [_bucket(row) for row in series.values] for series in result.series}


def _span(sensors: int, start_ms: int, end_ms: int) -> str:
    names = " OR ".join(f"sensor = $s{number}" for number in range(sensors))
    return f"({names}) AND time >= {start_ms}ms AND time < {end_ms}ms"


def _bucket(row: list[int | float | None]) -> Bucket:
    start_ms, number, least, most, mean, first, last = (value or 0 for value in row)
    return Bucket(int(start_ms), int(number), _centi(least), _centi(most), mean * 100, _centi(first), _centi(last))


def _centi(celsius: float) -> int:
    return round(celsius * 100)


def _whole(value: float | None) -> int:
    return int(value or 0)
