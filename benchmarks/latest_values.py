"""The newest values of ten thousand sensors as Python objects, in one call, against the bare fetch of the same columns.

Each repeat is the fastest of a few reads, as other processes only ever make one slower; the limit is measured in turn.
`python -m benchmarks.latest_values [sensors]` prints each repeat.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.record import Figure
from sheetal.ledger import telemetry, telemetry_writes
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.ledger.telemetry import SensorState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NOW_MS = 1_795_425_631_000
SENSORS = 10_000
FLUSHES = 10
REPEATS = 9
READS = 15
GOAL_MS = 10
BARE = (
    "SELECT sensor_id, measured_at_ms, centi_celsius, quality, received_at_ms, clock_offset_ms, change "
    "FROM sensor_state"
)


class Repeat(NamedTuple):
    """The two times of one repeat, in milliseconds."""

    call_ms: float
    bare_ms: float


def measure(sensors: int = SENSORS) -> Figure:
    """The figure `ledger.latest_10000_ms`: median of the repeats."""
    with tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name:
        repeats = list(run(Path(name), sensors))
    return Figure(
        value=statistics.median(one.call_ms for one in repeats),
        unit="ms",
        limit="sqlite3's bare fetch of the same columns, µs",
        limit_value=statistics.median(one.bare_ms for one in repeats) * 1_000,
        goal=GOAL_MS,
        better="lower",
        runs=[round(one.call_ms, 2) for one in repeats],
        when=datetime.now(UTC).date().isoformat(),
    )


def run(folder: Path, sensors: int) -> Iterator[Repeat]:
    """The repeats over one file, written in a few flushes as ingest does."""
    path = folder / "telemetry.db"
    upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{path}")
    with closing(open_telemetry(f"sqlite:///{path}")) as store, closing(sqlite3.connect(path)) as bare:
        for flush in range(FLUSHES):
            with store.write() as conn:
                telemetry_writes.put_sensor_states(conn, [state(number) for number in range(flush, sensors, FLUSHES)])

        def call() -> list[SensorState]:
            with store.read() as conn:
                return telemetry.sensor_states(conn)

        def fetch() -> list[tuple[object, ...]]:
            return bare.execute(BARE).fetchall()

        for _ in range(REPEATS):
            yield Repeat(fastest_ms(call, sensors), fastest_ms(fetch, sensors))


def fastest_ms(read: Callable[[], Sequence[object]], expected: int) -> float:
    """The shortest of a few reads; raises RuntimeError when one gives another number of rows."""
    times: list[float] = []
    for _ in range(READS):
        started = time.perf_counter()
        found = read()
        times.append((time.perf_counter() - started) * 1_000)
        if len(found) != expected:
            message = f"{len(found)} rows of {expected}"
            raise RuntimeError(message)
    return min(times)


def state(number: int) -> SensorState:
    """The newest sample of one of four sensors a gateway."""
    name = f"gw-{number // 4:05}.ilr{number % 4}-tvc"
    return SensorState(name, NOW_MS + number, 400 + number % 100, 0, NOW_MS + number + 900, number % 50)


def main(arguments: list[str]) -> int:
    """Print each repeat."""
    with tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name:
        for call_ms, bare_ms in run(Path(name), int(arguments[0]) if arguments else SENSORS):
            print(f"{call_ms:.2f} ms the call, {bare_ms:.2f} ms the bare fetch", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
