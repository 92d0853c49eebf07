"""Ingest's tables, for writing: by ingest alone."""

from __future__ import annotations

import secrets
from dataclasses import astuple
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

import msgspec
from sqlalchemy import select, tuple_, update

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger.bulk import Into, put
from sheetal.ledger.changes import next_change
from sheetal.ledger.day_summaries import worst_of
from sheetal.ledger.telemetry_conflicts import add_conflicts as add_conflicts
from sheetal.ledger.telemetry_letters import DeadLetterRow as DeadLetterRow
from sheetal.ledger.telemetry_letters import add_dead_letters as add_dead_letters
from sheetal.ledger.telemetry_letters import remove_letters as remove_letters
from sheetal.ledger.telemetry_sequences import settle_ranges as settle_ranges
from sheetal.ledger.telemetry_tables import (
    aux_value,
    coverage,
    day_summary,
    dirty_hour,
    sensor_state,
    thinned_span,
    unplaced_row,
)
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Table

    from sheetal.contracts.batch import AuxRow, ThinnedSpan, UnplacedRow
    from sheetal.ledger.telemetry import Coverage, SensorState

SPARE_BITS = 2
"""A mark is a positive number of any database: 62 random bits."""
KEYS_A_QUERY = 200
WHOLE_DAY_MS_MIN = 23 * HOUR_MS  # the day on which summer time begins has 23 hours

_MARK = Into(dirty_hour, ("sensor_id", "hour_ms", "marked"), ("sensor_id", "hour_ms"), "marked = excluded.marked")
_VALUE = Into(aux_value, tuple(aux_value.columns.keys()), tuple(aux_value.primary_key.columns.keys()))

_STATE = Into(
    sensor_state,
    tuple(sensor_state.columns.keys()),
    ("sensor_id",),
    ", ".join(f"{name} = excluded.{name}" for name in sensor_state.columns.keys()[1:])
    + " WHERE excluded.measured_at_ms >= stands.measured_at_ms",
)
_COVERAGE = Into(
    coverage,
    tuple(coverage.columns.keys()),
    ("gateway_id", "boot"),
    "first_sequence = LEAST(stands.first_sequence, excluded.first_sequence), "
    "last_sequence = GREATEST(stands.last_sequence, excluded.last_sequence), "
    "rows_stored = stands.rows_stored + excluded.rows_stored, "
    "received_at_ms = GREATEST(stands.received_at_ms, excluded.received_at_ms)",
)

Told = TypeVar("Told")
_Row = dict[str, object]
_day_decoder = msgspec.json.Decoder(DaySummary)


def mark_dirty(conn: Connection, hours: Iterable[tuple[str, int]]) -> None:
    """Mark (sensor, hour_ms) pairs to be judged, again if they are marked already.

    Every mark is a fresh random number, so that a row deleted and made again is never taken for the old one, and so
    that under overload every mark is a new lot in the queue.
    """
    pairs = sorted(set(hours))
    marks = memoryview(secrets.token_bytes(len(pairs) * 8)).cast("Q")
    put(conn, _MARK, [(*pair, mark >> SPARE_BITS) for pair, mark in zip(pairs, marks, strict=True)])


def add_aux_values(conn: Connection, rows: Sequence[tuple[str, int, AuxRow]], now_ms: int) -> int:
    """Keep values beside temperature, each with its gateway and boot, once; gives how many were new.

    The first that was told of one field and instant stands.
    """
    values = [
        (gateway, row.source, row.field, row.measured_at_ms, float(row.value), boot, row.sequence, now_ms)
        for gateway, boot, row in rows
    ]
    return put(conn, _VALUE, sorted(values, key=itemgetter(*range(len(_VALUE.key)))))


def put_sensor_states(conn: Connection, states: Sequence[SensorState]) -> int:
    """Put the newest samples under one new change number; an older sample never moves a sensor back.

    No sensor may be in it twice.
    """
    if not states:
        return 0
    change = next_change(conn, sensor_state)
    return put(conn, _STATE, sorted((*state[:-1], change) for state in states))


def add_coverage(conn: Connection, seen: Sequence[Coverage]) -> None:
    """Widen what is known to be stored of each boot, and add to its row count; no boot may be in it twice."""
    put(conn, _COVERAGE, sorted(astuple(one) for one in seen))


