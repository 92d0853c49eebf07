from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.verdict import MktUse
from sheetal.thermal.arrhenius import SCALE
from sheetal.thermal.mkt import COOLED, INSUFFICIENT, JOULES_PER_MOLE, TRAPEZOID, centi_celsius_of, mean_kinetic, rate

values = st.integers(-10_000, 15_000)
times = st.lists(st.tuples(st.integers(-2500, 4500), st.integers(1, 5000)), min_size=1, max_size=20)
energies = st.sampled_from([JOULES_PER_MOLE, 83_000, 120_000])


def test_the_published_example() -> None:
    """[2, 2, 5, 8, 8, 8, 8] → 6.25, equal weights (zelti/mkt)."""
    assert centi_celsius_of([(value * 100, 1) for value in (2, 2, 5, 8, 8, 8, 8)]) == 625


@given(values)
def test_the_table_errs_by_less_than_a_thousand_millionth(centi_celsius: int) -> None:
    exact = math.exp(-10_000 / (centi_celsius / 100 + 273.15))
    assert math.isclose(rate(centi_celsius) / SCALE, exact, rel_tol=1e-9)


def test_an_energy_of_its_own_has_a_table_of_its_own() -> None:
    exact = math.exp(-83_000 / 8.3144 / 278.15)
    assert math.isclose(rate(500, 83_000) / SCALE, exact, rel_tol=1e-9)
    assert rate(500, 83_000) > rate(500) > rate(500, 120_000)


@given(values, st.integers(1, 10**15), energies)
def test_a_constant_temperature_is_its_own_mean(centi_celsius: int, half_ms: int, joules: int) -> None:
    assert centi_celsius_of([(centi_celsius, half_ms)], joules) == centi_celsius


@given(times, energies)
def test_the_mean_lies_between_the_extremes_and_not_below_the_arithmetic_mean(
    at: list[tuple[int, int]], joules: int
) -> None:
    found = centi_celsius_of(at, joules)
    assert found is not None
    assert min(at)[0] <= found <= max(at)[0]
    assert found >= sum(value * half_ms for value, half_ms in at) / sum(half_ms for _, half_ms in at) - 0.51


@given(times, st.integers(0, 19), st.integers(1, 500))
def test_the_mean_does_not_fall_when_a_reading_rises(at: list[tuple[int, int]], place: int, warmer: int) -> None:
    raised = [(value + warmer * (index == place % len(at)), half_ms) for index, (value, half_ms) in enumerate(at)]
    before, after = centi_celsius_of(at), centi_celsius_of(raised)
    assert before is not None
    assert after is not None
    assert after >= before


@given(times, st.randoms(use_true_random=False), st.integers(1, 1000))
def test_order_splits_and_the_unit_of_time_change_nothing(at: list[tuple[int, int]], random: object, unit: int) -> None:
    halves = [(value, part) for value, half_ms in at for part in (half_ms // 3, half_ms - half_ms // 3)]
    random.shuffle(halves)  # type: ignore[attr-defined]  # a random.Random
    assert centi_celsius_of([(value, unit * half_ms) for value, half_ms in halves]) == centi_celsius_of(at)


def test_a_temperature_without_known_time_has_no_say() -> None:
    assert centi_celsius_of([(-9000, 0), (500, 10), (9000, 0)]) == 500
    assert centi_celsius_of([(500, 0)]) is None
    assert centi_celsius_of([]) is None


def test_too_little_data_is_said_and_no_number_given() -> None:
    assert mean_kinetic(((500, 189),), 100) == MktUse(
        centi_celsius=None, joules_per_mole=83_144, coverage_permille=945, note=INSUFFICIENT
    )


def test_enough_data_gives_a_number_its_coverage_and_its_energy() -> None:
    assert mean_kinetic(((500, 190),), 100, 83_000) == MktUse(
        centi_celsius=500, joules_per_mole=83_000, coverage_permille=950, note=TRAPEZOID
    )


@pytest.mark.parametrize(
    ("at", "note"),
    [(((200, 100),), TRAPEZOID), (((199, 1), (500, 99)), COOLED), (((-2000, 0), (500, 100)), TRAPEZOID)],
)
def test_the_note_says_whether_cold_lowered_the_mean(at: tuple[tuple[int, int], ...], note: str) -> None:
    assert mean_kinetic(at, 50).note == note


def test_coverage_is_never_rounded_up_to_enough() -> None:
    found = mean_kinetic(((500, 1_899_999),), 1_000_000)
    assert (found.centi_celsius, found.coverage_permille) == (None, 949)


@pytest.mark.parametrize("window", [0, -5])
def test_an_empty_window_has_no_mean(window: int) -> None:
    assert mean_kinetic(((500, 0),), window).note == INSUFFICIENT


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute zero"):
        rate(-27_315)
