from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import Quality, Reading, is_plausible
from sheetal.readings.port import INTEGER_MAX, YEAR_2100_MS
from sheetal.readings.sift import (
    BAD_NUMBER,
    BAD_SENSOR_NAME,
    IMPLAUSIBLE,
    TIME_OUT_OF_RANGE,
    refusal_of,
    sift,
)

GOOD = Reading("gw-01.tvc", 1_763_870_400_000, 450, 0, 7 << 32, 17)
FAULT = GOOD._replace(centi_celsius=None, quality=2, sequence=18)


def odd_readings() -> st.SearchStrategy[Reading]:
    near = st.sampled_from([-1, 0, 1, 2**63 - 1, 2**63])
    return st.builds(
        Reading,
        sensor=st.text(max_size=3),
        measured_at_ms=st.one_of(st.just(1_763_870_400_000), st.integers()),
        centi_celsius=st.one_of(st.none(), st.integers(-10_001, 15_001)),
        quality=st.integers(-1, 3),
        boot=near,
        sequence=near,
    )


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
        ({"boot": True}, BAD_NUMBER),
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
    batch = [GOOD, GOOD._replace(sensor=""), FAULT, GOOD._replace(measured_at_ms=0)]
    assert sift(batch) == ([GOOD, FAULT], [0, 2], [(1, BAD_SENSOR_NAME), (3, TIME_OUT_OF_RANGE)])


def test_a_good_batch_comes_back_as_it_is() -> None:
    for batch in ([], [GOOD], [GOOD, FAULT] * 50):
        good, indexes, refused = sift(batch)
        assert good is batch
        assert list(indexes) == list(range(len(batch)))
        assert refused == []


@pytest.mark.parametrize("column", Reading._fields)
@pytest.mark.parametrize("value", [None, -1, 0, 1, 5, 15_000, 15_001, 2**63 - 1, 2**63, True, 1.0, float("nan")])
def test_the_look_at_columns_finds_what_the_look_at_rows_finds(column: str, value: object) -> None:
    if column == "measured_at_ms" and value is None:
        value = YEAR_2100_MS
    if column == "sensor":
        value = str(value or "") + "\\" * (value == 5)
    for base in (GOOD, FAULT):
        odd = base._replace(**{column: value})
        reason = refusal_of(odd)
        expected = ([GOOD, odd, FAULT], [0, 1, 2], []) if reason is None else ([GOOD, FAULT], [0, 2], [(1, reason)])
        good, indexes, refused = sift([GOOD, odd, FAULT])
        assert (list(good), list(indexes), refused) == expected


def test_a_quality_may_be_a_member_of_its_enumeration() -> None:
    named = FAULT._replace(quality=Quality.DISCONNECTED)
    assert sift([GOOD, named]).refused == []


def test_a_fault_with_a_value_and_a_value_with_a_fault_are_both_found() -> None:
    batch = [GOOD._replace(quality=2), FAULT._replace(quality=0)]
    assert sift(batch) == ([], [], [(0, IMPLAUSIBLE), (1, IMPLAUSIBLE)])


@given(st.lists(odd_readings(), max_size=6))
def test_any_batch_is_sifted_as_its_rows_are(batch: list[Reading]) -> None:
    good, indexes, refused = sift(batch)
    reasons = [refusal_of(reading) for reading in batch]
    assert refused == [(index, reason) for index, reason in enumerate(reasons) if reason]
    assert list(indexes) == [index for index, reason in enumerate(reasons) if reason is None]
    assert list(good) == [batch[index] for index in indexes]
