"""Every sample of every sensor, out of and into a readings store through its port: the same file for every engine.

    {"sensor": "gw-01.ilr1-tvc", "rows": [[measured_at_ms, centi_celsius | null, quality, boot, sequence], …]}

One page a line, gzip; a sensor's pages follow each other in time order. The last line counts what stands before it.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.problem import Refused, Unavailable
from sheetal.contracts.reading import Reading
from sheetal.contracts.seal import UNREADABLE
from sheetal.readings.port import YEAR_2100_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sheetal.readings.port import ReadingsStore

    Say = Callable[[str], None]

PAGE_ROWS = 5_000
LINE_BYTES_MAX = 4 * 1024 * 1024
LEVEL = 3
TELL_EVERY_ROWS = 1_000_000
LOOKED_AT_MAX = 200
"""So many sensors are asked whether a store is empty."""

Row = tuple[int, int | None, int, int, int]


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of one sensor; or, with `total`, the end of the file."""

    sensor: str = ""
    rows: list[Row] = []
    total: int | None = None


_pages = msgspec.json.Decoder(Page)


def export(store: ReadingsStore, sensors: Sequence[str], file: Path, say: Say) -> int:
    """Write all samples of these sensors, a page at a time; gives how many. Raises Unavailable."""
    encoder = msgspec.json.Encoder()
    total = told = 0
    with gzip.GzipFile(file, "wb", compresslevel=LEVEL, mtime=0) as out:
        for sensor in sensors:
            for rows in _rows_of(store, sensor):
                out.write(encoder.encode(Page(sensor, [row[1:] for row in rows])) + b"\n")
                total += len(rows)
                if total - told >= TELL_EVERY_ROWS:
                    told = total
                    say(f"readings: {total:,}")
        out.write(encoder.encode(Page(total=total)) + b"\n")
    say(f"readings: {total:,} of {len(sensors):,} sensors")
    return total


def check(file: Path) -> int:
    """Read an export through: whole, in order, counted right; gives its rows. Raises Refused."""
    last: dict[str, int] = {}
    total = 0
    for page in pages(file):
        instants = [row[0] for row in page.rows]
        if instants != sorted(set(instants)) or instants[0] <= last.get(page.sensor, 0):
            raise _damaged(file, f"is out of order at {page.sensor}")
        last[page.sensor] = instants[-1]
        total += len(instants)
    return total


def restore(store: ReadingsStore, file: Path, say: Say) -> int:
    """Write an export into a store; gives how many samples. Repeating it is safe. Raises Refused and Unavailable."""
    total = told = 0
    for batch in _batches(file):
        refused = store.write(batch).rejected
        if refused:
            index, reason = refused[0]
            raise _damaged(file, f"holds a sample that the store refuses: {batch[index].sensor}, {reason}")
        total += len(batch)
        if total - told >= TELL_EVERY_ROWS:
            told = total
            say(f"readings: {total:,}")
    say(f"readings: {total:,}")
    return total


def is_empty(store: ReadingsStore, file: Path) -> bool:
    """Whether a store holds nothing of the first sensors of an export."""
    seen: set[str] = set()
    for page in pages(file):
        if page.sensor in seen:
            continue
        if len(seen) >= LOOKED_AT_MAX:
            break
        seen.add(page.sensor)
        if store.count(page.sensor, 0, YEAR_2100_MS):
            return False
    return True


def pages(file: Path) -> Iterator[Page]:
    """The pages of an export; raises Refused where it is damaged or cut off."""
    total = 0
    try:
        with gzip.open(file, "rb") as stream:
            while line := stream.readline(LINE_BYTES_MAX):
                page = _pages.decode(line)
                if page.total is not None:
                    break
                total += len(page.rows)
                yield page
            else:
                raise _damaged(file, "was cut off")
    except (OSError, EOFError, zlib.error, *UNREADABLE) as error:
        raise _damaged(file, f"cannot be read: {type(error).__name__}") from error
    if page.total != total:
        raise _damaged(file, f"says {page.total} rows and holds {total}")


def _rows_of(store: ReadingsStore, sensor: str) -> Iterator[list[Reading]]:
    after_ms: int | None = None
    while rows := store.read(sensor, 0, YEAR_2100_MS, limit=PAGE_ROWS, after_ms=after_ms):
        yield rows
        if len(rows) < PAGE_ROWS:
            return
        after_ms = rows[-1].measured_at_ms


def _batches(file: Path) -> Iterator[list[Reading]]:
    batch: list[Reading] = []
    for page in pages(file):
        batch += [Reading(page.sensor, *row) for row in page.rows]
        if len(batch) >= PAGE_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def check_answers(store: ReadingsStore) -> None:
    """Raises Unavailable unless the store answers now."""
    health = store.health()
    if not health.ok:
        raise Unavailable(f"the readings store does not answer: {health.detail}", next_step="start it")


def _damaged(file: Path, what: str) -> Refused:
    return Refused(f"{file} {what}", next_step="use another backup", reason="damaged")
