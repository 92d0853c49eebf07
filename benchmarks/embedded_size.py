"""Whether the embedded store stays fast as its file grows: ten million rows of ten thousand sensors, then reads in it.

Each sensor measures every 5 minutes at a phase of its own, so that every batch of 5,000 rows touches half the fleet; a
few measure every minute. Every batch is a commit that is synced to disk. Only `write` is timed, not the making of rows.
One filling gives both figures. `python -m benchmarks.embedded_size [rows]` prints the rate of every million.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.record import Figure
from benchmarks.store_bulk import BOOT, INTERVAL_MS, START_MS
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.reading import Reading
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.readings.port import ReadingsStore

MINUTE_MS = 60_000
ROWS_PER_SECOND_GOAL = 50_000
READ_MS_GOAL = 2.0
SEED = 5


class Shape(NamedTuple):
    """How much is written and asked: rows of the fleet, its sensors, those by the minute, and reads of each kind."""

    rows: int = 10_000_000
    sensors: int = 10_000
    minute_sensors: int = 20
    part_rows: int = 1_000_000
    last_rows: int = 500_000
    reads: int = 400


FULL = Shape()


class Filled(NamedTuple):
    """The rates while filling, rows a second, and then the milliseconds of each read."""

    part_rates: list[float]
    last_rate: float
    bytes_a_row: float
    read_ms_at_5_minutes: list[float]
    read_ms_at_1_minute: list[float]


def measure_rate(shape: Shape = FULL) -> Figure:
    """The figure `readings.embedded_rows_per_s_at_10m`: the rate of the last rows against that of the first part."""
    filled = fill(shape)
    first, last = filled.part_rates[0], filled.part_rates[-1]
    return Figure(
        value=filled.last_rate,
        unit=f"rows/s for the last {shape.last_rows:,} ({last / first:.2f} × from the first part to the last)",
        limit=f"the same writes into the empty file, first {shape.part_rows:,} rows, rows/s",
        limit_value=first,
        goal=ROWS_PER_SECOND_GOAL,
        better="higher",
        runs=[round(rate) for rate in filled.part_rates],
        when=datetime.now(UTC).date().isoformat(),
    )


def measure_last_day(shape: Shape = FULL) -> Figure:
    """The figure `readings.last_24h_ms`: the slower of the two medians, of sensors at 5 minutes and at 1 minute."""
    filled = fill(shape)
    kinds = (filled.read_ms_at_5_minutes, filled.read_ms_at_1_minute)
    five, one = map(statistics.median, kinds)
    slowest = max(map(_p99, kinds))
    return Figure(
        value=max(five, one),
        unit=f"ms (median; 288 rows {five:.2f}, 1,440 rows {one:.2f}, p99 of both {slowest:.2f}, {shape.rows:,} rows)",
        limit="the named goal, ms",
        limit_value=READ_MS_GOAL,
        goal=READ_MS_GOAL,
        better="lower",
        runs=[round(five, 3), round(one, 3)],
        when=datetime.now(UTC).date().isoformat(),
    )


@cache
def fill(shape: Shape) -> Filled:
    """Fills one file and reads from it; once for both figures."""
    with tempfile.TemporaryDirectory(prefix="sheetal-size-") as name:
        path = Path(name) / "readings.db"
        with closing(open_readings(f"sqlite:///{path}")) as store:
            seconds = _written(store, shape)
        with closing(open_readings(f"sqlite:///{path}")) as store:
            bytes_a_row = path.stat().st_size / sum(rows for rows, _ in seconds)
            return Filled(
                _rates(seconds, shape.part_rows),
                _rate(_last(seconds, shape.last_rows)),
                bytes_a_row,
                _reads(store, shape, shape.sensors, "gw-{:05d}.ilr1-tvc"),
                _reads(store, shape, shape.minute_sensors, "gw-m{:04d}.ilr1-tvc"),
            )


def fleet(shape: Shape) -> Iterator[Reading]:
    """All rows in the order of time: of each tick first the sensors by the minute, then the fleet by its phases."""
    names = [f"gw-{number:05d}.ilr1-tvc" for number in range(shape.sensors)]
    by_minute = [f"gw-m{number:04d}.ilr1-tvc" for number in range(shape.minute_sensors)]
    phases = [int(number * INTERVAL_MS / shape.sensors) for number in range(shape.sensors)]
    for tick in range(shape.rows // shape.sensors):
        start_ms = START_MS + tick * INTERVAL_MS
        for minute in range(INTERVAL_MS // MINUTE_MS):
            for sensor in by_minute:
                yield Reading(sensor, start_ms + minute * MINUTE_MS, 300 + tick % 400, 0, BOOT, 5 * tick + minute)
        for number, sensor in enumerate(names):
            value = 300 + (number * 7 + tick * 13) % 400
            yield Reading(sensor, start_ms + phases[number], value, 0, BOOT, tick)


def _written(store: ReadingsStore, shape: Shape) -> list[tuple[int, float]]:
    """Rows and seconds of each batch."""
    taken: list[tuple[int, float]] = []
    rows = fleet(shape)
    while batch := list(islice(rows, store.capabilities.rows_per_request_max)):
        started = time.perf_counter()
        accepted = store.write(batch).accepted
        taken.append((accepted, time.perf_counter() - started))
    return taken


def _rates(seconds: list[tuple[int, float]], part_rows: int) -> list[float]:
    """The rate of each full part."""
    parts: dict[int, list[tuple[int, float]]] = {}
    before = 0
    for rows, taken in seconds:
        parts.setdefault(before // part_rows, []).append((rows, taken))
        before += rows
    return [_rate(part) for number, part in parts.items() if (number + 1) * part_rows <= before]


def _last(seconds: list[tuple[int, float]], last_rows: int) -> list[tuple[int, float]]:
    """The last batches, of that many rows together."""
    found: list[tuple[int, float]] = []
    for rows, taken in reversed(seconds):
        if sum(count for count, _ in found) >= last_rows:
            break
        found.append((rows, taken))
    return found


def _rate(seconds: list[tuple[int, float]]) -> float:
    return sum(rows for rows, _ in seconds) / sum(taken for _, taken in seconds)


def _reads(store: ReadingsStore, shape: Shape, sensors: int, name: str) -> list[float]:
    """Milliseconds of reading the last 24 hours of one sensor drawn by lot, again and again."""
    draw = random.Random(SEED)
    end_ms = START_MS + shape.rows // shape.sensors * INTERVAL_MS
    taken: list[float] = []
    for _ in range(shape.reads):
        sensor = name.format(draw.randrange(sensors))
        started = time.perf_counter()
        found = store.read(sensor, end_ms - DAY_MS, end_ms)
        taken.append((time.perf_counter() - started) * 1_000)
        if not found:
            message = f"nothing was found of {sensor}"
            raise RuntimeError(message)
    return taken


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def main(arguments: list[str]) -> int:
    """Print every part's rate and the reads."""
    shape = Shape(rows=int(arguments[0])) if arguments else FULL
    filled = fill(shape)
    for number, rate in enumerate(filled.part_rates, start=1):
        print(f"{number * shape.part_rows:>12,} rows: {rate:>9,.0f} rows/s")
    print(f"last {shape.last_rows:,}: {filled.last_rate:,.0f} rows/s; {filled.bytes_a_row:.1f} bytes a row")
    print(measure_last_day(shape).unit)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
