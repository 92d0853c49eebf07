"""One facility's month in figures, from its readings and the ledger: what both papers, CSV and PDF, are made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sheetal.contracts.limits import DAY_MS, MINUTE_MS, Side
from sheetal.contracts.problem import Refused
from sheetal.ledger import assets, reports
from sheetal.thermal.exposure import merge_all, summarise
from sheetal.thermal.runs import Limit, cap_ms, samples_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.contracts.verdict import Run
    from sheetal.ledger.assets import Appliance, Facility, SensorSpan
    from sheetal.ledger.reports import MonthCounts
    from sheetal.readings.port import ReadingsStore
    from sheetal.thermal.exposure import Exposure, Limits

PERIOD = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
HALF_MS_PER_MINUTE = 2 * MINUTE_MS
PERMILLE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorMonth:
    """What one sensor saw of one appliance in the month; minutes beyond the limits are confirmed ones.

    Unknown minutes are those of the sensor's time there that no reading covers.
    """

    appliance_id: str
    appliance_name: str
    sensor_id: str
    centi_celsius_low: int
    centi_celsius_high: int
    readings: int
    minutes_known: int
    minutes_unknown: int
    minutes_cold: int
    minutes_hot: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    alarms: int
    checks: int

    @property
    def in_range_permille(self) -> int | None:
        """The share of the known time within the appliance's range, rounded down; None where nothing is known."""
        if self.minutes_known == 0:
            return None
        inside = max(0, self.minutes_known - self.minutes_cold - self.minutes_hot)
        return inside * PERMILLE // self.minutes_known


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReport:
    """One facility's month; `until_ms` is its end, or the moment of making while it goes on."""

    facility: Facility
    period: str
    from_ms: int
    until_ms: int
    is_over: bool
    sensors: tuple[SensorMonth, ...]
    alarms: dict[str, int]
    holds: int

    @property
    def in_range_permille(self) -> int | None:
        """The share of all known time within range."""
        known = sum(one.minutes_known for one in self.sensors)
        if known == 0:
            return None
        outside = sum(one.minutes_cold + one.minutes_hot for one in self.sensors)
        return max(0, known - outside) * PERMILLE // known


def span_of(period: str, time_zone: str) -> tuple[int, int]:
    """The month `YYYY-MM` in local time, as [from, until); raises Refused (`bad_period`)."""
    if not PERIOD.fullmatch(period):
        raise Refused("a month is written like 2026-11", reason="bad_period")
    first = datetime(int(period[:4]), int(period[5:]), 1, tzinfo=ZoneInfo(time_zone))
    after = (first + timedelta(days=32)).replace(day=1)
    return round(first.timestamp() * 1_000), round(after.timestamp() * 1_000)


def read_month(conn: Connection, readings: ReadingsStore, facility_id: str, period: str, now_ms: int) -> MonthReport:
    """The figures; raises NotFound, Refused (`bad_period`, `future`) and Unavailable."""
    facility = assets.facility_by_id(conn, facility_id)
    from_ms, end_ms = span_of(period, facility.time_zone)
    if from_ms >= now_ms:
        raise Refused("this month has not begun", reason="future")
    until_ms = min(end_ms, now_ms)
    counts = reports.month_counts(conn, facility_id, from_ms, until_ms)
    sensors = tuple(
        _sensor_month(readings, place, span, counts, (from_ms, until_ms))
        for place in assets.appliances(conn, facility_id)
        for span in assets.sensors_of(conn, place.id, from_ms, until_ms)
    )
    kinds = sorted({kind for _, kind in counts.alarms})
    return MonthReport(
        facility=facility,
        period=period,
        from_ms=from_ms,
        until_ms=until_ms,
        is_over=end_ms <= now_ms,
        sensors=sensors,
        alarms={kind: sum(n for (_, of), n in counts.alarms.items() if of == kind) for kind in kinds},
        holds=counts.holds,
    )


def _sensor_month(
    readings: ReadingsStore, place: Appliance, span: SensorSpan, counts: MonthCounts, month: tuple[int, int]
) -> SensorMonth:
    from_ms = max(month[0], span.from_ms)
    until_ms = month[1] if span.until_ms is None else min(month[1], span.until_ms)
    limits = (
        Limit(Side.COLD, place.centi_celsius_min, inclusive=False),
        Limit(Side.HOT, place.centi_celsius_max, inclusive=False),
    )
    seen = _exposure(readings, span, (from_ms, until_ms), limits)
    known = seen.known_half_ms // HALF_MS_PER_MINUTE
    return SensorMonth(
        appliance_id=place.id,
        appliance_name=place.name,
        sensor_id=span.sensor,
        centi_celsius_low=place.centi_celsius_min,
        centi_celsius_high=place.centi_celsius_max,
        readings=seen.readings,
        minutes_known=known,
        minutes_unknown=max(0, (until_ms - from_ms) // MINUTE_MS - known),
        minutes_cold=_minutes(seen.runs[0]),
        minutes_hot=_minutes(seen.runs[1]),
        centi_celsius_min=seen.centi_celsius_min,
        centi_celsius_max=seen.centi_celsius_max,
        alarms=sum(number for (of, _), number in counts.alarms.items() if of == place.id),
        checks=counts.checks.get(place.id, 0),
    )


def _exposure(readings: ReadingsStore, span: SensorSpan, times: tuple[int, int], limits: Limits) -> Exposure:
    """The exposure over a span, a day's readings in memory at a time; the pieces merge to the whole's very figures."""
    longest_ms: int | None = None if span.interval_ms is None else cap_ms([], span.interval_ms)
    pieces: list[Exposure] = []
    for day_ms in range(*times, DAY_MS):
        samples = samples_of(readings.read(span.sensor, day_ms, min(day_ms + DAY_MS, times[1])))
        if longest_ms is None and len(samples) > 1:
            longest_ms = cap_ms(samples, None)
        pieces.append(summarise(span.sensor, samples, longest_ms or 0, limits))
    return merge_all(pieces, limits)


def _minutes(runs: tuple[Run, ...]) -> int:
    return sum(run.confirmed_half_ms for run in runs) // HALF_MS_PER_MINUTE
