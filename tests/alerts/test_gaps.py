from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.gaps import Allowance, open_gaps
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.thermal.exposure import summarise
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.runs import Limit

LIMITS = (Limit(Side.HOT, 800, inclusive=False),)


def trace(sensor: str, *instants: int, days: tuple[DaySummary, ...] = (), cap: int = 3) -> Trace:
    return Trace(sensor, summarise(sensor, [(ms, 500) for ms in sorted(set(instants))], cap, LIMITS), days)


def segment(from_ms: int, until_ms: int | None, *traces: Trace, stay: int = 1) -> Segment:
    return Segment(stay, "A-1", "telemetry", from_ms, until_ms, traces)


def found(segments: list[Segment], now_ms: int, bound: int = 10, **checks: tuple[int, ...]) -> list[tuple[int, int]]:
    allowances = {one.stay: Allowance(bound, checks.get(f"stay_{one.stay}", ())) for one in segments}
    return [tuple(gap) for gap in open_gaps(segments, allowances, now_ms)]


def test_silence_up_to_the_bound_is_allowed_and_beyond_it_is_a_gap() -> None:
    assert found([segment(0, None, trace("a", 0, 10, 20))], 30) == []
    assert found([segment(0, None, trace("a", 0, 11, 20))], 30) == [(0, 11)]


def test_before_the_first_and_after_the_last_reading_count() -> None:
    assert found([segment(0, None, trace("a", 20, 25))], 50) == [(0, 20), (25, 50)]


def test_a_stay_without_any_sensor_is_a_gap_after_its_bound() -> None:
    assert found([segment(0, None)], 10) == []
    assert found([segment(0, None)], 11) == [(0, 11)]
    assert found([segment(0, 40)], 100) == [(0, 40)]


def test_any_sensor_fills_the_others_gap() -> None:
    both = segment(0, None, trace("a", 0, 5, 40, 45), trace("b", 6, 15, 24, 33, 39))
    assert found([both], 50) == []
    assert found([segment(0, None, trace("a", 0, 5, 40, 45))], 50) == [(5, 40)]


def test_a_gap_goes_on_through_a_move_and_takes_the_most_patient_bound() -> None:
    life = [segment(0, 8, stay=1), segment(8, None, trace("b", 14, 20), stay=2)]
    assert found(life, 25) == [(0, 14)]
    patient = open_gaps(life, {1: Allowance(100), 2: Allowance(10)}, 25)
    assert patient == []


def test_no_later_stay_excuses_what_an_earlier_one_did_not_allow() -> None:
    life = [segment(0, 50, trace("a", 0), stay=1), segment(50, None, stay=2)]
    allowances = {1: Allowance(10), 2: Allowance(1000)}
    assert open_gaps(life, allowances, 60) == [(0, 60)]
    assert open_gaps(life[::-1], {1: Allowance(1000), 2: Allowance(10)}, 40) == []
    cut = [segment(0, 6, stay=1), segment(6, 12, stay=1), segment(12, None, stay=2)]
    assert open_gaps(cut, allowances, 14) == [(0, 14)]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 40)), min_size=1, max_size=4),
    st.integers(0, 40),
)
def test_a_stay_added_at_the_end_never_takes_a_gap_away(stays: list[tuple[int, int]], later_bound: int) -> None:
    edges = [0, *itertools.accumulate(length for length, _ in stays)]
    life = [segment(begin, end, stay=k) for k, (begin, end) in enumerate(itertools.pairwise(edges))]
    allowances = {k: Allowance(bound) for k, (_, bound) in enumerate(stays)} | {99: Allowance(later_bound)}
    before = any(length > bound for length, bound in stays)
    moved = [*life, segment(edges[-1], None, stay=99)]
    assert before <= bool(open_gaps(moved, allowances, edges[-1] + 1))


def test_what_a_person_has_decided_on_is_no_gap_but_what_goes_on_after_it_is() -> None:
    life = [segment(0, None, trace("a", 0, 100))]
    allowances = {1: Allowance(10)}
    assert open_gaps(life, allowances, 105, decided_through_ms=100) == []
    assert open_gaps(life, allowances, 105, decided_through_ms=90) == []
    assert open_gaps(life, allowances, 105, decided_through_ms=50) == [(50, 100)]


