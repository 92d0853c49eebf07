"""Hourly values of readings that have expired, for charts and never for verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from sheetal.ledger.lasting_tables import hour_rollup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


class HourRollup(NamedTuple):
    """The samples of one sensor in `[hour_ms, hour_ms + 1 h)` that carried a temperature, in centi-degrees."""

    sensor_id: str
    hour_ms: int
    n: int
    centi_celsius_min: int
    centi_celsius_max: int
    centi_celsius_mean: float
    centi_celsius_first: int
    centi_celsius_last: int


def hours_of(conn: Connection, sensor_id: str, from_ms: int, until_ms: int) -> list[HourRollup]:
    """The hours of a sensor that begin in [from_ms, until_ms), in order."""
    table = hour_rollup.c
    query = select(*hour_rollup.columns).where(
        table.sensor_id == sensor_id, table.hour_ms >= from_ms, table.hour_ms < until_ms
    )
    return [HourRollup(*row) for row in conn.execute(query.order_by(table.hour_ms))]


def joined(hours: Iterable[HourRollup], every_ms: int, origin_ms: int = 0) -> list[HourRollup]:
    """Hours in order put together to wider buckets; `hour_ms` is where each begins."""
    found: list[HourRollup] = []
    for hour in hours:
        start_ms = (hour.hour_ms - origin_ms) // every_ms * every_ms + origin_ms
        if not found or found[-1].hour_ms != start_ms or found[-1].sensor_id != hour.sensor_id:
            found.append(hour._replace(hour_ms=start_ms))
            continue
        before = found[-1]
        n = before.n + hour.n
        found[-1] = HourRollup(
            hour.sensor_id,
            start_ms,
            n,
            min(before.centi_celsius_min, hour.centi_celsius_min),
            max(before.centi_celsius_max, hour.centi_celsius_max),
            (before.centi_celsius_mean * before.n + hour.centi_celsius_mean * hour.n) / n,
            before.centi_celsius_first,
            hour.centi_celsius_last,
        )
    return found
