from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import DAY_MS
from sheetal.thermal.vvm import PPM, SOURCE, TYPES, life_ppm

DAY = 2 * DAY_MS
kinds = st.sampled_from(sorted(TYPES))
times = st.lists(st.tuples(st.integers(-2500, 4500), st.integers(0, 400 * DAY)), max_size=8)


@pytest.mark.parametrize(
    ("kind", "celsius", "nominal_days", "sooner_percent"),
    [
        ("2", 37, 2, 13),
        ("2", 5, 225, 21),
        ("7", 37, 7, 13),
        ("7", 25, 45, 21),
        ("14", 37, 14, 13),
        ("14", 25, 90, 21),
        ("30", 37, 30, 13),
        ("30", 25, 193, 21),
    ],
)
def test_the_constants_run_ahead_of_the_nominal_days_by_what_was_measured(
    kind: str, celsius: int, nominal_days: int, sooner_percent: int
) -> None:
    """A life ends sooner than after the nominal days of WHO E006/IN05: careful, never later."""
    lost = life_ppm([(100 * celsius, nominal_days * DAY)], kind)
    assert 100 * (1 - PPM / lost) == pytest.approx(sooner_percent, abs=1)


@pytest.mark.parametrize("kind", ["11", "250", "", "VVM2"])
def test_a_type_without_published_constants_is_refused_by_name(kind: str) -> None:
    with pytest.raises(ValueError, match=f"type {kind!r}.*2, 7, 14, 30"):
        life_ppm([(500, DAY)], kind)


@given(kinds)
def test_no_time_loses_no_life(kind: str) -> None:
    assert life_ppm([], kind) == 0 == life_ppm([(4500, 0)], kind)


@given(kinds, times, st.integers(0, 8))
def test_life_lost_adds_up_over_stays_but_for_the_rounding(kind: str, stood: list[tuple[int, int]], cut: int) -> None:
    assert abs(life_ppm(stood[:cut], kind) + life_ppm(stood[cut:], kind) - life_ppm(stood, kind)) <= 1
    assert life_ppm(stood, kind) == life_ppm(stood[::-1], kind)


@given(kinds, times, st.integers(0, 7), st.integers(1, 1000))
def test_a_warmer_trace_never_loses_less(kind: str, stood: list[tuple[int, int]], place: int, warmer: int) -> None:
    raised = [(value + warmer * (index == place), half_ms) for index, (value, half_ms) in enumerate(stood)]
    assert life_ppm(raised, kind) >= life_ppm(stood, kind)


@given(times)
def test_a_more_sensitive_type_never_loses_less(stood: list[tuple[int, int]]) -> None:
    lost = [life_ppm(stood, kind) for kind in ("2", "7", "14", "30")]
    assert lost == sorted(lost, reverse=True)


def test_cold_slows_a_monitor_and_never_stops_it() -> None:
    year = 365 * DAY
    frozen, just_below, at_two = (life_ppm([(value, year)], "2") for value in (-2000, 190, 200))
    assert 0 < frozen < just_below < at_two


def test_the_numbers_say_where_they_are_from() -> None:
    assert "Goldwood" in SOURCE.citation
    assert SOURCE.default_of is None