def test_stamps_ahead_of_their_receipt_cover_nothing() -> None:
    ahead = segment(0, None, trace("a", *range(0, 90, 3)))
    assert open_gaps([ahead], {1: Allowance(10)}, 60, believed_ms={"a": 60}) == []
    assert open_gaps([ahead], {1: Allowance(10)}, 60, believed_ms={"a": 30}) == [(30, 60)]
    holed = segment(0, None, trace("a", 0, 15, 60))
    assert open_gaps([holed], {1: Allowance(20)}, 60, believed_ms={"a": 30}) == [(15, 60)]
    helped = segment(0, None, trace("a", *range(0, 90, 3)), trace("b", *range(0, 60, 3)))
    assert open_gaps([helped], {1: Allowance(10)}, 60, believed_ms={"a": 30}) == []


def test_hopping_between_silent_refrigerators_does_not_hide_the_silence() -> None:
    assert found([segment(9 * k, 9 * k + 9, stay=k) for k in range(4)], 100) == [(0, 36)]


def test_a_day_summary_covers_its_day() -> None:
    day = DaySummary(1, "a", 0, 40, 300, 500, -50, 60, 800, 600, 0, 0, 0)
    assert found([segment(0, None, trace("a", days=(day,)))], 45) == []
    assert found([segment(0, None, trace("a", days=(day,)))], 60) == [(40, 60)]


def test_a_day_of_which_too_much_is_unknown_covers_nothing() -> None:
    """A thermometer without a memory knows nothing of the time between two checks."""
    end = 40 * MINUTE_MS

    def covered(unknown: int, *, bound: int) -> list[tuple[int, int]]:
        day = DaySummary(1, "a", 0, end, 300, 500, -50, 60, 800, 600, 0, 0, unknown)
        return found([segment(0, None, trace("a", days=(day,)))], end, bound)

    assert covered(20, bound=20 * MINUTE_MS) == []
    assert covered(21, bound=20 * MINUTE_MS) == [(0, end)]


@pytest.mark.parametrize("seen", ["check", "reading"])
def test_a_look_at_the_instant_of_a_move_ends_the_gap_before_it(seen: str) -> None:
    first = segment(0, 8, stay=1)
    traces, looks = ([trace("a", 8)], ()) if seen == "reading" else ([], (8,))
    second = segment(8, None, *traces, stay=2)
    allowances = {1: Allowance(10), 2: Allowance(10, looks)}
    assert open_gaps([first, second], allowances, 17) == []
    assert open_gaps([first, second], {1: Allowance(10), 2: Allowance(10)}, 17) == ([] if traces else [(0, 17)])
    assert open_gaps([first, second], allowances, 17, believed_ms={"a": 7}) == ([(0, 17)] if traces else [])


def test_a_persons_check_covers_its_instant() -> None:
    assert found([segment(0, None)], 30, stay_1=(9, 18, 27)) == []
    assert found([segment(0, None)], 30, stay_1=(9, 27)) == [(9, 27)]


def test_the_future_is_no_gap() -> None:
    assert found([segment(100, None)], 50) == []


@pytest.mark.parametrize("bound", [0, 5, 1000])
def test_bounds_are_strict(bound: int) -> None:
    assert found([segment(0, None)], bound, bound) == []
    assert found([segment(0, None)], bound + 1, bound) == [(0, bound + 1)]


@given(
    st.lists(st.sets(st.integers(0, 60), max_size=15), max_size=3),
    st.integers(1, 15),
    st.integers(0, 70),
)
def test_gaps_equal_those_of_all_instants_together(sensors: list[set[int]], bound: int, now_ms: int) -> None:
    """Whatever the sensors: a gap is a hole in the union of their instants, the ends included."""
    known = sorted({ms for instants in sensors for ms in instants if ms <= now_ms} | {0, now_ms})
    expected = [(a, b) for a, b in itertools.pairwise(known) if b - a > bound]
    traces = [trace(f"s{k}", *(ms for ms in found if ms <= now_ms), cap=1) for k, found in enumerate(sensors)]
    if all(exposure.exposure.first is None for exposure in traces):
        expected = [(0, now_ms)] if now_ms > bound else []
    life = [segment(0, None, *traces)]
    assert found(life, now_ms, bound) == expected
