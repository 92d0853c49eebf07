"""What the day summaries of a 30-day logger prove about one limit, when there are no readings to judge.

The device samples every minute and counts two things a day: all minutes beyond its own limit, and whether one unbroken
run of `limit minutes` made its alarm fire. A fired alarm is the device's own confirmed run of at least those minutes;
minutes without an alarm are possible only. A device set to another limit than ours proves less: see `run_of_day`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.contracts.verdict import Run

if TYPE_CHECKING:
    from sheetal.contracts.batch import DaySummary
    from sheetal.thermal.runs import Beyond


class DeviceCount(NamedTuple):
    """One side of a day summary."""

    limit_centi_celsius: int
    limit_minutes: int
    minutes: int
    alarm_at_ms: int | None
    extreme_centi_celsius: int | None


def run_of_day(day: DaySummary, limit: Beyond, run_minutes: int | None) -> Run | None:
    """The day's evidence as a run beyond the limit; None when the day stayed within it.

    Confirmed: the alarm's minutes, if the device's limit is ours or further out; and the day itself, if even its
    mildest temperature lies beyond ours. Possible: the counted minutes, if its limit is ours or nearer in, and less
    than the alarm's minutes when it did not fire though it would have within `run_minutes`; else the whole day, of
    which only the extreme is known.
    """
    count = device_count(day, limit.side)
    extreme = count.extreme_centi_celsius
    if extreme is None:
        if not count.minutes and count.alarm_at_ms is None:
            return None
    elif not limit.violated_by(extreme):
        return None
    confirmed = count.limit_minutes if count.alarm_at_ms is not None and _proves(count, limit) else 0
    whole_day = _minutes_if_all_beyond(day, limit)
    if whole_day > confirmed:
        return _run_of_whole_day(day, limit, whole_day, extreme)
    possible = max(confirmed, _possible_minutes(day, count, limit, run_minutes))
    alarm_run_from_ms = None if count.alarm_at_ms is None else count.alarm_at_ms - count.limit_minutes * MINUTE_MS
    begins_ms = day.starts_at_ms if alarm_run_from_ms is None else alarm_run_from_ms
    earliest_ms = begins_ms if _is_first(count, limit, run_minutes) else min(begins_ms, day.starts_at_ms)
    return Run(
        sensor=day.sensor,
        side=limit.side,
        limit_centi_celsius=limit.limit_centi_celsius,
        first_ms=begins_ms,
        last_ms=day.ends_at_ms if count.alarm_at_ms is None else count.alarm_at_ms,
        earliest_possible_start_ms=earliest_ms,
        confirmed_half_ms=2 * confirmed * MINUTE_MS,
        possible_half_ms=2 * possible * MINUTE_MS,
        extreme_centi_celsius=count.limit_centi_celsius if extreme is None else extreme,
        samples=0,
        open=False,
    )


def minutes_surely_beyond(day: DaySummary, limit: Beyond) -> int:
    """All minutes of a day together that surely lay beyond the limit, in however many pieces.

    What the device counted, if its limit is ours or further out; all that it knows, if even its mildest temperature
    lies beyond ours.
    """
    count = device_count(day, limit.side)
    if count.extreme_centi_celsius is not None and not limit.violated_by(count.extreme_centi_celsius):
        return 0
    counted = count.minutes if _proves(count, limit) else 0
    return max(counted, _minutes(day) - day.minutes_unknown if _is_all_beyond(day, limit) else 0)


def _is_first(count: DeviceCount, limit: Beyond, run_minutes: int | None) -> bool:
    """Whether no run of ours can have begun before the one that made the device's alarm fire."""
    if count.alarm_at_ms is None:
        return True
    is_shorter = run_minutes is not None and run_minutes < count.limit_minutes < count.minutes
    return _bounds(count, limit) and not is_shorter


def _minutes_if_all_beyond(day: DaySummary, limit: Beyond) -> int:
    """The longest run that a day surely holds whose mildest temperature lies beyond the limit; else 0.

    Each unknown minute may cut the known time once more, so that the longest of the pieces has at least the known
    minutes shared out over one piece more than there are unknown minutes.
    """
    if not _is_all_beyond(day, limit):
        return 0
    known = _minutes(day) - day.minutes_unknown
    return max(0, -(-known // (day.minutes_unknown + 1)))


def _is_all_beyond(day: DaySummary, limit: Beyond) -> bool:
    mildest = day.centi_celsius_max if limit.side is Side.COLD else day.centi_celsius_min
    return mildest is not None and limit.violated_by(mildest)


def _run_of_whole_day(day: DaySummary, limit: Beyond, confirmed: int, extreme: int | None) -> Run:
    return Run(
        sensor=day.sensor,
        side=limit.side,
        limit_centi_celsius=limit.limit_centi_celsius,
        first_ms=day.starts_at_ms,
        last_ms=day.ends_at_ms,
        earliest_possible_start_ms=day.starts_at_ms,
        confirmed_half_ms=2 * confirmed * MINUTE_MS,
        possible_half_ms=2 * max(confirmed, _minutes(day)) * MINUTE_MS,
        extreme_centi_celsius=limit.limit_centi_celsius if extreme is None else extreme,
        samples=0,
        open=False,
    )


def _minutes(day: DaySummary) -> int:
    return (day.ends_at_ms - day.starts_at_ms) // MINUTE_MS


def device_count(day: DaySummary, side: Side) -> DeviceCount:
    """What the device counted on one side."""
    if side is Side.COLD:
        return DeviceCount(
            day.low_limit_centi_celsius,
            day.low_limit_minutes,
            day.minutes_below,
            day.low_alarm_at_ms,
            day.centi_celsius_min,
        )
    return DeviceCount(
        day.high_limit_centi_celsius,
        day.high_limit_minutes,
        day.minutes_above,
        day.high_alarm_at_ms,
        day.centi_celsius_max,
    )


def _proves(count: DeviceCount, limit: Beyond) -> bool:
    """Whether all that lies beyond the device's limit lies beyond ours."""
    if limit.side is Side.COLD:
        return count.limit_centi_celsius <= limit.limit_centi_celsius
    return count.limit_centi_celsius >= limit.limit_centi_celsius


def _bounds(count: DeviceCount, limit: Beyond) -> bool:
    """Whether all that lies beyond our limit lies beyond the device's, so that its minutes are an upper bound."""
    if limit.side is Side.COLD:
        return count.limit_centi_celsius >= limit.limit_centi_celsius
    return count.limit_centi_celsius <= limit.limit_centi_celsius


def _possible_minutes(day: DaySummary, count: DeviceCount, limit: Beyond, run_minutes: int | None) -> int:
    if not _bounds(count, limit):
        return _minutes(day)
    if run_minutes is not None and count.alarm_at_ms is None and count.limit_minutes <= run_minutes:
        return min(count.minutes, max(count.limit_minutes - 1, 0))
    return count.minutes
