from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger.rollups import HourRollup, hours_of, joined
from tests.sheetal.ledger.test_rollup_writes import SENSOR, hour, put

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def test_the_hours_of_a_span_come_in_order(telemetry: Ledger) -> None:
    put(telemetry, [hour(3), hour(1), hour(2)])
    put(telemetry, [hour(1)._replace(sensor_id="other")])
    with telemetry.read() as conn:
        assert hours_of(conn, SENSOR, HOUR_MS, 3 * HOUR_MS) == [hour(1), hour(2)]
        assert hours_of(conn, "nobody", 0, 10 * HOUR_MS) == []


def test_hours_are_joined_to_wider_buckets() -> None:
    day = [hour(number, n=number + 1, low=-number, high=number, mean=float(number)) for number in range(4)]
    assert joined(day, 2 * HOUR_MS) == [
        HourRollup(SENSOR, 0, 3, -1, 1, 2 / 3, 1, 2),
        HourRollup(SENSOR, 2 * HOUR_MS, 7, -3, 3, (2 * 3 + 3 * 4) / 7, 1, 2),
    ]
    assert joined([], HOUR_MS) == []


def test_buckets_may_begin_anywhere() -> None:
    found = joined([hour(1), hour(2), hour(3)], 2 * HOUR_MS, origin_ms=HOUR_MS)
    assert [one.hour_ms for one in found] == [HOUR_MS, 3 * HOUR_MS]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60), st.integers(-5_000, 5_000)), max_size=40))
def test_joining_keeps_number_and_extremes(drawn: list[tuple[int, int, int]]) -> None:
    hours = [hour(at, n=n, low=value, high=value + 7, mean=float(value)) for at, n, value in sorted(drawn)]
    found = joined(hours, 24 * HOUR_MS)
    assert sum(one.n for one in found) == sum(one.n for one in hours)
    joined_lows, lows = ([one.centi_celsius_min for one in each] for each in (found, hours))
    assert min(joined_lows, default=0) == min(lows, default=0)
    assert {one.centi_celsius_max for one in found} <= {one.centi_celsius_max for one in hours}
