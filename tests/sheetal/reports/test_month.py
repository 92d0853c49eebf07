from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.reading import Quality, Reading
from sheetal.ledger import assets
from sheetal.readings.connect import open_readings
from sheetal.reports.month import read_month, span_of
from tests.sheetal.ledger.seeds import APPLIANCE, FACILITY, NOW_MS, SECOND_APPLIANCE, SENSOR
from tests.sheetal.reports.given import REPORT
from tests.sheetal.reports.given import SENSOR as SENSOR_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.ledger.connect import Ledger
    from sheetal.readings.port import ReadingsStore
    from sheetal.reports.month import MonthReport

NOVEMBER_MS = 1_793_471_400_000
DECEMBER_MS = NOVEMBER_MS + 30 * DAY_MS
MIDDLE_MS = NOVEMBER_MS + 10 * DAY_MS


@pytest.fixture
def readings() -> Iterator[ReadingsStore]:
    store = open_readings("memory:")
    yield store
    store.close()


def feed(store: ReadingsStore, *values: int, from_ms: int = MIDDLE_MS) -> None:
    store.write(
        [
            Reading(SENSOR, from_ms + number * MINUTE_MS, value, Quality.OK, 1, number + 1)
            for number, value in enumerate(values)
        ]
    )


def assign(house: Ledger, appliance: str = APPLIANCE, from_ms: int = NOVEMBER_MS - DAY_MS) -> None:
    with house.write() as conn:
        assets.assign_sensor(conn, SENSOR, appliance, "coldest", from_ms, NOW_MS)


def month(house: Ledger, store: ReadingsStore, now_ms: int = DECEMBER_MS) -> MonthReport:
    with house.read() as conn:
        return read_month(conn, store, FACILITY, "2026-11", now_ms)


def test_a_month_is_the_facilitys_own() -> None:
    assert span_of("2026-11", "Asia/Kolkata") == (NOVEMBER_MS, DECEMBER_MS)
    assert span_of("2026-12", "Asia/Kolkata") == (DECEMBER_MS, DECEMBER_MS + 31 * DAY_MS)
    assert span_of("2026-11", "UTC")[0] == NOVEMBER_MS + 330 * MINUTE_MS


@pytest.mark.parametrize("period", ["", "2026", "2026-13", "2026-1", "1999-01", "2026-11-01", "२०२६-११"])
def test_what_is_no_month_is_refused(period: str) -> None:
    with pytest.raises(Refused):
        span_of(period, "UTC")


def test_minutes_in_and_out_of_the_appliances_own_range_are_counted(house: Ledger, readings: ReadingsStore) -> None:
    assign(house)
    feed(readings, *[450] * 60, *[150] * 11, *[450] * 10, *[900] * 21, *[450] * 9)
    (found,) = month(house, readings).sensors
    assert (found.minutes_cold, found.minutes_hot, found.readings) == (10, 20, 111)
    assert (found.centi_celsius_min, found.centi_celsius_max) == (150, 900)
    assert (found.minutes_known, found.minutes_unknown) == (110, 30 * 24 * 60 - 110)
    assert found.in_range_permille == 80 * 1000 // 110


def test_what_the_sensor_saw_elsewhere_or_in_another_month_is_not_counted(
    house: Ledger, readings: ReadingsStore
) -> None:
    assign(house)
    assign(house, SECOND_APPLIANCE, MIDDLE_MS)
    feed(readings, *[450] * 30, from_ms=NOVEMBER_MS - 30 * MINUTE_MS)
    feed(readings, *[900] * 31)
    first, second = month(house, readings).sensors
    assert (first.appliance_id, first.readings) == (APPLIANCE, 0)
    assert (second.appliance_id, second.minutes_hot) == (SECOND_APPLIANCE, 30)
    assert second.minutes_known + second.minutes_unknown == 20 * 24 * 60


def test_a_month_that_goes_on_ends_now_and_says_so(house: Ledger, readings: ReadingsStore) -> None:
    assign(house)
    found = month(house, readings, MIDDLE_MS)
    assert (found.until_ms, found.is_over) == (MIDDLE_MS, False)
    assert month(house, readings).is_over
    assert found.sensors[0].minutes_unknown == 10 * 24 * 60


def test_a_month_to_come_and_a_facility_that_is_not_there_are_refused(house: Ledger, readings: ReadingsStore) -> None:
    with pytest.raises(Refused):
        month(house, readings, NOVEMBER_MS)
    with house.read() as conn, pytest.raises(NotFound):
        read_month(conn, readings, "F-999", "2026-11", DECEMBER_MS)


def test_nothing_known_is_no_share_at_all(house: Ledger, readings: ReadingsStore) -> None:
    assign(house)
    found = month(house, readings)
    assert found.in_range_permille is None
    assert found.sensors[0].in_range_permille is None
    assert (found.alarms, found.holds) == ({}, 0)


def test_a_share_is_rounded_down_over_all_that_is_known() -> None:
    assert SENSOR_MONTH.in_range_permille == (43_000 - 75 - 301) * 1000 // 43_000 == 991
    assert REPORT.in_range_permille == (43_000 - 2 * (75 + 301)) * 1000 // 43_000


def test_a_run_over_midnight_is_one_run_and_a_gap_there_is_unknown(house: Ledger, readings: ReadingsStore) -> None:
    assign(house)
    feed(readings, *[900] * 121, from_ms=MIDDLE_MS - 60 * MINUTE_MS)
    (found,) = month(house, readings).sensors
    assert (found.minutes_hot, found.minutes_known) == (120, 120)
    feed(readings, *[450] * 10, from_ms=MIDDLE_MS + 5 * DAY_MS + 61 * MINUTE_MS)
    (found,) = month(house, readings).sensors
    assert (found.minutes_hot, found.minutes_known) == (120, 129)


def test_at_most_a_day_is_read_at_a_time(
    house: Ledger, readings: ReadingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign(house)
    spans: list[int] = []
    read = readings.read

    def noted(sensor: str, start_ms: int, end_ms: int) -> list[Reading]:
        spans.append(end_ms - start_ms)
        return read(sensor, start_ms, end_ms)

    monkeypatch.setattr(readings, "read", noted)
    month(house, readings)
    assert (max(spans), sum(spans)) == (DAY_MS, 30 * DAY_MS)
