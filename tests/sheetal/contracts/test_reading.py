from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Quality, Reading, celsius, is_plausible


def reading(centi_celsius: int | None, quality: int = Quality.OK) -> Reading:
    return Reading("gw-01.a", 1, centi_celsius, quality, 1, 1)


@given(st.integers(CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX))
def test_a_value_in_the_probes_range_is_plausible(value: int) -> None:
    assert is_plausible(reading(value))


@pytest.mark.parametrize("value", [CENTI_CELSIUS_MIN - 1, CENTI_CELSIUS_MAX + 1, None])
def test_a_good_sample_has_a_possible_value(value: int | None) -> None:
    assert not is_plausible(reading(value))


@pytest.mark.parametrize("quality", [quality for quality in Quality if quality is not Quality.OK])
def test_a_fault_never_carries_a_value(quality: Quality) -> None:
    assert is_plausible(reading(None, quality))
    assert not is_plausible(reading(450, quality))


def test_the_numbers_of_the_faults_are_for_ever() -> None:
    assert {quality.name: quality.value for quality in Quality} == {
        "OK": 0,
        "NO_VALUE": 1,
        "OPEN_CIRCUIT": 2,
        "POWER_ON_VALUE": 3,
        "DISCONNECTED": 4,
        "OUT_OF_DEVICE_RANGE": 5,
    }


@pytest.mark.parametrize(("centi", "degrees"), [(0, 0.0), (-50, -0.5), (452, 4.52), (801, 8.01)])
def test_degrees_are_for_people(centi: int, degrees: float) -> None:
    assert celsius(centi) == degrees
