from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.accept import FUTURE_MS_MAX, accept
from ingest.plain import INTEGER_MAX, MEASURED_AT_MS_MIN, PlainBatch, decode_plain, plain_readings, speaks_for
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Reading
from tests.ingest.given import BOOT, GATEWAY, NOW_MS, SENSOR, batch, day, minutes, row, span, unplaced

if TYPE_CHECKING:
    from collections.abc import Sequence

LATEST_MS = NOW_MS + FUTURE_MS_MAX


def raw(told: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(told))


def plainly(rows: Sequence[Row]) -> list[Reading] | None:
    found = decode_plain(raw(batch(list(rows))))
    return None if found is None else plain_readings(found, LATEST_MS)


def test_ordinary_rows_become_readings_of_their_boot() -> None:
    rows = minutes(1, 60)
    assert plainly(rows) == [
        Reading(one.sensor, one.measured_at_ms, one.centi_celsius, 0, BOOT, n + 1) for n, one in enumerate(rows)
    ]


def test_they_are_readings_by_type_too() -> None:
    found = plainly(minutes(1, 2))
    assert found is not None
    assert [type(one) for one in found] == [Reading, Reading]


def test_no_rows_are_no_readings() -> None:
    assert plainly([]) == []


def test_everything_beside_rows_is_decoded_as_ever() -> None:
    told = msgspec.structs.replace(
        batch([row(1)], days=[day(2)]), unplaced=[unplaced(3)], thinned=[span(4)], monotonic_ms=5, clock_source="ntp"
    )
    found = decode_plain(raw(told))
    assert isinstance(found, PlainBatch)
    assert msgspec.json.encode(found) == msgspec.json.encode(told)


@pytest.mark.parametrize(
    "odd",
    [
        row(1, centi=None, quality=2),
        row(1, centi=450, quality=1),
        row(1, centi=None),
        row(1, centi=CENTI_CELSIUS_MAX + 1),
        row(1, centi=CENTI_CELSIUS_MIN - 1),
        row(1, MEASURED_AT_MS_MIN - 1),
        row(-1),
        row(INTEGER_MAX + 1),
    ],
)
def test_a_batch_with_an_odd_row_is_not_plain(odd: Row) -> None:
    assert decode_plain(raw(batch([row(7), odd]))) is None


@pytest.mark.parametrize("odd", [row(1, LATEST_MS + 1), row(1, sensor="gw-02.ilr1-tvc"), row(1, sensor="no id")])
def test_rows_that_are_not_the_gateways_or_not_yet_are_left_to_be_judged_one_by_one(odd: Row) -> None:
    assert plainly([row(7), odd]) is None


@pytest.mark.parametrize("edge", [row(0), row(INTEGER_MAX), row(1, MEASURED_AT_MS_MIN), row(1, LATEST_MS)])
def test_what_is_just_right_is_plain(edge: Row) -> None:
    assert plainly([edge]) is not None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"gateway":1}', b"\xff", b'{"rows":' + b"[" * 5_000])
def test_what_is_no_batch_is_none(body: bytes) -> None:
    assert decode_plain(msgspec.Raw(body)) is None


def test_a_sensor_of_any_length_is_judged_and_only_short_ones_are_remembered() -> None:
    assert speaks_for(GATEWAY, SENSOR)
    assert not speaks_for(GATEWAY, f"{GATEWAY}." + "x" * 250_000)


numbers = st.one_of(st.integers(-2, 3), st.just(INTEGER_MAX), st.just(INTEGER_MAX + 1))
instants = st.sampled_from([NOW_MS, LATEST_MS, LATEST_MS + 1, MEASURED_AT_MS_MIN, MEASURED_AT_MS_MIN - 1, 0, -5])
sensors = st.sampled_from([SENSOR, f"{GATEWAY}.b", "gw-02.x", "", "gw-01", "gw-01.é"])
values = st.one_of(st.none(), st.sampled_from([0, 450, CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX, CENTI_CELSIUS_MAX + 1]))
rows = st.builds(Row, st.integers(0, 50), instants, sensors, values, st.integers(-1, 7))


@given(st.lists(rows, max_size=12))
def test_both_ways_give_the_same(offered: list[Row]) -> None:
    body = raw(batch(offered))
    one_by_one = accept(msgspec.json.decode(body, type=Batch), NOW_MS)
    found = decode_plain(body)
    if found is not None:
        assert accept(found, NOW_MS) == one_by_one
    else:
        assert any(one.quality != 0 or one.centi_celsius is None or not _is_in_bounds(one) for one in offered)


def _is_in_bounds(one: Row) -> bool:
    value = one.centi_celsius
    return (
        value is not None
        and CENTI_CELSIUS_MIN <= value <= CENTI_CELSIUS_MAX
        and MEASURED_AT_MS_MIN <= one.measured_at_ms <= INTEGER_MAX
    )
