from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN
from sheetal.thermal.cuts import (
    Calibrated,
    Check,
    Fault,
    Hung,
    Piece,
    cut,
    days_heard,
    days_of_checks,
    is_heard,
    vouchers_of,
)
from sheetal.thermal.life import StageSpan
from tests.sheetal.thermal.given import MINUTE, TOP, TVC, at

if TYPE_CHECKING:
    from collections.abc import Sequence

FROZEN = [StageSpan("frozen", 0, None, None)]
FRIDGE = "A-1"


def hung(sensor: str, first: float, last: float | None = None, position: str = "coldest") -> Hung:
    return Hung(sensor, position, MINUTE, at(first), None if last is None else at(last))


def told(pieces: Sequence[Piece]) -> list[tuple[float, float | None, str, list[str]]]:
    return [
        (
            (piece.from_ms - at(0)) / MINUTE,
            None if piece.until_ms is None else (piece.until_ms - at(0)) / MINUTE,
            piece.stage,
            [one.sensor for one in piece.hung],
        )
        for piece in pieces
    ]


def test_a_stay_is_cut_where_sensors_come_and_go() -> None:
    there = [hung(TVC, -60, 80), hung(TOP, 50)]
    assert told(cut((at(0), None), there, FROZEN)) == [
        (0, 50, "frozen", [TVC]),
        (50, 80, "frozen", [TOP, TVC]),
        (80, None, "frozen", [TOP]),
    ]


def test_a_stay_is_cut_where_a_stage_begins() -> None:
    stages = [*FROZEN, StageSpan("refrigerated", at(30), None, None)]
    assert told(cut((at(0), at(90)), [hung(TVC, 0)], stages)) == [
        (0, 30, "frozen", [TVC]),
        (30, 90, "refrigerated", [TVC]),
    ]


def test_what_happens_at_or_outside_a_stays_edges_cuts_nothing() -> None:
    there = [hung(TVC, 0), hung(TOP, 90), hung("gw-01.gone", -90, 0)]
    stages = [*FROZEN, StageSpan("refrigerated", at(120), None, None)]
    assert told(cut((at(0), at(90)), there, stages)) == [(0, 90, "frozen", [TVC])]


def test_a_stay_without_sensors_is_one_empty_piece() -> None:
    assert told(cut((at(0), None), [], FROZEN)) == [(0, None, "frozen", [])]


def test_a_stay_of_no_time_has_no_piece() -> None:
    assert cut((at(5), at(5)), [hung(TVC, 0)], FROZEN) == []


@given(
    st.lists(st.tuples(st.sampled_from([TVC, TOP]), st.integers(-50, 150), st.integers(1, 100)), max_size=6),
    st.integers(0, 60),
    st.integers(1, 60),
)
def test_the_pieces_tell_the_whole_stay_and_nothing_twice(
    spans: list[tuple[str, int, int]], first: int, long: int
) -> None:
    there = [hung(sensor, begin, begin + length) for sensor, begin, length in spans]
    pieces = cut((at(first), at(first + long)), there, FROZEN)
    assert pieces[0].from_ms == at(first)
    assert pieces[-1].until_ms == at(first + long)
    assert all(one.until_ms == other.from_ms for one, other in pairwise(pieces))
    for piece in pieces:
        middle = (piece.from_ms + (piece.until_ms or 0)) // 2
        holding = {one.sensor for one in there if one.from_ms <= middle < (one.until_ms or 0)}
        assert {one.sensor for one in piece.hung} == holding


@pytest.mark.parametrize(("minute", "heard"), [(9, True), (10, False), (19.9, False), (20, True)])
def test_what_a_sensor_said_while_it_was_faulty_is_not_heard(minute: float, heard: bool) -> None:  # noqa: FBT001 - a table's column
    faults = [Fault(TVC, at(10), at(20))]
    assert is_heard(TVC, at(minute), faults) is heard
    assert is_heard(TOP, at(minute), faults)


