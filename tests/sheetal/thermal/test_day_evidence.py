from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import DAY_MS, MINUTE_MS, Side
from sheetal.thermal.day_evidence import device_count, run_of_day
from sheetal.thermal.runs import Limit

START = 1_780_000_000_000
FREEZE = Limit(Side.COLD, -50, inclusive=True)
COOL = Limit(Side.COLD, 200, inclusive=False)
HOT = Limit(Side.HOT, 800, inclusive=False)
QUIET = DaySummary(
    sequence=1,
    sensor="gw-01.ft2",
    starts_at_ms=START,
    ends_at_ms=START + DAY_MS,
    centi_celsius_min=310,
    centi_celsius_max=620,
    low_limit_centi_celsius=-50,
    low_limit_minutes=60,
    high_limit_centi_celsius=800,
    high_limit_minutes=600,
    minutes_below=0,
    minutes_above=0,
    minutes_unknown=0,
)


class Case(NamedTuple):
    name: str
    changes: dict[str, int | None]
    limit: Limit
    run_minutes: int | None
    confirmed: int | None
    possible: int | None


CASES = [
    Case("a quiet day proves nothing", {}, FREEZE, 60, None, None),
    Case(
        "an alarm proves the device's own run",
        {"centi_celsius_min": -150, "minutes_below": 130, "low_alarm_at_ms": START + 200 * MINUTE_MS},
        FREEZE,
        60,
        60,
        130,
    ),
    Case(
        "minutes without an alarm stay below its run",
        {"centi_celsius_min": -150, "minutes_below": 130},
        FREEZE,
        60,
        0,
        59,
    ),
    Case(
        "minutes without an alarm all count together",
        {"centi_celsius_min": -150, "minutes_below": 130},
        FREEZE,
        None,
        0,
        130,
    ),
    Case(
        "a device with a longer alarm could have hidden our run",
        {"centi_celsius_min": -150, "minutes_below": 130, "low_limit_minutes": 600},
        FREEZE,
        60,
        0,
        130,
    ),
    Case(
        "a stricter device limit bounds ours, and its alarm proves nothing of ours",
        {
            "centi_celsius_min": -60,
            "minutes_below": 90,
            "low_limit_centi_celsius": 200,
            "low_alarm_at_ms": START + 200 * MINUTE_MS,
        },
        FREEZE,
        60,
        0,
        90,
    ),
    Case(
        "a stricter device limit with a minimum within ours proves that ours was kept",
        {"centi_celsius_min": 100, "minutes_below": 900, "low_limit_centi_celsius": 200},
        FREEZE,
        60,
        None,
        None,
    ),
    Case(
        "a laxer device limit leaves the whole day possible",
        {"centi_celsius_min": 150},
        COOL,
        None,
        0,
        1440,
    ),
    Case(
        "heat is told apart",
        {"centi_celsius_max": 1400, "minutes_above": 700, "high_alarm_at_ms": START + 900 * MINUTE_MS},
        HOT,
        600,
        600,
        700,
    ),
    Case("minutes without a value still count", {"centi_celsius_min": None, "minutes_below": 5}, FREEZE, 60, 0, 5),
    Case("no value and no minutes prove nothing", {"centi_celsius_min": None}, FREEZE, 60, None, None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_day_proves(case: Case) -> None:
    run = run_of_day(msgspec.structs.replace(QUIET, **case.changes), case.limit, case.run_minutes)
    if run is None:
        assert case.confirmed is None
    else:
        assert (run.confirmed_half_ms, run.possible_half_ms) == (
            2 * MINUTE_MS * (case.confirmed or 0),
            2 * MINUTE_MS * (case.possible or 0),
        )
        assert (case.confirmed, case.possible) != (None, None)


def test_an_alarm_dates_its_run_by_the_device_minutes() -> None:
    fired = START + 20 * MINUTE_MS
    day = msgspec.structs.replace(QUIET, centi_celsius_min=-150, minutes_below=20, low_alarm_at_ms=fired)
    run = run_of_day(day, FREEZE, 60)
    assert run is not None
    assert run.earliest_possible_start_ms == run.first_ms == fired - 60 * MINUTE_MS
    assert run.last_ms == fired
    assert run.possible_half_ms == 2 * 60 * MINUTE_MS


def test_each_side_has_its_own_count() -> None:
    assert device_count(QUIET, Side.COLD).extreme_centi_celsius == 310
    assert device_count(QUIET, Side.HOT).extreme_centi_celsius == 620


def test_a_day_that_was_wholly_beyond_the_limit_is_confirmed_as_long_as_it_was() -> None:
    frozen_stage = Limit(Side.HOT, -1800, inclusive=False)
    run = run_of_day(QUIET, frozen_stage, 60)
    assert run is not None
    assert run.confirmed_half_ms == 2 * DAY_MS
    assert run.possible_half_ms == 2 * DAY_MS
    assert run.extreme_centi_celsius == 620


@pytest.mark.parametrize(("unknown", "confirmed"), [(0, 1440), (1, 720), (10, 130), (719, 2), (1440, 0)])
def test_each_unknown_minute_may_have_cut_the_day_once_more(unknown: int, confirmed: int) -> None:
    day = msgspec.structs.replace(QUIET, minutes_unknown=unknown)
    run = run_of_day(day, Limit(Side.HOT, -1800, inclusive=False), 60)
    assert run is not None
    assert run.confirmed_half_ms == 2 * confirmed * MINUTE_MS


def test_a_day_whose_mildest_temperature_is_unknown_is_not_confirmed_whole() -> None:
    day = msgspec.structs.replace(QUIET, centi_celsius_min=None)
    run = run_of_day(day, Limit(Side.HOT, -1800, inclusive=False), 60)
    assert run is not None
    assert run.confirmed_half_ms == 0


def test_a_day_wholly_below_the_freeze_limit_is_confirmed_cold() -> None:
    day = msgspec.structs.replace(QUIET, centi_celsius_min=-900, centi_celsius_max=-60, minutes_below=1440)
    run = run_of_day(day, FREEZE, 60)
    assert run is not None
    assert run.confirmed_half_ms == 2 * DAY_MS
