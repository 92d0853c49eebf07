from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN
from sheetal.thermal.arrhenius import SCALE, RateTable
from sheetal.thermal.vvm import CONSTANTS

plausible = st.integers(CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX)
curves = st.sampled_from([(1, Fraction(10_000)), (1, Fraction(830_000_000, 83_144)), *CONSTANTS.values()])


@given(curves, plausible)
def test_an_entry_errs_by_less_than_a_thousand_millionth(curve: tuple[int, Fraction], centi_celsius: int) -> None:
    amplitude, kelvin = curve
    exact = math.log(amplitude) - float(kelvin) / (centi_celsius / 100 + 273.15)
    found = RateTable(amplitude, Fraction(kelvin))[centi_celsius]
    assert math.isclose(math.log(found) - 128 * math.log(2), exact, abs_tol=1e-9)


@given(curves, st.integers(CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX - 1))
def test_warmer_is_quicker(curve: tuple[int, Fraction], centi_celsius: int) -> None:
    table = RateTable(curve[0], Fraction(curve[1]))
    assert table[centi_celsius] < table[centi_celsius + 1]


def test_an_entry_is_the_nearest_integer() -> None:
    """exp(−10000/281.15) × 2**128 = 121552969581586339749220.6366…, reckoned once with eighty digits."""
    assert RateTable(1, Fraction(10_000))[800] == 121_552_969_581_586_339_749_221


def test_no_curve_at_all_is_the_scale_itself() -> None:
    assert RateTable(3, Fraction(0))[500] == 3 * SCALE


@pytest.mark.parametrize("centi_celsius", [-27_315, -30_000])
def test_there_is_nothing_below_absolute_zero(centi_celsius: int) -> None:
    table = RateTable(1, Fraction(10_000))
    with pytest.raises(ValueError, match=f"absolute zero: {centi_celsius}"):
        table.over([(centi_celsius, 1)])
    assert table == {}


@given(st.lists(st.tuples(st.integers(-500, 4000), st.integers(0, 10**12)), max_size=8), st.integers(0, 8))
def test_a_sum_over_parts_is_the_sum_of_the_parts(times: list[tuple[int, int]], cut: int) -> None:
    table = RateTable(1, Fraction(10_000))
    assert table.over(times[:cut]) + table.over(times[cut:]) == table.over(times) == table.over(times[::-1])
