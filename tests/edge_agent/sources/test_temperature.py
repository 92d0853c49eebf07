from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.temperature import RANGES_CENTI_CELSIUS, named, of_celsius
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Quality, Reading, is_plausible

SENTINELS = {-12_700, 8_500}


@pytest.mark.parametrize(
    ("centi_celsius", "quality"),
    [
        (None, Quality.NO_VALUE),
        (-12_700, Quality.OPEN_CIRCUIT),
        (8_500, Quality.POWER_ON_VALUE),
        (15_001, Quality.OUT_OF_DEVICE_RANGE),
        (-10_001, Quality.OUT_OF_DEVICE_RANGE),
    ],
)
def test_each_fault_has_its_name_and_no_temperature(centi_celsius: int | None, quality: Quality) -> None:
    assert named(centi_celsius) == (None, quality)


def test_its_neighbours_are_temperatures() -> None:
    assert [named(value) for value in (8_499, 8_501, 0, -1)] == [(value, Quality.OK) for value in (8_499, 8_501, 0, -1)]


def test_a_field_has_its_own_range() -> None:
    assert named(6_001, "TVC") == (None, Quality.OUT_OF_DEVICE_RANGE)
    assert named(6_001, "TCON") == (6_001, Quality.OK)
    assert named(8_500, "TCON") == (None, Quality.POWER_ON_VALUE)


@pytest.mark.parametrize("celsius", [float("nan"), float("inf"), float("-inf"), 1e300, -1e9, 10**400, -(10**400)])
def test_numbers_that_are_no_temperatures_do_no_harm(celsius: float) -> None:
    centi_celsius, quality = of_celsius(celsius)
    assert centi_celsius is None
    assert quality in {Quality.NO_VALUE, Quality.OUT_OF_DEVICE_RANGE}


@pytest.mark.parametrize(
    ("celsius", "centi_celsius"), [(4.5, 450), (-0.0625, -6), (0.125, 12), (0.135, 14), (85, None)]
)
def test_degrees_are_rounded_half_to_even(celsius: float, centi_celsius: int | None) -> None:
    assert of_celsius(celsius)[0] == centi_celsius


@given(st.one_of(st.none(), st.integers(-(10**6), 10**6)), st.sampled_from(["", *RANGES_CENTI_CELSIUS]))
def test_whatever_comes_the_reading_is_plausible(centi_celsius: int | None, field: str) -> None:
    value, quality = named(centi_celsius, field)
    assert is_plausible(Reading("gw.a", 0, value, quality, 0, 0))
    assert value in {None, centi_celsius}


@given(st.integers(CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX).filter(lambda value: value not in SENTINELS))
def test_a_hundredth_of_a_degree_survives_being_written_as_degrees(centi_celsius: int) -> None:
    assert of_celsius(centi_celsius / 100) == (centi_celsius, Quality.OK)
