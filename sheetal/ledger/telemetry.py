"""Ingest's tables, for reading: latest values, hours to judge, day summaries, spans, dead letters, conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import ARRAY, Text, any_, cast, func, literal, select

from sheetal.contracts.batch import DaySummary
from sheetal.ledger.telemetry_gaps import SequenceGap as SequenceGap
from sheetal.ledger.telemetry_gaps import gap_counts as gap_counts
from sheetal.ledger.telemetry_gaps import gaps as gaps
from sheetal.ledger.telemetry_tables import (
    aux_value,
    conflict,
    coverage,
    day_summary,
    dead_letter,
    dead_letter_dropped,
    dirty_hour,
    sensor_state,
    thinned_span,
    unplaced_row,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection

ROWS_MAX = 5_000

_day_decoder = msgspec.json.Decoder(DaySummary)
_covers_decoder = msgspec.json.Decoder(list[tuple[int, int]])


class SensorState(NamedTuple):
    """A sensor's newest sample; `change` is set on writing.

    `clock_offset_ms` is our clock minus the gateway's, 0 where that had none.
    """

    sensor_id: str
    measured_at_ms: int
    centi_celsius: int | None
    quality: int
    received_at_ms: int
    clock_offset_ms: int
    change: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyHour:
    """One hour of one sensor that must be judged; `marked` differs after every mark."""

    sensor_id: str
    hour_ms: int
    marked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A refused message: why, its hash and size, its first 16 KiB, how often it came again, and whose topic it was."""

    id: int
    topic: str
    reason: str
    detail: str
    sha256: str
    size_bytes: int
    head: bytes
    repeats: int
    first_at_ms: int
    last_at_ms: int
    gateway_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A re-send whose value differs from the stored one; the stored one stays."""

    sensor_id: str
    measured_at_ms: int
    stored_centi_celsius: int | None
    offered_centi_celsius: int | None
    offered_quality: int
    boot: int
    sequence: int
    received_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How far one boot of a gateway has been stored: first and last sequence number seen and rows stored."""

    gateway_id: str
    boot: int
    first_sequence: int
    last_sequence: int
    rows_stored: int
    received_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A sample without an instant; those of one boot stand in the order and distance of `monotonic_ms`."""

    sensor_id: str
    boot: int
    sequence: int
    monotonic_ms: int
    centi_celsius: int | None
    quality: int
    received_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinned:
    """What is left of `rows` readings of a sensor from `starts_at_ms` through `ends_at_ms`; `covers` names them."""

    sensor_id: str
    starts_at_ms: int
    ends_at_ms: int
    centi_celsius_min: int
    centi_celsius_max: int
    centi_celsius_mean: int
    rows: int
    covers_boot: int
    covers: list[tuple[int, int]]
    received_at_ms: int


_states_decoder = msgspec.json.Decoder(list[SensorState])
_change = attrgetter("change")


class DroppedLetters(NamedTuple):
    """Letters of one owner and reason that are only counted; the owner is empty for those of no enrolled gateway."""

    gateway_id: str
    reason: str
    dropped: int
    last_at_ms: int


class Channel(NamedTuple):
    """One series of values beside temperature; `field` is its WHO DS01 name."""

    gateway_id: str
    source: str
    field: str


class AuxValue(NamedTuple):
    """One value beside temperature, and what brought it."""

    measured_at_ms: int
    value: float
    boot: int
    sequence: int
    received_at_ms: int


def sensor_states(
    conn: Connection,
    sensors: Collection[str] | None = None,
    after_change: int | None = None,
) -> list[SensorState]:
    """The newest sample of each sensor, in order of change number; only these sensors, only later changes, if given.

    All come as one text: taking ten thousand rows over one by one costs more than finding them (measured).
    """
    on_server = conn.dialect.name == "postgresql"
    states = select(sensor_state)
    if sensors is not None:
        states = states.where(_is_among(sensors, on_server=on_server))
    if after_change is not None:
        states = states.where(sensor_state.c.change > after_change)
    columns = states.subquery().columns
    if on_server:
        told = conn.execute(select(cast(func.json_agg(func.json_build_array(*columns)), Text)))
    else:
        told = conn.execute(select(func.json_group_array(func.json_array(*columns), type_=Text)))
    found = _states_decoder.decode(told.scalar_one() or "[]")
    found.sort(key=_change)
    return found


def _is_among(sensors: Collection[str], *, on_server: bool) -> ColumnElement[bool]:
    """Of any number of sensors, as one parameter."""
    if on_server:
        return sensor_state.c.sensor_id == any_(literal(list(sensors), ARRAY(Text)))
    names = func.json_each(msgspec.json.encode(list(sensors)).decode()).table_valued("value")
    return sensor_state.c.sensor_id.in_(select(names.c.value))


def dirty_hours(conn: Connection, limit: int) -> list[DirtyHour]:
    """Hours waiting to be judged, the newest first so that a backlog never delays a fresh excursion; at most 5,000.

    Within an hour they come in order of their marks, which are random: under overload no sensor starves by its name.
    """
    query = select(dirty_hour).order_by(dirty_hour.c.hour_ms.desc(), dirty_hour.c.marked, dirty_hour.c.sensor_id)
    return [DirtyHour(**row) for row in conn.execute(query.limit(min(limit, ROWS_MAX))).mappings()]


def day_summaries(conn: Connection, sensor_id: str, from_ms: int, until_ms: int) -> list[DaySummary]:
    """The day summaries of a sensor that touch [from_ms, until_ms), oldest first."""
    query = select(day_summary.c.summary).where(
        day_summary.c.sensor_id == sensor_id,
        day_summary.c.starts_at_ms < until_ms,
        day_summary.c.ends_at_ms > from_ms,
    )
    return [_day_decoder.decode(text) for text in conn.execute(query.order_by(day_summary.c.starts_at_ms)).scalars()]


def unplaced_rows(conn: Connection, sensor_id: str, limit: int) -> list[Unplaced]:
    """The samples of a sensor that have no instant, oldest boot first, in their order; at most 5,000."""
    query = select(unplaced_row).where(unplaced_row.c.sensor_id == sensor_id)
    in_order = query.order_by(unplaced_row.c.boot, unplaced_row.c.monotonic_ms, unplaced_row.c.sequence)
    return [Unplaced(**row) for row in conn.execute(in_order.limit(min(limit, ROWS_MAX))).mappings()]


def thinned_spans(conn: Connection, sensor_id: str, from_ms: int, until_ms: int) -> list[Thinned]:
    """The thinned spans of a sensor that touch [from_ms, until_ms), oldest first."""
    query = select(thinned_span).where(
        thinned_span.c.sensor_id == sensor_id,
        thinned_span.c.starts_at_ms < until_ms,
        thinned_span.c.ends_at_ms >= from_ms,
    )
    found = conn.execute(query.order_by(thinned_span.c.starts_at_ms, thinned_span.c.covers_boot)).mappings()
    return [Thinned(**{**row, "covers": _covers_decoder.decode(row["covers"])}) for row in found]


def dead_letters(conn: Connection, limit: int) -> list[DeadLetter]:
    """The latest refused messages first, at most 5,000."""
    query = select(dead_letter).order_by(dead_letter.c.last_at_ms.desc(), dead_letter.c.id.desc())
    return [DeadLetter(**row) for row in conn.execute(query.limit(min(limit, ROWS_MAX))).mappings()]


def letters_after(
    conn: Connection,
    number: int,
    limit: int,
    *,
    reason: str | None = None,
    topic: str | None = None,
) -> list[DeadLetter]:
    """Dead letters behind this number, in order, only of this reason and topic if given; at most 5,000.

    So the table can be walked over while letters come and go.
    """
    query = select(dead_letter).where(dead_letter.c.id > number).order_by(dead_letter.c.id)
    if reason is not None:
        query = query.where(dead_letter.c.reason == reason)
    if topic is not None:
        query = query.where(dead_letter.c.topic == topic)
    return [DeadLetter(**row) for row in conn.execute(query.limit(min(limit, ROWS_MAX))).mappings()]


def last_letter(conn: Connection) -> int:
    """The number of the newest dead letter; 0 where there is none."""
    return conn.execute(select(func.max(dead_letter.c.id))).scalar_one() or 0


def dropped_letters(conn: Connection, limit: int = ROWS_MAX) -> list[DroppedLetters]:
    """How many letters were let go for want of room, by owner and reason, the latest first; at most 5,000."""
    query = select(*dead_letter_dropped.columns).order_by(
        dead_letter_dropped.c.last_at_ms.desc(), *dead_letter_dropped.primary_key.columns
    )
    return [DroppedLetters(*row) for row in conn.execute(query.limit(min(limit, ROWS_MAX)))]


def aux_values(conn: Connection, channel: Channel, start_ms: int, end_ms: int, limit: int) -> list[AuxValue]:
    """The newest values of one channel measured in [start_ms, end_ms), oldest first; at most 5,000."""
    table = aux_value.c
    of_channel = (table.gateway_id, table.source, table.field)
    query = select(table.measured_at_ms, table.value, table.boot, table.sequence, table.received_at_ms).where(
        *(column == name for column, name in zip(of_channel, channel, strict=True)),
        table.measured_at_ms >= start_ms,
        table.measured_at_ms < end_ms,
    )
    newest = query.order_by(table.measured_at_ms.desc()).limit(min(limit, ROWS_MAX))
    return [AuxValue(*row) for row in conn.execute(newest)][::-1]


def conflicts(conn: Connection, limit: int) -> list[Conflict]:
    """The latest conflicting re-sends first, at most 5,000."""
    columns = [column for column in conflict.columns if column.name != "id"]
    query = select(*columns).order_by(conflict.c.id.desc()).limit(min(limit, ROWS_MAX))
    return [Conflict(**row) for row in conn.execute(query).mappings()]


def coverages(conn: Connection, gateway_id: str) -> list[Coverage]:
    """What is stored of each boot of a gateway, the latest boot first."""
    query = select(coverage).where(coverage.c.gateway_id == gateway_id).order_by(coverage.c.boot.desc())
    return [Coverage(**row) for row in conn.execute(query).mappings()]
