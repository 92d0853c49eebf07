"""How far a sensor's stamps prove anything: never beyond the instant at which ingest received them.

A gateway whose clock runs ahead stamps its readings into the future. They are judged, for a freeze is a freeze, but
they do not say how an appliance is after their receipt, however often it is asked later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import bindparam, select

from sheetal.contracts.batch import DaySummary
from sheetal.ledger import telemetry
from sheetal.ledger.histories import in_chunks
from sheetal.ledger.telemetry_tables import day_summary

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

_days = msgspec.json.Decoder(DaySummary)
_ALL_DAYS = (
    select(
        day_summary.c.sensor_id,
        day_summary.c.starts_at_ms,
        day_summary.c.ends_at_ms,
        day_summary.c.summary,
        day_summary.c.received_at_ms,
    )
    .where(day_summary.c.sensor_id.in_(bindparam("ids", expanding=True)))
    .order_by(day_summary.c.sensor_id, day_summary.c.starts_at_ms)
)


class ReceivedDay(NamedTuple):
    """A day summary and the time that it claims; `cut` is what it is believed for."""

    starts_at_ms: int
    ends_at_ms: int
    cut: DaySummary


def believed_through(conn: Connection, sensors: Collection[str]) -> dict[str, int]:
    """Of each of these sensors whose newest row was stamped later than it came: when it came; on the telemetry store.

    The state of a sensor is written up to a second after its rows. Until then the state before it speaks.
    """
    states = telemetry.sensor_states(conn, sensors) if sensors else []
    return {state.sensor_id: state.received_at_ms for state in states if state.measured_at_ms > state.received_at_ms}


def day_summaries(conn: Connection, sensor_id: str, from_ms: int, until_ms: int) -> list[DaySummary]:
    """The day summaries that touch [from_ms, until_ms), oldest first, each cut at its receipt."""
    query = select(day_summary.c.summary, day_summary.c.received_at_ms).where(
        day_summary.c.sensor_id == sensor_id,
        day_summary.c.starts_at_ms < until_ms,
        day_summary.c.ends_at_ms > from_ms,
    )
    return [
        cut_at(_days.decode(row.summary), row.received_at_ms)
        for row in conn.execute(query.order_by(day_summary.c.starts_at_ms))
    ]


def days_of(conn: Connection, sensors: Collection[str]) -> dict[str, list[ReceivedDay]]:
    """All day summaries of each of these sensors, oldest first; an empty list where there are none."""
    found: dict[str, list[ReceivedDay]] = {sensor: [] for sensor in sensors}
    for chunk in in_chunks(sensors):
        for row in conn.execute(_ALL_DAYS, {"ids": chunk}):
            day = cut_at(_days.decode(row.summary), row.received_at_ms)
            found[row.sensor_id].append(ReceivedDay(row.starts_at_ms, row.ends_at_ms, day))
    return found


def cut_at(day: DaySummary, received_at_ms: int) -> DaySummary:
    """The day as far as its logger can have seen it."""
    if day.ends_at_ms <= received_at_ms:
        return day
    return replace(day, ends_at_ms=max(day.starts_at_ms, received_at_ms))
