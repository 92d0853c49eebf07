from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.registration import rules

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("text", ["9000000101", "6000000000", "7999999999"])
def test_a_mobile_has_ten_digits_and_begins_with_six_to_nine(text: str) -> None:
    assert rules.is_mobile(text)


@pytest.mark.parametrize(
    "text",
    ["", "5000000101", "900000010", "90000001012", "+919000000101", "9000000101\n", " 9000000101", "९०००००००१०१"],
)
def test_anything_else_is_no_mobile(text: str) -> None:
    assert not rules.is_mobile(text)


@given(st.integers(0, 9999))
def test_every_four_digits_are_a_code(number: int) -> None:
    assert rules.is_code(f"{number:04}")


@pytest.mark.parametrize("text", ["", "123", "12345", "12a4", "1234\n", "१२३४"])
def test_anything_else_is_no_code(text: str) -> None:
    assert not rules.is_code(text)


@pytest.mark.parametrize("name", ["Asha Sample", "आशा", "O'Neil-D'Souza Jr.", "क्\u200dषमा", "న\u200cము", "x" * 120])
def test_names_of_every_script_are_names(name: str) -> None:
    assert rules.is_name(name)


@pytest.mark.parametrize("name", ["", "   ", "\u200d", "A\nB", "A\x00B", "Asha\u202eSample", "x" * 121])
def test_blank_long_and_unprintable_names_are_refused(name: str) -> None:
    assert not rules.is_name(name)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  Asha   Sample ", "Asha Sample"), ("Asha\u00a0Sample", "Asha Sample"), ("Rene\u0301", "Ren\u00e9")],
)
def test_a_name_is_kept_composed_and_with_single_blanks(typed: str, kept: str) -> None:
    assert rules.normal_name(typed) == kept


@given(st.text(max_size=40))
def test_a_normal_name_stays_as_it_is(text: str) -> None:
    once = rules.normal_name(text)
    assert rules.normal_name(once) == once


@given(st.dates(date(1906, 1, 1), TODAY))
def test_every_day_of_the_last_120_years_is_a_birth_date(day: date) -> None:
    assert rules.is_birth_date(day.isoformat(), TODAY)


@pytest.mark.parametrize(
    "text",
    ["2026-11-24", "1905-12-31", "1988-02-30", "19880412", "1988-W15-2", "12-04-1988", "1988-4-12", "", "1988-04-12 "],
)
def test_other_days_and_other_spellings_are_refused(text: str) -> None:
    assert not rules.is_birth_date(text, TODAY)


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        ("2008-11-23", TODAY, 18),
        ("2008-11-24", TODAY, 17),
        ("2026-11-23", TODAY, 0),
        ("2008-02-29", date(2026, 2, 28), 17),
        ("2008-02-29", date(2026, 3, 1), 18),
    ],
)
def test_a_year_of_age_is_full_on_the_birthday(born: str, today: date, years: int) -> None:
    assert rules.age_years(born, today) == years


@given(st.dates(date(1906, 1, 1), TODAY), st.integers(0, 400))
def test_age_never_falls_as_days_go_by(born: date, days: int) -> None:
    later = TODAY + timedelta(days=days)
    assert rules.age_years(born.isoformat(), TODAY) <= rules.age_years(born.isoformat(), later)
