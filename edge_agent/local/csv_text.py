"""Readings and the twice-daily record as CSV lines for people and spreadsheets (pure)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from datetime import tzinfo

    from edge_agent.local.record import Entry
    from edge_agent.outbox.history import Told

READINGS_HEAD = "sensor,utc,local,celsius,quality,boot,sequence,received_by_portal\r\n"
RECORD_HEAD = (
    "sensor,from_utc,until_utc,until_local,low_celsius,high_celsius,minutes_unknown,readings,recorded_utc,"
    "changed_utc,first_low_celsius,first_high_celsius\r\n"
)


def reading_lines(
    sensor: str, rows: Iterable[Told], missing: Container[tuple[int, int]], zone: tzinfo
) -> Iterator[str]:
    """A line a reading; `quality` is OK or the fault's name, `missing` are those that the portal does not have."""
    for row in rows:
        value = "" if row.centi_celsius is None else f"{row.centi_celsius / 100:.2f}"
        yield (
            f"{sensor},{utc(row.measured_at_ms)},{local(row.measured_at_ms, zone)},{value},{_quality(row.quality)},"
            f"{row.boot},{row.sequence},{'no' if (row.boot, row.sequence) in missing else 'yes'}\r\n"
        )


def record_lines(sensor: str, entries: Iterable[Entry], zone: tzinfo) -> Iterator[str]:
    """A line an entry of the record."""
    for entry in entries:
        changed = "" if entry.revised_at_ms is None else utc(entry.revised_at_ms)
        yield (
            f"{sensor},{utc(entry.from_ms)},{utc(entry.until_ms)},{local(entry.until_ms, zone)},{_celsius(entry.low)},"
            f"{_celsius(entry.high)},{-(-entry.unknown_ms // MINUTE_MS)},{entry.rows},{utc(entry.closed_at_ms)},"
            f"{changed},{_celsius(entry.first_low)},{_celsius(entry.first_high)}\r\n"
        )


def utc(at_ms: int) -> str:
    """ISO 8601 in UTC, with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1_000:03d}Z"


def local(at_ms: int, zone: tzinfo) -> str:
    """ISO 8601 on the wall, with its offset."""
    return datetime.fromtimestamp(at_ms // 1_000, zone).isoformat(timespec="seconds")


def _celsius(centi_celsius: int | None) -> str:
    return "" if centi_celsius is None else f"{centi_celsius / 100:.2f}"


def _quality(quality: int) -> str:
    try:
        return Quality(quality).name
    except ValueError:
        return str(quality)
