"""What one moment brings to the outbox, and how its items are put into the table."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent import outbox_schema as schema
from edge_agent.parcel import AUX, DAY, ROW, day_body

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from edge_agent.sample import AuxSample, DaySummaryDraft, Sample
    from sheetal.contracts.device_alarm import DeviceAlarm

_NEW = """
INSERT INTO item (
    boot, sequence, kind, source, field, measured_at_ms, value, quality, body, notable, added_at_ms, state, monotonic_ms
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NEW_UNLESS_SAID = """
INSERT INTO item (
    boot, sequence, kind, source, field, measured_at_ms, value, quality, body, notable, added_at_ms, state, monotonic_ms
) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 WHERE NOT EXISTS (
    SELECT 1 FROM item WHERE source = ?4 AND measured_at_ms = ?6 AND field = ?5 AND value IS ?7 AND quality = ?8)
"""


class Intake(NamedTuple):
    """What one moment brings: committed together or not at all. `marks` are small facts to remember by name.

    `held_ms` ago the first of it came; so long it was held back to be committed with the rest.
    """

    rows: Sequence[Sample] = ()
    aux: Sequence[AuxSample] = ()
    days: Sequence[DaySummaryDraft] = ()
    alarms: Sequence[DeviceAlarm] = ()
    marks: Mapping[str, str] = {}
    held_ms: int = 0


class Entry(NamedTuple):
    """The columns of a new item that its own words decide, and whether it can be a repetition."""

    kind: str
    source: str
    field: str
    measured_at_ms: int
    value: float | None
    quality: int
    body: bytes | None
    notable: bool
    local: bool = False
    monotonic_ms: int | None = None


def entries_of(intake: Intake) -> list[Entry]:
    """Every item of an intake: readings, aux values, day summaries."""
    return [*map(_of_row, intake.rows), *map(_of_aux, intake.aux), *map(_of_day, intake.days)]


def insert(connection: sqlite3.Connection, entry: Entry, boot: int, sequence: int, at_ms: int) -> bool:
    """Puts one item in with this number; False where it was said before and the number stays free."""
    *said, local, monotonic_ms = entry
    state = schema.PENDING if monotonic_ms is None else schema.WAITING
    values = (boot, sequence, *said, at_ms, state, monotonic_ms)
    return bool(connection.execute(_NEW if local else _NEW_UNLESS_SAID, values).rowcount)


def insert_alarms(connection: sqlite3.Connection, alarms: Sequence[DeviceAlarm], at_ms: int) -> None:
    """Puts alarms and clearings in; one that is there already stays as it is."""
    connection.executemany(
        "INSERT OR IGNORE INTO alarm (alarm, cleared, body, added_at_ms) VALUES (?, ?, ?, ?)",
        [(a.alarm, a.cleared_at_ms is not None, msgspec.json.encode(a), at_ms) for a in alarms],
    )


def _of_row(row: Sample) -> Entry:
    said = (ROW, row.sensor, "", row.measured_at_ms, row.centi_celsius, int(row.quality), None, row.notable)
    return Entry(*said, row.local, row.monotonic_ms)


def _of_aux(aux: AuxSample) -> Entry:
    said = (AUX, aux.source, aux.field, aux.measured_at_ms, float(aux.value), 0, None, aux.notable)
    return Entry(*said, aux.local, aux.monotonic_ms)


def _of_day(day: DaySummaryDraft) -> Entry:
    body = day_body(day)
    field = f"day {hashlib.sha256(body).hexdigest()[:32]}"
    return Entry(DAY, day.sensor, field, day.ends_at_ms, None, 0, body, notable=True)
