from __future__ import annotations

from datetime import date

import pytest

from alerts.notify.local_time import day_of, local, minute_of_day, month_before

MIDNIGHT_IN_INDIA_MS = 1_795_372_200_000  # 2026-11-22 18:30 UTC


def test_a_day_begins_where_the_facility_stands() -> None:
    assert day_of(MIDNIGHT_IN_INDIA_MS, "Asia/Kolkata") == date(2026, 11, 23)
    assert day_of(MIDNIGHT_IN_INDIA_MS - 1, "Asia/Kolkata") == date(2026, 11, 22)
    assert day_of(MIDNIGHT_IN_INDIA_MS, "UTC") == date(2026, 11, 22)


def test_minutes_count_from_local_midnight() -> None:
    assert minute_of_day(MIDNIGHT_IN_INDIA_MS, "Asia/Kolkata") == 0
    assert minute_of_day(MIDNIGHT_IN_INDIA_MS - 1, "Asia/Kolkata") == 1439
    assert minute_of_day(MIDNIGHT_IN_INDIA_MS, "UTC") == 18 * 60 + 30
    assert local(MIDNIGHT_IN_INDIA_MS, "Asia/Kolkata").isoformat() == "2026-11-23T00:00:00+05:30"


@pytest.mark.parametrize(("day", "month"), [(date(2026, 11, 1), "2026-10"), (date(2026, 1, 31), "2025-12")])
def test_the_month_before(day: date, month: str) -> None:
    assert month_before(day) == month


def test_a_zone_that_nobody_knows_stops_no_notice() -> None:
    assert minute_of_day(0, "Asia/Nowhere") == minute_of_day(0, "Asia/Kolkata") == 330