def test_a_fault_without_an_end_goes_on() -> None:
    assert not is_heard(TVC, at(10_000), [Fault(TVC, at(10), None)])


def day(sensor: str, first: float, last: float) -> DaySummary:
    return DaySummary(0, sensor, at(first), at(last), 300, 500, -50, 60, 800, 600, 0, 0, 0)


def test_a_day_that_touches_a_fault_of_its_sensor_is_not_heard() -> None:
    days = [day(TVC, 0, 100), day(TVC, 100, 200), day(TOP, 0, 100)]
    assert days_heard(days, [Fault(TVC, at(50), at(60))]) == days[1:]
    assert days_heard(days, [Fault(TVC, at(200), None)]) == days
    assert days_heard(days, []) == days


def calibrated(certificate: str, minute: float, sensor: str = TVC) -> Calibrated:
    return Calibrated(sensor, certificate, 30, at(minute), at(minute + 1_000))


def test_the_newest_calibration_by_the_end_of_its_time_vouches_for_a_sensor() -> None:
    done = [calibrated("CAL-1", -500), calibrated("CAL-2", 40), calibrated("CAL-3", 90), calibrated("X", 50, TOP)]
    (voucher,) = vouchers_of((at(0), at(80)), [hung(TVC, -60)], done, [])
    assert (voucher.sensor, voucher.position, voucher.calibration_certificate) == (TVC, "coldest", "CAL-2")
    assert (voucher.calibrated_at_ms, voucher.calibration_due_at_ms) == (at(40), at(1_040))
    assert voucher.calibration_uncertainty_centi_celsius == 30
    (earlier,) = vouchers_of((at(0), at(80)), [hung(TVC, -60, 40)], done, [])
    assert earlier.calibration_certificate == "CAL-1"
    (lasting,) = vouchers_of((at(0), None), [hung(TVC, -60)], done, [])
    assert lasting.calibration_certificate == "CAL-3"


def test_a_sensor_without_calibration_is_vouched_for_by_nothing() -> None:
    (voucher,) = vouchers_of((at(0), None), [Hung(TVC, "vial", None, at(0), None, 50)], [], [])
    assert (voucher.calibration_certificate, voucher.accuracy_centi_celsius) == (None, 50)


def test_vouchers_stand_by_name_each_once_with_its_faults_in_order() -> None:
    faults = [Fault(TVC, at(30), None), Fault(TVC, at(10), at(20)), Fault(TVC, at(-90), at(-80)), Fault(TOP, 0, 1)]
    there = [hung(TVC, -60, 5, "top"), hung(TVC, 8, None, "coldest"), hung(TOP, 0), hung("gw-01.gone", -90, -60)]
    top, tvc = vouchers_of((at(0), None), there, [], faults)
    assert (top.sensor, top.faults) == (TOP, [])
    assert (tvc.sensor, tvc.position) == (TVC, "coldest")
    assert tvc.faults == [(at(10), at(20)), (at(30), None)]


def check(minute: float, value: int, low: int | None = None, high: int | None = None) -> Check:
    return Check(FRIDGE, at(minute), value, low, high)


def test_checks_become_the_times_between_them() -> None:
    first, second = days_of_checks([check(0, 400), check(60, 500, 300, 600), check(90, 450)], at(0))
    assert (first.starts_at_ms, first.ends_at_ms, first.minutes_unknown) == (at(0), at(60), 0)
    assert (first.centi_celsius_min, first.centi_celsius_max) == (300, 600)
    assert (second.starts_at_ms, second.ends_at_ms, second.minutes_unknown) == (at(60), at(90), 30)
    assert (second.centi_celsius_min, second.centi_celsius_max) == (450, 500)
    assert (first.sensor, first.sequence, second.sequence) == ("A-1/checks", 0, 1)
    assert (first.low_limit_centi_celsius, first.high_limit_centi_celsius) == (CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX)


def test_one_check_at_the_very_beginning_tells_of_no_time() -> None:
    assert days_of_checks([check(0, 400)], at(0)) == ()
    assert days_of_checks([], at(0)) == ()
