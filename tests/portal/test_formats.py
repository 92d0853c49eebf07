from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import formats

NBSP = "\u00a0"
MINUS = "\u2212"
AT = 1_795_425_631_000  # 2026-11-23 14:50:31 in India


@pytest.mark.parametrize(
    ("centi_celsius", "shown"),
    [
        (-90, f"{MINUS}0.9{NBSP}°C"),
        (914, f"9.1{NBSP}°C"),
        (-4, f"0.0{NBSP}°C"),
        (-5, f"{MINUS}0.1{NBSP}°C"),
        (805, f"8.1{NBSP}°C"),
        (0, f"0.0{NBSP}°C"),
        (-1500, f"{MINUS}15.0{NBSP}°C"),
        (None, "\u2014"),
    ],
)
def test_a_temperature_has_true_minus_unit_and_one_decimal(centi_celsius: int | None, shown: str) -> None:
    assert formats.temperature(centi_celsius) == shown


def test_a_signed_temperature_has_a_plus_but_zero_has_none() -> None:
    assert formats.temperature(800, signed=True) == f"+8.0{NBSP}°C"
    assert formats.degrees(0, signed=True) == "0.0"


@given(st.integers(-10_000, 15_000))
def test_a_shown_temperature_is_within_half_a_tenth(centi_celsius: int) -> None:
    shown = float(formats.degrees(centi_celsius).replace(MINUS, "-"))
    assert abs(shown * 100 - centi_celsius) <= 5.000001


@given(st.integers(-10_000, 15_000))
def test_cold_and_hot_round_alike(centi_celsius: int) -> None:
    assert formats.degrees(-centi_celsius).lstrip(MINUS) == formats.degrees(centi_celsius).lstrip(MINUS)


@pytest.mark.parametrize(
    ("inclusive", "cold", "sign"),
    [(True, True, "≤"), (False, True, "<"), (True, False, "≥"), (False, False, ">")],
)
def test_a_limit_says_whether_its_end_counts(inclusive: bool, cold: bool, sign: str) -> None:  # noqa: FBT001 -- parameters of a table
    assert formats.limit(-50, inclusive=inclusive, cold=cold) == f"{sign}{NBSP}{MINUS}0.5{NBSP}°C"


@pytest.mark.parametrize(
    ("seconds", "english", "hindi"),
    [
        (0, "0 s", "0 सेकंड"),
        (42, "42 s", "42 सेकंड"),
        (19 * 60, "19 min", "19 मिनट"),
        (60 * 60, "1 h", "1 घंटा"),
        (104 * 60, "1 h 44 min", "1 घंटा 44 मिनट"),
        (2 * 3600 + 59, "2 h", "2 घंटे"),
        (24 * 3600, "1 d", "1 दिन"),
        (76 * 3600, "3 d 4 h", "3 दिन 4 घंटे"),
    ],
)
def test_a_duration_shows_its_two_largest_units(seconds: int, english: str, hindi: str) -> None:
    assert formats.duration(seconds * 1000).replace(NBSP, " ") == english
    assert formats.duration(seconds * 1000, "hi").replace(NBSP, " ") == hindi


def test_a_negative_duration_is_nothing() -> None:
    assert formats.duration(-5_000) == f"0{NBSP}s"


@pytest.mark.parametrize(("count", "shown"), [(41, "41 min"), (60, "60 min"), (104, "1 h 44 min"), (600, "10 h")])
def test_a_rule_of_an_hour_stays_in_minutes(count: int, shown: str) -> None:
    assert formats.minutes(count).replace(NBSP, " ") == shown


def test_an_age_says_ago_in_both_languages() -> None:
    assert formats.age(AT - 42_000, AT).replace(NBSP, " ") == "42 s ago"
    assert formats.age(AT - 42_000, AT, "hi").replace(NBSP, " ") == "42 सेकंड पहले"
    assert formats.age(None, AT) == formats.NONE


def test_times_are_indian_with_latin_digits() -> None:
    assert formats.clock(AT) == "14:50"
    assert formats.clock_seconds(AT) == "14:50:31"
    assert formats.date(AT).replace(NBSP, " ") == "23 Nov 2026"
    assert formats.date(AT, "hi").replace(NBSP, " ") == "23 नव॰ 2026"
    assert formats.moment(AT).replace(NBSP, " ") == "23 Nov 14:50"
    assert formats.machine_time(AT) == "2026-11-23T09:20:31Z"


@pytest.mark.parametrize(
    ("at_ms", "now_ms", "shown"),
    [
        (AT, AT, "23 Nov 14:50"),
        (1_591_723_800_000, AT, "9 Jun 2020 23:00"),
        (1_798_741_799_000, 1_798_741_800_000, "31 Dec 2026 23:59"),
        (1_798_741_800_000, 1_798_741_799_000, "1 Jan 2027 00:00"),
        (1_591_723_800_000, None, "9 Jun 23:00"),
    ],
)
def test_a_moment_of_another_indian_year_says_which(at_ms: int, now_ms: int | None, shown: str) -> None:
    assert formats.moment(at_ms, "en", now_ms).replace(NBSP, " ") == shown
    assert formats.day(at_ms, "en", now_ms).replace(NBSP, " ") == shown[:-6]


def test_a_moment_of_another_year_says_so_in_hindi() -> None:
    assert formats.moment(1_591_723_800_000, "hi", AT).replace(NBSP, " ") == "9 जून 2020 23:00"


def test_the_indian_day_begins_at_half_past_six_in_the_evening_utc() -> None:
    midnight_ms = 1_795_372_200_000
    assert formats.day(midnight_ms - 1).replace(NBSP, " ") == "22 Nov"
    assert formats.day(midnight_ms).replace(NBSP, " ") == "23 Nov"


@pytest.mark.parametrize("function", [formats.clock, formats.date, formats.day, formats.moment, formats.number])
def test_nothing_is_shown_as_a_dash(function: object) -> None:
    assert callable(function)
    assert function(None) == formats.NONE


def test_numbers_are_grouped() -> None:
    assert formats.number(52_690) == "52,690"
    assert formats.number(-3) == f"{MINUS}3"
    assert formats.percent(1811, 2014) == f"89.9{NBSP}%"
    assert formats.percent(0, 0) == formats.NONE
