"""What one moment brings to the outbox, and how its items are put into the table."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.outbox import schema
from edge_agent.outbox.parcel import AUX, DAY, QUARTER_MS, ROW, THINNED, day_body

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from edge_agent.sample import AuxSample, DaySummaryDraft, Sample
    from sheetal.contracts.device_alarm import DeviceAlarm

_NEW = """
INSERT INTO item (
    kind, source, field, measured_at_ms, value, quality, body, notable, monotonic_ms, boot, sequence, added_at_ms, state
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NEW_UNLESS_SAID = """
INSERT INTO item (
    kind, source, field, measured_at_ms, value, quality, body, notable, monotonic_ms, boot, sequence, added_at_ms, state
) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
    1 + max(?11, ifnull((SELECT max(sequence) FROM item WHERE boot = ?10), 0)), ?12, ?13
WHERE NOT EXISTS (
    SELECT 1 FROM item WHERE source = ?2 AND measured_at_ms = ?4 AND field = ?3 AND value IS ?5 AND quality = ?6)
"""
"""The number follows the last one of this transaction, so a repetition leaves no gap; `?11` is the last one before."""
_NEW_UNLESS_TOLD = f"""{_NEW_UNLESS_SAID} AND (?1 <> 'row' OR ?8 OR ?5 IS NULL OR NOT EXISTS (
    SELECT 1 FROM item WHERE source = ?2 AND measured_at_ms BETWEEN ?4 - {QUARTER_MS} AND ?4
    AND field = '{THINNED}' AND json_extract(CAST(body AS TEXT), '$[0]') >= ?4
    AND ?5 BETWEEN json_extract(CAST(body AS TEXT), '$[1]') AND json_extract(CAST(body AS TEXT), '$[2]')))
"""  # noqa: S608 - constants
"""A logger tells its memory again at each connection: what a span already stands for must not fill the outbox anew."""


class Intake(NamedTuple):
    """What one moment brings: committed together or not at all. `marks` are small facts to remember by name.

    `held_ms` ago the first of it came; so long it was held back to be committed with the rest. What comes `at_once` is
    sent so, without being notable: it may be thinned like any other.
    """

    rows: Sequence[Sample] = ()
    aux: Sequence[AuxSample] = ()
    days: Sequence[DaySummaryDraft] = ()
    alarms: Sequence[DeviceAlarm] = ()
    marks: Mapping[str, str] = {}
    held_ms: int = 0
    at_once: bool = False


Columns = tuple[str, str, str, int, float | None, int, bytes | None, bool, int | None]
"""What a new item brings: kind, source, field, instant, value, quality, body, notable, monotonic instant."""


class Given(NamedTuple):
    """Whose numbers new items get, after which one, and when they came."""

    boot: int
    sequence: int
    at_ms: int


def insert(connection: sqlite3.Connection, intake: Intake, given: Given) -> int:
    """Puts the items in; returns how many. One that was said before is left out and leaves no gap in the numbers.

    What the gateway stamps itself is never a repetition.
    """
    own = [*_rows(intake, local=True), *_values(intake, local=True)]
    said = [*_rows(intake, local=False), *_values(intake, local=False), *map(_of_day, intake.days)]
    boot, sequence, at_ms = given
    if own:
        states = (schema.PENDING, schema.WAITING)
        connection.executemany(
            _NEW,
            [(*new, boot, number, at_ms, states[new[-1] is not None]) for number, new in enumerate(own, sequence + 1)],
        )
    if not said:
        return len(own)
    rest = (boot, sequence + len(own), at_ms, schema.PENDING)
    is_thinned = connection.execute("SELECT 1 FROM meta WHERE name = 'thinned'").fetchone() is not None
    query = _NEW_UNLESS_TOLD if is_thinned else _NEW_UNLESS_SAID
    return len(own) + connection.executemany(query, [(*new, *rest) for new in said]).rowcount


def oldest_ms(intake: Intake) -> int | None:
    """The earliest instant in it."""
    instants = [row.measured_at_ms for row in intake.rows]
    instants += [value.measured_at_ms for value in intake.aux]
    instants += [day.ends_at_ms for day in intake.days]
    return min(instants, default=None)


def insert_alarms(connection: sqlite3.Connection, alarms: Sequence[DeviceAlarm], at_ms: int) -> None:
    """Puts alarms and clearings in; one that is there already stays as it is."""
    if not alarms:
        return
    connection.executemany(
        "INSERT OR IGNORE INTO alarm (alarm, cleared, body, added_at_ms) VALUES (?, ?, ?, ?)",
        [(a.alarm, a.cleared_at_ms is not None, msgspec.json.encode(a), at_ms) for a in alarms],
    )


def _rows(intake: Intake, *, local: bool) -> list[Columns]:
    return [
        (ROW, row.sensor, "", row.measured_at_ms, row.centi_celsius, row.quality, None, row.notable, row.monotonic_ms)
        for row in intake.rows
        if row.local is local
    ]


def _values(intake: Intake, *, local: bool) -> list[Columns]:
    return [
        (AUX, aux.source, aux.field, aux.measured_at_ms, float(aux.value), 0, None, aux.notable, aux.monotonic_ms)
        for aux in intake.aux
        if aux.local is local
    ]


def _of_day(day: DaySummaryDraft) -> Columns:
    body = day_body(day)
    field = f"day {hashlib.sha256(body).hexdigest()[:32]}"
    return DAY, day.sensor, field, day.ends_at_ms, None, 0, body, True, None
