from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.thermal.mkt import SCALE_BITS, celsius_of, mean_kinetic, rate

trace = st.lists(st.tuples(st.integers(-2500, 4500), st.integers(1, 5000)), min_size=1, max_size=20)


def of(rows: list[tuple[int, int]]) -> float:
    return celsius_of(sum(rate(value) * weight for value, weight in rows), sum(weight for _, weight in rows))


def test_the_published_example() -> None:
    """[2, 2, 5, 8, 8, 8, 8] → 6.25, equal weights (zelti/mkt)."""
    assert round(of([(value * 100, 1) for value in (2, 2, 5, 8, 8, 8, 8)]), 2) == 6.25


@given(st.integers(-10_000, 15_000))
def test_the_table_errs_by_less_than_a_thousand_millionth(centi_celsius: int) -> None:
    exact = math.exp(-10_000 / (centi_celsius / 100 + 273.15))
    assert math.isclose(rate(centi_celsius) / 2**SCALE_BITS, exact, rel_tol=1e-9)


@given(st.integers(-10_000, 15_000), st.integers(1, 10**9))
def test_a_constant_temperature_is_its_own_mean(centi_celsius: int, weight: int) -> None:
    assert of([(centi_celsius, weight)]) == pytest.approx(centi_celsius / 100, abs=1e-6)


@given(trace)
def test_the_mean_lies_between_the_extremes_and_not_below_the_arithmetic_mean(rows: list[tuple[int, int]]) -> None:
    found = of(rows)
    low, high = min(value for value, _ in rows) / 100, max(value for value, _ in rows) / 100
    arithmetic = sum(value * weight for value, weight in rows) / sum(weight for _, weight in rows) / 100
    assert low - 1e-6 <= found <= high + 1e-6
    assert found >= arithmetic - 1e-6


@given(trace, st.data())
def test_the_mean_does_not_fall_when_a_reading_rises(rows: list[tuple[int, int]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    value, weight = rows[place]
    warmer = [*rows[:place], (value + data.draw(st.integers(1, 500)), weight), *rows[place + 1 :]]
    assert of(warmer) >= of(rows) - 1e-9


def test_too_little_data_is_said_and_no_number_given() -> None:
    found = mean_kinetic(rate(500) * 188, 188, 100)
    assert (found.celsius, found.coverage_percent, found.note) == (None, 94.0, "insufficient data")


def test_enough_data_gives_a_number_and_its_coverage() -> None:
    found = mean_kinetic(rate(500) * 190, 190, 100)
    assert found.celsius == pytest.approx(5.0)
    assert found.coverage_percent == 95.0


@pytest.mark.parametrize("window", [0, -5])
def test_an_empty_window_has_no_mean(window: int) -> None:
    assert mean_kinetic(0, 0, window).celsius is None


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute zero"):
        rate(-27_315)
    with pytest.raises(ValueError, match="weight"):
        celsius_of(0, 0)
