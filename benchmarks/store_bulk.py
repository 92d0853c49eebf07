"""How fast a readings store takes rows in bulk: no broker, no decoding, nothing else running.

`python -m benchmarks.store_bulk [rows]` prints the rows a second of every adapter that this machine can run; the
ingest benchmark measures its end-to-end rate against `bulk_rows_per_second` of the same store in the same run.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.reading import Reading
from sheetal.readings.connect import open_readings
from tests.stack.servers import INFLUXD, influxd_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sheetal.readings.port import ReadingsStore

ROWS = 500_000
SENSORS = 10_000
INTERVAL_MS = 300_000
START_MS = 1_763_856_000_000
BOOT = (7 << 32) + 1
READ_BACK = 1_000


class Bulk(NamedTuple):
    """One bulk write: its rate, and the writing thread's processor time."""

    rows_per_second: float
    thread_microseconds_a_row: float


def fleet_rows(rows: int, sensors: int = SENSORS) -> list[Reading]:
    """A fleet's readings in the order of time: each sensor every 5 minutes at a phase of its own, all kept apart."""
    phase_ms = INTERVAL_MS / sensors
    return [
        Reading(
            f"gw-{sensor:05d}.ilr1-tvc",
            START_MS + tick * INTERVAL_MS + int(sensor * phase_ms),
            300 + (sensor * 7 + tick * 13) % 400,
            0,
            BOOT,
            tick,
        )
        for number in range(rows)
        for tick, sensor in [divmod(number, sensors)]
    ]


def bulk_rows_per_second(store: ReadingsStore, rows: Sequence[Reading]) -> float:
    """Write all rows in batches as large as the store likes; every batch is durable before the next is sent."""
    return measured_bulk(store, rows).rows_per_second


def measured_bulk(store: ReadingsStore, rows: Sequence[Reading]) -> Bulk:
    """The rate of a bulk write and the writing thread's own time for each row."""
    size = store.capabilities.rows_per_request_max
    started, thread_started = time.perf_counter(), time.thread_time()
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        result = store.write(batch)
        if result.accepted != len(batch):
            message = f"the store refused rows: {result.rejected[:3]}"
            raise RuntimeError(message)
    thread_seconds = time.thread_time() - thread_started
    return Bulk(len(rows) / (time.perf_counter() - started), thread_seconds / len(rows) * 1e6)


def read_back_seconds(store: ReadingsStore, rows: Sequence[Reading]) -> tuple[float, float]:
    """How long it takes to read the last row of many sensors back: sensor by sensor, and by `read_many`."""
    spans = [(row.sensor, row.measured_at_ms, row.measured_at_ms + 1) for row in rows[-READ_BACK:]]
    started = time.perf_counter()
    one_by_one = [reading for span in spans for reading in store.read(*span)]
    between = time.perf_counter()
    together = store.read_many(spans)
    ended = time.perf_counter()
    if sorted(one_by_one) != sorted(together) or len(together) != len(spans):
        message = f"{len(one_by_one)} rows were read one by one, {len(together)} together, {len(spans)} are there"
        raise RuntimeError(message)
    return between - started, ended - between


@contextmanager
def busy_thread() -> Iterator[None]:
    """A thread that wants the interpreter all the time, as the one that decodes does while another writes."""
    stopped = threading.Event()

    def spin() -> None:
        while not stopped.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def stores(stack: ExitStack, folder: Path) -> Iterator[tuple[str, ReadingsStore]]:
    """Every adapter over a fresh place, InfluxDB where its server is installed; closed with the stack."""
    urls = {"memory": "memory:", "sqlite": f"sqlite:///{folder}/readings.db"}
    if INFLUXD.exists():
        urls["influxdb1"] = stack.enter_context(influxd_server(folder))
    for name, url in urls.items():
        yield name, stack.enter_context(closing(open_readings(url)))


def main(arguments: list[str]) -> int:
    """Print one line for each adapter: alone, beside a busy thread, and everything once more."""
    rows = fleet_rows(int(arguments[0]) if arguments else ROWS)
    with tempfile.TemporaryDirectory(prefix="sheetal-bulk-") as name, ExitStack() as stack:
        for adapter, store in stores(stack, Path(name)):
            half = len(rows) // 2
            first = measured_bulk(store, rows[:half])
            with busy_thread():
                beside = measured_bulk(store, rows[half:])
            again = bulk_rows_per_second(store, rows)
            print(
                f"{adapter:10} {first.rows_per_second:>9,.0f} rows/s at {first.thread_microseconds_a_row:.2f} µs of "
                f"the thread, {beside.rows_per_second:>9,.0f} beside a busy thread, {again:>9,.0f} sent again",
                flush=True,
            )
            singly, together = read_back_seconds(store, rows)
            print(
                f"{'':10} {singly:>9.3f} s to read {READ_BACK:,} sensors back, {together:.3f} s by read_many",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
