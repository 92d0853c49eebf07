"""The few InfluxQL statements that the store needs, and their answers; InfluxDB 1.x, 2.x and 3 speak it at `/query`.

Sensors are quoted literals, since 3 binds no values; numbers are written out; `epoch=ms` makes times milliseconds. Each
request holds one statement, since 3 takes no more. A column is found by its name and a sensor among the tags of a
series (1.x, 2.x) or as a column (3), because that is where they differ.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.reading import Reading
from sheetal.readings.line_protocol import MEASUREMENT, centi_celsius_of
from sheetal.readings.port import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Series(msgspec.Struct):
    """One series of an answer: its tags, the names of its columns, and its rows."""

    columns: list[str] = []
    values: list[list[int | float | str | bool | None]] = []
    tags: dict[str, str] = {}
    name: str = ""
    partial: bool = False


class Result(msgspec.Struct):
    """What one statement gave; `error` stands in a 200 answer too."""

    series: list[Series] = []
    error: str = ""


class QueryAnswer(msgspec.Struct):
    """The body of an answer of `/query`."""

    results: list[Result] = []


def parse_answer(content: object) -> Result:
    """The result of a request with one statement.

    Raises:
        msgspec.ValidationError: the content is of another form.
        ValueError: the server left rows out.
    """
    results = msgspec.convert(content, QueryAnswer).results
    result = results[0] if results else Result()
    if any(series.partial for series in result.series):
        message = "it cut its answer short (max-row-limit)"
        raise ValueError(message)
    return result


def tables_of(content: object) -> dict[str, list[dict[str, object]]]:
    """The rows of each series by its name, as dictionaries; nothing where the content is no such answer."""
    try:
        series = parse_answer(content).series
    except (msgspec.ValidationError, ValueError):
        return {}
    return {one.name: [dict(zip(one.columns, row, strict=False)) for row in one.values] for one in series}


def select_rows(sensors: Sequence[str], start_ms: int, end_ms: int, limit: int) -> str:
    """Samples of the sensors, oldest first."""
    return (
        f"SELECT sensor, t, q, b, seq FROM {MEASUREMENT} "  # noqa: S608 - names are quoted, the rest are numbers
        f"WHERE {_span(sensors, start_ms, end_ms)} ORDER BY time ASC LIMIT {limit}"
    )


def select_count(sensor: str, start_ms: int, end_ms: int) -> str:
    """How many samples of the sensor; every line carries `q`."""
    return f"SELECT count(q) FROM {MEASUREMENT} WHERE {_span([sensor], start_ms, end_ms)}"  # noqa: S608 - as above


def select_newest(sensors: Sequence[str], start_ms: int, end_ms: int) -> str:
    """The newest sample of each sensor that has any in the range."""
    return (
        f"SELECT last(q) FROM {MEASUREMENT} "  # noqa: S608 - names are quoted, the rest are numbers
        f"WHERE {_span(sensors, start_ms, end_ms)} GROUP BY sensor"
    )


def select_buckets(sensors: Sequence[str], start_ms: int, end_ms: int, every_ms: int, origin_ms: int) -> str:
    """Buckets of the sensors; only samples without a fault, and no empty bucket."""
    return (
        f"SELECT count(t), min(t), max(t), mean(t), first(t), last(t) FROM {MEASUREMENT} "  # noqa: S608 - as above
        f"WHERE {_span(sensors, start_ms, end_ms)} AND q = 0 "
        f"GROUP BY time({every_ms}ms, {origin_ms % every_ms}ms), sensor fill(none)"
    )


def select_count_before(before_ms: int) -> str:
    """How many samples of all sensors are older than the instant."""
    return f"SELECT count(q) FROM {MEASUREMENT} WHERE time < {before_ms}ms"  # noqa: S608 - numbers only


def delete_before(before_ms: int) -> str:
    """Forget samples of all sensors older than the instant."""
    return f"DELETE FROM {MEASUREMENT} WHERE time < {before_ms}ms"  # noqa: S608 - numbers only


SHOW_DIAGNOSTICS = "SHOW DIAGNOSTICS"


def rfc3339(instant_ms: int) -> str:
    """An instant as 2.x wants it outside of InfluxQL."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_policies(database: str) -> str:
    """The retention policies of a database."""
    return f'SHOW RETENTION POLICIES ON "{database}"'


def create_database(name: str) -> str:
    """A database kept for ever in shards of 7 days: with any shorter retention a late backlog would be refused."""
    return f'CREATE DATABASE "{name}" WITH DURATION INF SHARD DURATION 7d'


def readings_of(result: Result) -> list[Reading]:
    """The samples that `select_rows` found."""
    return [
        Reading(
            str(sensor),
            _whole(time),
            centi_celsius_of(None if celsius is None else float(celsius), _whole(quality)),
            *map(_whole, (quality, boot, sequence)),
        )
        for sensor, time, celsius, quality, boot, sequence in _picked(result, ("time", "t", "q", "b", "seq"))
    ]


def count_of(result: Result) -> int:
    """The number that `select_count` or `select_count_before` found; no series means none."""
    return sum(_whole(number) for _, number in _picked(result, ("count",)))


def newest_of(result: Result) -> dict[str, int]:
    """The instants that `select_newest` found."""
    return {str(sensor): _whole(time) for sensor, time in _picked(result, ("time",))}


def buckets_of(result: Result) -> dict[str, list[Bucket]]:
    """The buckets that `select_buckets` found, for the sensors that have any."""
    found: dict[str, list[Bucket]] = {}
    for sensor, *row in _picked(result, ("time", "count", "min", "max", "mean", "first", "last")):
        found.setdefault(str(sensor), []).append(_bucket(row))
    return found


def nothing_of(_: Result) -> None:
    """What a statement that changes something gives."""


def quoted(sensor: str) -> str:
    """A name as a string literal; the port's edge lets no backslash and no control sign through."""
    return "'" + sensor.replace("'", "\\'") + "'"


def _span(sensors: Sequence[str], start_ms: int, end_ms: int) -> str:
    names = " OR ".join(f"sensor = {quoted(sensor)}" for sensor in sensors)
    return f"({names}) AND time >= {start_ms}ms AND time < {end_ms}ms"


def _picked(result: Result, columns: Sequence[str]) -> Iterator[tuple[int | float | str | None, ...]]:
    """Of every row the sensor, wherever it stands, and the columns asked for; ValueError when one is missing."""
    for series in result.series:
        places = [series.columns.index(column) for column in columns]
        place = series.columns.index("sensor") if "sensor" in series.columns else None
        tag = series.tags.get("sensor", "")
        for row in series.values:
            yield (tag if place is None else row[place], *(row[index] for index in places))


def _bucket(row: Sequence[int | float | str | None]) -> Bucket:
    start_ms, number, least, most, mean, first, last = (float(value or 0) for value in row)
    return Bucket(int(start_ms), int(number), _centi(least), _centi(most), mean * 100, _centi(first), _centi(last))


def _centi(celsius: float) -> int:
    return round(celsius * 100)


def _whole(value: float | str | None) -> int:
    return int(value or 0)