def put_day_summaries(conn: Connection, summaries: Sequence[DaySummary], now_ms: int) -> int:
    """Keep day summaries; what another report of the same day says more is added to the one that is kept.

    Gives how many days are new or say more than before.
    """
    in_order = sorted(summaries, key=lambda one: (one.sensor, one.starts_at_ms))
    return sum(_put_day(conn, told, now_ms) for told in in_order)


def add_unplaced_rows(conn: Connection, rows: Sequence[tuple[int, UnplacedRow]], now_ms: int) -> int:
    """Keep rows (each with its boot) whose instant will never be known, each once; gives how many were new."""
    return insert_missing(conn, unplaced_row, [_unplaced(boot, row) | {"received_at_ms": now_ms} for boot, row in rows])


def add_thinned_spans(conn: Connection, spans: Sequence[ThinnedSpan], now_ms: int) -> int:
    """Keep what stands for thinned readings, each span once; gives how many were new."""
    return insert_missing(conn, thinned_span, [_thinned(span) | {"received_at_ms": now_ms} for span in spans])


def contradicting(
    conn: Connection, rows: Sequence[tuple[int, UnplacedRow]], spans: Sequence[ThinnedSpan]
) -> list[UnplacedRow | ThinnedSpan]:
    """Those of these rows and spans in whose place another one stands."""
    unplaced = [(row, _unplaced(boot, row)) for boot, row in rows]
    thinned = [(span, _thinned(span)) for span in spans]
    return [*_otherwise(conn, unplaced_row, unplaced), *_otherwise(conn, thinned_span, thinned)]


def _otherwise(conn: Connection, table: Table, told: Sequence[tuple[Told, _Row]]) -> list[Told]:
    key = list(table.primary_key.columns)
    keys = [tuple(values[column.name] for column in key) for _, values in told]
    stands: dict[tuple[object, ...], _Row] = {}
    for first in range(0, len(keys), KEYS_A_QUERY):
        query = select(table).where(tuple_(*key).in_(keys[first : first + KEYS_A_QUERY]))
        for row in conn.execute(query).mappings():
            stands[tuple(row[column.name] for column in key)] = dict(row)
    return [
        item
        for (item, values), place in zip(told, keys, strict=True)
        if any(stands.get(place, values)[name] != value for name, value in values.items())
    ]


def _unplaced(boot: int, row: UnplacedRow) -> _Row:
    return {
        "sensor_id": row.sensor,
        "boot": boot,
        "sequence": row.sequence,
        "monotonic_ms": row.monotonic_ms,
        "centi_celsius": row.centi_celsius,
        "quality": row.quality,
    }


def _thinned(span: ThinnedSpan) -> _Row:
    return {
        "sensor_id": span.sensor,
        "starts_at_ms": span.starts_at_ms,
        "covers_boot": span.covers_boot,
        "ends_at_ms": span.ends_at_ms,
        "centi_celsius_min": span.centi_celsius_min,
        "centi_celsius_max": span.centi_celsius_max,
        "centi_celsius_mean": span.centi_celsius_mean,
        "rows": span.rows,
        "covers": msgspec.json.encode(span.covers).decode(),
    }


def _put_day(conn: Connection, told: DaySummary, now_ms: int) -> bool:
    if insert_missing(conn, day_summary, [_day_row(told, now_ms)]) == 1:
        return True
    is_the_day = (day_summary.c.sensor_id == told.sensor, day_summary.c.starts_at_ms == told.starts_at_ms)
    of_day = select(day_summary.c.summary, day_summary.c.received_at_ms).where(*is_the_day)
    row = conn.execute(of_day.with_for_update()).one()
    kept = _day_decoder.decode(row.summary)
    both = worst_of(kept, told)
    if both == kept:
        return False
    reaches_on = told.ends_at_ms >= kept.ends_at_ms
    seen_ms = now_ms if reaches_on else row.received_at_ms
    conn.execute(update(day_summary).where(*is_the_day).values(**_day_row(both, seen_ms)))
    return True


def _day_row(one: DaySummary, now_ms: int) -> dict[str, object]:
    return {
        "sensor_id": one.sensor,
        "starts_at_ms": one.starts_at_ms,
        "ends_at_ms": one.ends_at_ms,
        "complete": one.ends_at_ms - one.starts_at_ms >= WHOLE_DAY_MS_MIN,
        "summary": msgspec.json.encode(one).decode(),
        "received_at_ms": now_ms,
    }
