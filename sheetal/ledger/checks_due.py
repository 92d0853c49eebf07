"""The twice-daily check that nobody made (pure): from when on it is missed, by the programme's hours.

A check counts for the hour that lies nearest to it: from the middle between two hours of the programme on. Who makes
checks at all, is asked for them: an appliance whose stock rests on them, or one that was checked in the last week.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sheetal.contracts.limits import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

PRACTISED_MS = 7 * DAY_MS
MS_PER_SECOND = 1_000
INDIA = "Asia/Kolkata"


class Hours(NamedTuple):
    """When a day's checks are due, in minutes of the day by the place's own clock, and how late one may be."""

    minutes_of_day: Sequence[int]
    late_minutes: int


class Check(NamedTuple):
    """A check that is due: a reading by eye from `counts_from_ms` on answers it."""

    due_at_ms: int
    counts_from_ms: int


def zone_of(name: str) -> ZoneInfo:
    """A place's clock; one with a name that nobody knows keeps India's, so that it stops nobody else's checks."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(INDIA)


def missed(hours: Hours, zone: str, checked_at_ms: int | None, now_ms: int) -> Check | None:
    """The newest check whose patience is over, if nobody has looked since; None while all is well."""
    newest = newest_late(hours, zone, now_ms)
    return newest if checked_at_ms is None or checked_at_ms < newest.counts_from_ms else None


def newest_late(hours: Hours, zone: str, now_ms: int) -> Check:
    """The newest check that should be there by now."""
    return _newest(hours, zone, now_ms - hours.late_minutes * MINUTE_MS)


def next_due(hours: Hours, zone: str, now_ms: int) -> int:
    """The instant at which the next check is due."""
    return min(ms for ms in _instants(hours, zone, now_ms) if ms > now_ms)


def _newest(hours: Hours, zone: str, until_ms: int) -> Check:
    past = sorted(ms for ms in _instants(hours, zone, until_ms) if ms <= until_ms)
    before_ms, due_ms = past[-2], past[-1]
    return Check(due_ms, due_ms - (due_ms - before_ms) // 2)


def _instants(hours: Hours, zone: str, about_ms: int) -> list[int]:
    """The hours of the days around an instant; midnight and a change of clocks lie where the place has them."""
    place = zone_of(zone)
    today = datetime.fromtimestamp(about_ms / MS_PER_SECOND, place).date()
    days = [today + timedelta(days=number) for number in range(-2, 2)]
    return [_instant(day, minute, place) for day in days for minute in hours.minutes_of_day]


def _instant(day: date, minute_of_day: int, place: ZoneInfo) -> int:
    local = datetime.combine(day, time(minute_of_day // 60, minute_of_day % 60), place)
    return round(local.astimezone(UTC).timestamp()) * MS_PER_SECOND
