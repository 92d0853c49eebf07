"""What the clock on a facility's wall says (pure)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sheetal.ledger.checks_due import zone_of

MS_PER_SECOND = 1_000
MINUTES_PER_HOUR = 60


def local(at_ms: int, time_zone: str) -> datetime:
    """An instant as local time; a zone that nobody knows keeps India's time, so that it stops nobody's notices."""
    return datetime.fromtimestamp(at_ms / MS_PER_SECOND, UTC).astimezone(zone_of(time_zone))


def minute_of_day(at_ms: int, time_zone: str) -> int:
    """Minutes since local midnight, 0 to 1439."""
    at = local(at_ms, time_zone)
    return at.hour * MINUTES_PER_HOUR + at.minute


def day_of(at_ms: int, time_zone: str) -> date:
    """The local day of an instant."""
    return local(at_ms, time_zone).date()


def month_before(day: date) -> str:
    """The month that ended before this day's month began, as YYYY-MM."""
    return f"{day.replace(day=1) - timedelta(days=1):%Y-%m}"
