from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import Reading, is_plausible
from sheetal.readings.port import (
    BAD_NUMBER,
    BAD_SENSOR_NAME,
    IMPLAUSIBLE,
    INTEGER_MAX,
    TIME_OUT_OF_RANGE,
    YEAR_2100_MS,
    check_bucket_width,
    clamp_span,
    refusal_of,
    sift,
)

GOOD = Reading("gw-01.tvc", 1_763_870_400_000, 450, 0, 7 << 32, 17)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"measured_at_ms": 1}, None),
        ({"measured_at_ms": YEAR_2100_MS - 1}, None),
        ({"measured_at_ms": YEAR_2100_MS}, TIME_OUT_OF_RANGE),
        ({"measured_at_ms": 0}, TIME_OUT_OF_RANGE),
        ({"measured_at_ms": 1_763_870_400_000.5}, BAD_NUMBER),
        ({"centi_celsius": -10_000}, None),
        ({"centi_celsius": -10_001}, IMPLAUSIBLE),
        ({"centi_celsius": 15_000}, None),
        ({"centi_celsius": 15_001}, IMPLAUSIBLE),
        ({"centi_celsius": None}, IMPLAUSIBLE),
        ({"centi_celsius": float("nan")}, IMPLAUSIBLE),
        ({"centi_celsius": float("inf")}, IMPLAUSIBLE),
        ({"centi_celsius": 450.0}, BAD_NUMBER),
        ({"quality": 3}, IMPLAUSIBLE),
        ({"quality": 3, "centi_celsius": None}, None),
        ({"quality": -1, "centi_celsius": None}, BAD_NUMBER),
        ({"boot": INTEGER_MAX}, None),
        ({"boot": INTEGER_MAX + 1}, BAD_NUMBER),
        ({"boot": -1}, BAD_NUMBER),
        ({"boot": 1.5}, BAD_NUMBER),
        ({"sequence": INTEGER_MAX + 1}, BAD_NUMBER),
        ({"sequence": 0}, None),
        ({"sensor": ""}, BAD_SENSOR_NAME),
        ({"sensor": "a" * 200}, None),
        ({"sensor": "a" * 201}, BAD_SENSOR_NAME),
        ({"sensor": "a\\b"}, BAD_SENSOR_NAME),
        ({"sensor": "a\tb"}, BAD_SENSOR_NAME),
        ({"sensor": "शीतल 1"}, None),
    ],
)
def test_a_sample_is_refused_for_a_named_reason(changes: dict[str, object], reason: str | None) -> None:
    assert refusal_of(GOOD._replace(**changes)) == reason


@given(
    st.builds(
        Reading,
        sensor=st.text(max_size=8),
        measured_at_ms=st.integers(),
        centi_celsius=st.none() | st.integers(-20_000, 20_000),
        quality=st.integers(-1, 6),
        boot=st.integers(),
        sequence=st.integers(),
    )
)
def test_what_is_let_through_fits_every_engine(reading: Reading) -> None:
    if refusal_of(reading) is None:
        assert is_plausible(reading)
        assert 0 < reading.measured_at_ms < YEAR_2100_MS
        assert 0 <= reading.boot <= INTEGER_MAX
        assert reading.sensor.encode().decode() == reading.sensor
        assert "\n" not in reading.sensor


def test_sifting_keeps_indexes_in_order_and_loses_none() -> None:
    batch = [GOOD, GOOD._replace(sensor=""), GOOD, GOOD._replace(measured_at_ms=0)]
    assert sift(batch) == ([0, 2], [(1, BAD_SENSOR_NAME), (3, TIME_OUT_OF_RANGE)])
    assert sift([]) == ([], [])


@pytest.mark.parametrize(
    ("asked", "clamped"),
    [
        ((5, 9, None), (5, 9)),
        ((5, 9, 6), (7, 9)),
        ((5, 9, 2), (5, 9)),
        ((-5, 9, None), (1, 9)),
        ((0, 2**80, None), (1, YEAR_2100_MS)),
        ((2**70, 2**80, None), (YEAR_2100_MS, YEAR_2100_MS)),
        ((-9, -5, None), (1, 1)),
    ],
)
def test_a_span_is_cut_to_where_samples_can_be(asked: tuple[int, int, int | None], clamped: tuple[int, int]) -> None:
    assert clamp_span(*asked) == clamped


def test_a_bucket_needs_a_width() -> None:
    check_bucket_width(1)
    with pytest.raises(ValueError, match="not 0"):
        check_bucket_width(0)
