"""Ingest's tables, for writing: by ingest alone."""

from __future__ import annotations

import secrets
from dataclasses import astuple
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

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
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row, Table

    from sheetal.contracts.batch import AuxRow, ThinnedSpan, UnplacedRow
    from sheetal.ledger.telemetry import Coverage, SensorState

SPARE_BITS = 2
"""A mark is a positive number of any database: 62 random bits."""
KEYS_A_QUERY = 200
WHOLE_DAY_MS_MIN = 23 * HOUR_MS  # the day on which summer time begins has 23 hours

_MARK = Into(dirty_hour, ("sensor_id", "hour_ms", "marked"), ("sensor_id", "hour_ms"), "marked = excluded.marked")
_DAY = Into(day_summary, tuple(day_summary.columns.keys()), tuple(day_summary.primary_key.columns.keys()))
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
    days: dict[tuple[str, int], DaySummary] = {}
    for told in summaries:
        key = (told.sensor, told.starts_at_ms)
        days[key] = worst_of(days[key], told) if key in days else told
    new = put(conn, _DAY, [_day_row(days[key], now_ms) for key in sorted(days)])
    return new if new == len(days) else new + _widen_days(conn, days, now_ms)


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


def _widen_days(conn: Connection, days: Mapping[tuple[str, int], DaySummary], now_ms: int) -> int:
    """Adds to the days that stand what these say more; how many there were."""
    keys, widened = sorted(days), 0
    for first in range(0, len(keys), KEYS_A_QUERY):
        is_told = tuple_(day_summary.c.sensor_id, day_summary.c.starts_at_ms).in_(keys[first : first + KEYS_A_QUERY])
        standing = conn.execute(select(day_summary).where(is_told).order_by(*day_summary.primary_key).with_for_update())
        widened += sum(_widen_day(conn, row, days[row.sensor_id, row.starts_at_ms], now_ms) for row in standing.all())
    return widened


def _widen_day(conn: Connection, standing: Row[Any], told: DaySummary, now_ms: int) -> bool:
    kept = _day_decoder.decode(standing.summary)
    both = worst_of(kept, told)
    if both == kept:
        return False
    seen_ms = now_ms if told.ends_at_ms >= kept.ends_at_ms else standing.received_at_ms
    is_the_day = (day_summary.c.sensor_id == told.sensor, day_summary.c.starts_at_ms == told.starts_at_ms)
    values = dict(zip(_DAY.columns, _day_row(both, seen_ms), strict=True))
    conn.execute(update(day_summary).where(*is_the_day).values(**values))
    return True


def _day_row(one: DaySummary, now_ms: int) -> tuple[object, ...]:
    """In the order of the table's columns."""
    complete = one.ends_at_ms - one.starts_at_ms >= WHOLE_DAY_MS_MIN
    return one.sensor, one.starts_at_ms, one.ends_at_ms, complete, msgspec.json.encode(one).decode(), now_ms
