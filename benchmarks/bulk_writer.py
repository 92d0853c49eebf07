"""A store's own bulk rate, in a process of its own: rows that stand ready, batch after batch, each durable.

`python -m benchmarks.bulk_writer URL FLEET FIRST COUNT` makes the rows of COUNT messages of a fleet (as JSON), says
"ready", begins when a line comes, says how many batches are done after each, and at last how many seconds it took.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.ingest_rig import Fleet
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sheetal.contracts.reading import Reading
    from sheetal.readings.port import ReadingsStore

ROOT = Path(__file__).resolve().parents[1]
ROWS_A_BATCH = 5_000


class Slice(NamedTuple):
    """So many messages of a fleet from the first on."""

    fleet: Fleet
    first: int
    count: int

    @property
    def rows(self) -> int:
        """How many readings they carry."""
        return self.count * self.fleet.rows_a_message


class BulkWriter:
    """The running process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self) -> Iterator[int]:
        """Lets it begin; gives the number of batches done each time one more is."""
        (self._process.stdin or sys.stderr).write("go\n")
        (self._process.stdin or sys.stderr).flush()
        while (said := self._hear()).startswith("batch"):
            yield int(said.split()[1])
        self.seconds = float(said)

    def _hear(self) -> str:
        return (self._process.stdout or sys.stdin).readline().strip()


@contextmanager
def bulk_writer(url: str, part: Slice) -> Iterator[BulkWriter]:
    """The process, its rows ready."""
    fleet = msgspec.json.encode(list(part.fleet)).decode()
    command = [sys.executable, "-m", "benchmarks.bulk_writer", url, fleet, str(part.first), str(part.count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            said = (process.stdout or sys.stdin).readline().strip()
            if said != "ready":
                message = f"the bulk writer said {said!r}"
                raise RuntimeError(message)
            yield BulkWriter(process)
        finally:
            process.kill()


def write(store: ReadingsStore, readings: Sequence[Reading]) -> None:
    """Writes all, saying each batch."""
    for number, start in enumerate(range(0, len(readings), ROWS_A_BATCH), 1):
        batch = readings[start : start + ROWS_A_BATCH]
        result = store.write(batch)
        if result.accepted != len(batch):
            message = f"the store refused rows: {result.rejected[:3]}"
            raise RuntimeError(message)
        print(f"batch {number}", flush=True)


def main(url: str, fleet: str, first: str, count: str) -> None:
    """One bulk write."""
    readings = Fleet(*msgspec.json.decode(fleet)).readings(int(count), int(first))
    with closing(open_readings(url)) as store:
        store.health()
        print("ready", flush=True)
        sys.stdin.readline()
        started = time.perf_counter()
        write(store, readings)
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
