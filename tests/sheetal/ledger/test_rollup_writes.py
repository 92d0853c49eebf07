from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import rollup_writes
from sheetal.ledger.rollups import HourRollup, hours_of

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

SENSOR = "gw-01.ilr1-tvc"


def hour(number: int, *, n: int = 60, low: int = 300, high: int = 500, mean: float = 400.5) -> HourRollup:
    return HourRollup(SENSOR, number * HOUR_MS, n, low, high, mean, 1, 2)


def put(telemetry: Ledger, hours: list[HourRollup]) -> int:
    with telemetry.write() as conn:
        return rollup_writes.put_rollups(conn, hours)


def kept(telemetry: Ledger) -> list[HourRollup]:
    with telemetry.read() as conn:
        return hours_of(conn, SENSOR, 0, 10_000 * HOUR_MS)


def test_putting_an_hour_again_changes_nothing(telemetry: Ledger) -> None:
    assert put(telemetry, [hour(1), hour(2)]) == 2
    put(telemetry, [hour(2), hour(1)])
    assert kept(telemetry) == [hour(1), hour(2)]


def test_a_fuller_hour_takes_the_place_of_a_thinner_one(telemetry: Ledger) -> None:
    put(telemetry, [hour(1, n=5, low=380, high=420, mean=400.0)])
    put(telemetry, [hour(1)])
    assert kept(telemetry) == [hour(1)]


def test_a_straggler_widens_the_extremes_and_moves_no_mean(telemetry: Ledger) -> None:
    put(telemetry, [hour(1)])
    put(telemetry, [hour(1, n=1, low=-200, high=-200, mean=-200.0)])
    (found,) = kept(telemetry)
    assert (found.n, found.centi_celsius_min, found.centi_celsius_max, found.centi_celsius_mean) == (
        60,
        -200,
        500,
        400.5,
    )


def test_many_hours_go_in_several_statements(telemetry: Ledger) -> None:
    hours = [hour(number) for number in range(2_500)]
    assert put(telemetry, hours) == 2_500
    assert kept(telemetry) == hours


def test_old_hours_are_forgotten_a_bounded_number_at_a_time(telemetry: Ledger) -> None:
    put(telemetry, [hour(number) for number in range(10)])
    with telemetry.write() as conn:
        assert rollup_writes.forget_rollups(conn, 6 * HOUR_MS, 4) == 4
        assert rollup_writes.forget_rollups(conn, 6 * HOUR_MS, 4) == 2
        assert rollup_writes.forget_rollups(conn, 6 * HOUR_MS, 4) == 0
    assert [one.hour_ms for one in kept(telemetry)] == [number * HOUR_MS for number in range(6, 10)]
