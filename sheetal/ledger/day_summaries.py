"""What two reports of one sensor's day say together (pure): the worst of both, since neither takes the other back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sheetal.contracts.batch import DaySummary


def worst_of(kept: DaySummary, told: DaySummary) -> DaySummary:
    """The outer extremes, the most minutes, the earliest alarms and the later end; `kept` where that is all the same.

    Each side's limit is that of the report with an alarm on it, so that an alarm stands with the limit it was raised
    by; between equals it is the outer limit, whose alarm says more and whose silence says less.
    """
    both = (kept, told)
    last = max(both, key=lambda one: one.ends_at_ms)
    low, high = max(both, key=_low_rank), max(both, key=_high_rank)
    return replace(
        last,
        centi_celsius_min=_least(one.centi_celsius_min for one in both),
        centi_celsius_max=_most(one.centi_celsius_max for one in both),
        low_limit_centi_celsius=low.low_limit_centi_celsius,
        low_limit_minutes=low.low_limit_minutes,
        high_limit_centi_celsius=high.high_limit_centi_celsius,
        high_limit_minutes=high.high_limit_minutes,
        minutes_below=max(one.minutes_below for one in both),
        minutes_above=max(one.minutes_above for one in both),
        minutes_unknown=max(one.minutes_unknown for one in both),
        low_alarm_at_ms=_least(one.low_alarm_at_ms for one in both),
        high_alarm_at_ms=_least(one.high_alarm_at_ms for one in both),
    )


def _low_rank(day: DaySummary) -> tuple[bool, int, int]:
    return day.low_alarm_at_ms is not None, -day.low_limit_centi_celsius, day.low_limit_minutes


def _high_rank(day: DaySummary) -> tuple[bool, int, int]:
    return day.high_alarm_at_ms is not None, day.high_limit_centi_celsius, day.high_limit_minutes


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
