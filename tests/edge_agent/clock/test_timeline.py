from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock.timeline import (
    ACK_NOISE_MS,
    DRIFT_DIVISOR,
    FAR_MS,
    NO_MOVE,
    NTP_STEP_MS_MIN,
    ROUND_TRIP_MS_MAX,
    SLEW_DIVISOR,
    SOFTWARE_MS,
    Answer,
    ClockSource,
    Line,
    Move,
    Timeline,
    Wall,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS


def unsynchronised(at_ms: int) -> Wall:
    return Wall(at_ms, is_synchronised=False)


def synchronised(at_ms: int) -> Wall:
    return Wall(at_ms, is_synchronised=True)


def anchored(monotonic_ms: int = 1_000) -> Timeline:
    timeline = Timeline(0)
    assert timeline.hear(Answer(NOW_MS, monotonic_ms, monotonic_ms)).is_rebased
    return timeline


def test_without_any_clock_time_begins_at_the_newest_instant_known_to_be_past() -> None:
    timeline = Timeline(500, NOW_MS)
    assert (timeline.now_ms(500), timeline.now_ms(1_750)) == (NOW_MS, NOW_MS + 1_250)
    assert timeline.anchored_now_ms(500) is None
    assert (timeline.source, timeline.source.word, timeline.offset_ms) == (ClockSource.NONE, "none", None)
    assert Timeline(0).now_ms(0) == SOFTWARE_MS


@pytest.mark.parametrize("wall_ms", [0, 1_000_000_000_000, SOFTWARE_MS - 1, NOW_MS - 1, FAR_MS])
def test_a_wall_clock_that_cannot_be_right_is_none(wall_ms: int) -> None:
    timeline = Timeline(0, NOW_MS)
    assert timeline.look(unsynchronised(wall_ms), 100) == NO_MOVE
    assert timeline.source is ClockSource.NONE


def test_a_plausible_wall_clock_is_provisional_and_followed_both_ways() -> None:
    timeline = Timeline(0, NOW_MS)
    assert timeline.look(unsynchronised(NOW_MS + 5_000), 1_000) == Move(4_000, is_rebased=True)
    assert (timeline.source, timeline.anchored_now_ms(1_000)) == (ClockSource.RTC, None)
    assert timeline.look(unsynchronised(NOW_MS + 6_999), 2_000) == NO_MOVE, "less than a second is noise"
    assert timeline.look(unsynchronised(NOW_MS + HOUR_MS), 2_000).delta_ms == HOUR_MS - 6_000
    assert timeline.look(unsynchronised(NOW_MS + 3_000), 3_000).delta_ms == 2_000 - HOUR_MS
    assert timeline.look(unsynchronised(0), 4_000) == NO_MOVE, "a step to where no clock can be is not followed"
    assert timeline.now_ms(4_000) == NOW_MS + 4_000


@pytest.mark.parametrize("wrong_ms", [-NOW_MS, -YEAR_MS, 2 * HOUR_MS, 72 * HOUR_MS])
def test_an_answer_puts_a_provisional_time_right_at_once_and_both_ways(wrong_ms: int) -> None:
    timeline = Timeline(0)
    timeline.look(unsynchronised(NOW_MS + wrong_ms), 0)
    before_ms = timeline.now_ms(2_000)
    move = timeline.hear(Answer(NOW_MS, 1_900, 2_100))
    assert move == Move(NOW_MS - before_ms, is_rebased=True)
    assert (timeline.anchored_now_ms(2_000), timeline.source, timeline.offset_ms) == (NOW_MS, ClockSource.ACK, 0)


def test_an_unsynchronised_wall_clock_means_nothing_once_anchored() -> None:
    timeline = anchored()
    for wrong_ms in (-NOW_MS, -2 * HOUR_MS, 2 * HOUR_MS):
        assert timeline.look(unsynchronised(NOW_MS + wrong_ms), 2_000) == NO_MOVE
    assert timeline.now_ms(2_000) == NOW_MS + 1_000


def test_a_synchronised_system_is_the_best_anchor_and_answers_only_measure_it() -> None:
    timeline = anchored()
    assert timeline.look(synchronised(NOW_MS + 1_050), 2_000) == NO_MOVE, "it was right already"
    assert timeline.source is ClockSource.NTP
    assert timeline.look(synchronised(NOW_MS + 9_000), 3_000) == Move(7_000, is_rebased=False)
    assert timeline.hear(Answer(NOW_MS, 3_000, 3_000)) == NO_MOVE
    assert (timeline.source, timeline.offset_ms) == (ClockSource.NTP, 9_000)


def test_a_system_that_says_it_is_synchronised_in_1970_is_not_believed() -> None:
    timeline = Timeline(0)
    assert timeline.look(synchronised(1_000), 0) == NO_MOVE
    assert timeline.source is ClockSource.NONE


def test_what_was_synchronised_is_carried_on_and_may_be_corrected_by_answers() -> None:
    timeline = Timeline(0)
    timeline.look(synchronised(NOW_MS), 0)
    assert timeline.look(unsynchronised(0), 1_000) == NO_MOVE
    assert (timeline.source, timeline.anchored_now_ms(1_000)) == (ClockSource.ACK, NOW_MS + 1_000)
    assert timeline.hear(Answer(NOW_MS + 3_000, 2_000, 2_000)) == Move(1_000, is_rebased=False)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(NOW_MS, 0, ROUND_TRIP_MS_MAX + 1),
        Answer(NOW_MS, 2_000, 1_999),
        Answer(SOFTWARE_MS - 1, 0, 0),
        Answer(FAR_MS, 0, 0),
    ],
)
def test_an_answer_that_took_too_long_or_is_absurd_says_nothing(answer: Answer) -> None:
    timeline = Timeline(0)
    assert timeline.hear(answer) == NO_MOVE
    assert (timeline.source, timeline.offset_ms) == (ClockSource.NONE, None)


def test_within_half_the_round_trip_an_answer_cannot_tell_the_timeline_wrong() -> None:
    timeline = anchored()
    line = timeline.line
    assert timeline.hear(Answer(NOW_MS + 1_000 + 500, 1_500, 2_500)) == NO_MOVE
    assert (timeline.line, timeline.offset_ms) == (line, -500)
    wrong_ms = 500 + ACK_NOISE_MS + 1
    assert timeline.hear(Answer(NOW_MS + 1_000 + wrong_ms, 1_500, 2_500)) == Move(wrong_ms, is_rebased=False)


@pytest.mark.parametrize("way", [-1, 1])
def test_an_ack_that_a_dark_link_held_back_moves_nothing(way: int) -> None:
    """All of the delay on one way, and a clock that is a little off besides: the middle is wrong by half of it."""
    timeline = anchored(0)
    assert timeline.hear(Answer(NOW_MS + 60_000, 59_990, 60_010)) == NO_MOVE
    asked_ms, heard_ms = 120_000, 126_600
    read_ms = heard_ms if way > 0 else asked_ms
    assert timeline.hear(Answer(NOW_MS + read_ms + way * 15, asked_ms, heard_ms)) == NO_MOVE
    assert timeline.hear(Answer(NOW_MS + 130_000, 129_995, 130_005)) == NO_MOVE


def test_drift_and_a_long_round_trip_together_do_not_make_a_jump() -> None:
    timeline = anchored(0)
    drifted_ms = 600_000 // DRIFT_DIVISOR
    held_back = Answer(NOW_MS + 606_600 + drifted_ms, 600_000, 606_600)
    assert timeline.hear(held_back) == NO_MOVE
    assert timeline.hear(Answer(NOW_MS + 700_000 + drifted_ms, 700_000, 700_010)).delta_ms == drifted_ms - 5


def test_what_was_synchronised_is_known_better_than_a_long_round_trip() -> None:
    timeline = Timeline(0)
    timeline.look(synchronised(NOW_MS), 0)
    timeline.look(unsynchronised(0), 1_000)
    assert timeline.hear(Answer(NOW_MS + 7_600 + NTP_STEP_MS_MIN, 1_000, 7_600)) == NO_MOVE
    assert timeline.hear(Answer(NOW_MS + 3_000 + 8_000, 7_990, 8_000)).delta_ms == 3_005


def test_a_battery_clock_that_the_answer_allows_is_not_moved_by_it() -> None:
    timeline = Timeline(0)
    timeline.look(unsynchronised(NOW_MS), 0)
    assert timeline.hear(Answer(NOW_MS + 6_600, 0, 6_600)) == Move(0, is_rebased=True)
    assert timeline.anchored_now_ms(6_600) == NOW_MS + 6_600


@given(st.integers(-1_000, 1_000), st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 1)), max_size=30))
def test_honest_answers_move_no_right_timeline_however_they_are_delayed(
    jitter_ms: int, trips: list[tuple[int, float]]
) -> None:
    """An exact anchor and exact clocks: whatever the link does to the answers that follow, nothing moves."""
    timeline, monotonic_ms = anchored(0), 0
    noise_ms = jitter_ms * (ACK_NOISE_MS - 1) // 1_000
    for round_trip_ms, share in trips:
        asked_ms, monotonic_ms = monotonic_ms, monotonic_ms + round_trip_ms
        read_ms = asked_ms + round(share * round_trip_ms)
        assert timeline.hear(Answer(NOW_MS + read_ms + noise_ms, asked_ms, monotonic_ms)) == NO_MOVE


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 1)), min_size=1, max_size=30))
def test_honest_answers_never_make_a_timeline_worse(trips: list[tuple[int, float]]) -> None:
    """From no clock at all: the best of the answers so far bounds how far off the time is."""
    timeline, monotonic_ms, best_ms = Timeline(0), 0, ROUND_TRIP_MS_MAX
    for round_trip_ms, share in trips:
        asked_ms, monotonic_ms = monotonic_ms, monotonic_ms + round_trip_ms
        timeline.hear(Answer(NOW_MS + asked_ms + round(share * round_trip_ms), asked_ms, monotonic_ms))
        best_ms = min(best_ms, round_trip_ms)
        assert abs(timeline.line.base_ms - NOW_MS) <= best_ms + 2 * ACK_NOISE_MS + monotonic_ms // DRIFT_DIVISOR + 2


def test_an_outbox_that_could_not_be_written_leaves_no_trust_in_the_line_that_was_given_up() -> None:
    timeline = anchored(0)
    before = timeline.line
    assert timeline.hear(Answer(NOW_MS + 5_000, 2_000, 2_000)).delta_ms == 3_000
    timeline.line = before
    assert timeline.hear(Answer(NOW_MS + 6_000, 3_000, 3_000)).delta_ms == 3_000


def test_a_timeline_that_is_ahead_goes_slower_and_never_back() -> None:
    timeline = anchored(0)
    assert timeline.hear(Answer(NOW_MS + 70_000, 100_000, 100_000)) == Move(0, is_rebased=False)
    assert timeline.offset_ms == 30_000
    assert timeline.now_ms(100_000) == NOW_MS + 100_000
    assert timeline.now_ms(200_000) == NOW_MS + 170_000 + 29_000
    assert timeline.now_ms(100_000 + 30_000 * SLEW_DIVISOR) == NOW_MS + 70_000 + 30_000 * SLEW_DIVISOR


def test_drift_is_corrected_by_later_answers() -> None:
    """500 ppm is 43 s a day; asked every ten minutes it is never more than 300 ms."""
    timeline, true_ms = anchored(0), NOW_MS
    for _ in range(144):
        true_ms += 600_000
        monotonic_ms = (true_ms - NOW_MS) * 9_995 // 10_000
        assert abs(timeline.now_ms(monotonic_ms) - true_ms) <= 301
        timeline.hear(Answer(true_ms, monotonic_ms - 10, monotonic_ms + 10))
        assert abs(timeline.now_ms(monotonic_ms) - true_ms) <= 10


def test_a_line_of_the_same_boot_is_carried_on() -> None:
    before = anchored(0)
    before.hear(Answer(NOW_MS + 70_000, 100_000, 100_000))
    after = Timeline(150_000, NOW_MS, before.line)
    assert after.look(unsynchronised(0), 150_000) == NO_MOVE
    assert after.anchored_now_ms(150_000) == before.anchored_now_ms(150_000)


# What may happen to a timeline, in any order: time passes, then a wall clock or an answer is met.
INSTANTS = st.integers(-10_000, FAR_MS + 10_000)
NEAR = st.integers(-120_000, 120_000)
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 1_000_000),
        st.sampled_from(["unsynchronised", "synchronised", "answer"]),
        st.one_of(INSTANTS, NEAR),
        st.integers(0, ROUND_TRIP_MS_MAX + 1),
    ),
    max_size=30,
)


def play(events: list[tuple[int, str, int, int]], check: Callable[[Timeline, Move, int], None]) -> None:
    """Small numbers are offsets from what the timeline says, so that slews and small steps come often."""
    timeline, monotonic_ms = Timeline(0), 0
    for passed_ms, what, told_ms, round_trip_ms in events:
        monotonic_ms += passed_ms + round_trip_ms
        at_ms = told_ms if abs(told_ms) > 120_000 else timeline.now_ms(monotonic_ms) + told_ms
        if what == "answer":
            move = timeline.hear(Answer(at_ms, monotonic_ms - round_trip_ms, monotonic_ms))
        else:
            move = timeline.look(Wall(at_ms, is_synchronised=what == "synchronised"), monotonic_ms)
        check(timeline, move, monotonic_ms)


@given(EVENTS)
def test_time_never_runs_backwards_once_anchored_and_before_only_by_a_move_that_is_told(
    events: list[tuple[int, str, int, int]],
) -> None:
    told_ms, was_anchored = 0, False

    def check(timeline: Timeline, move: Move, monotonic_ms: int) -> None:
        nonlocal told_ms, was_anchored
        now_ms = timeline.now_ms(monotonic_ms)
        if was_anchored:
            assert not move.is_rebased
            assert timeline.line.is_anchored
        assert now_ms >= told_ms + (move.delta_ms if move.is_rebased else 0)
        told_ms, was_anchored = now_ms, timeline.line.is_anchored

    play(events, check)


@given(EVENTS, st.lists(st.integers(0, 10_000_000), min_size=2, max_size=10))
def test_between_anchors_elapsed_time_is_the_monotonic_one_but_for_the_slew(
    events: list[tuple[int, str, int, int]], later: list[int]
) -> None:
    def check(timeline: Timeline, _move: Move, monotonic_ms: int) -> None:
        instants = sorted(monotonic_ms + one for one in later)
        for first, second in itertools.pairwise(instants):
            elapsed_ms = timeline.now_ms(second) - timeline.now_ms(first)
            assert 0 <= (second - first) - elapsed_ms <= (second - first) // SLEW_DIVISOR + 1

    play(events, check)


@given(EVENTS)
def test_an_answer_anchors_within_half_its_round_trip(events: list[tuple[int, str, int, int]]) -> None:
    timeline, monotonic_ms = Timeline(0), 0
    for passed_ms, _, told_ms, round_trip_ms in events:
        monotonic_ms += passed_ms + round_trip_ms
        server_ms = told_ms if abs(told_ms) > 120_000 else timeline.now_ms(monotonic_ms) + told_ms
        usable = SOFTWARE_MS <= server_ms < FAR_MS and round_trip_ms <= ROUND_TRIP_MS_MAX
        if timeline.line.is_anchored or not usable:
            continue
        asked_ms = monotonic_ms - round_trip_ms
        timeline.hear(Answer(server_ms, asked_ms, monotonic_ms))
        # Ingest read its clock somewhere between: whenever that was, its time then is met within half the round trip.
        for read_ms in (asked_ms, monotonic_ms):
            assert abs(timeline.now_ms(read_ms) - server_ms) <= (round_trip_ms + 1) // 2


@given(EVENTS, st.integers(2, 1_000))
def test_stamps_of_one_sensor_strictly_increase_within_a_boot(
    events: list[tuple[int, str, int, int]], interval_ms: int
) -> None:
    """As it is kept: what was stamped on a provisional line gets the stamp of the line that anchors it."""
    waiting: list[int] = []
    final: list[int] = []

    def check(timeline: Timeline, _move: Move, monotonic_ms: int) -> None:
        if timeline.line.is_anchored:
            final.extend(moment + timeline.line.base_ms for moment in waiting)
            waiting.clear()
            final.append(timeline.now_ms(monotonic_ms))
        else:
            waiting.append(monotonic_ms)

    play([(passed_ms + interval_ms, *rest) for passed_ms, *rest in events], check)  # type: ignore[misc] # same shape
    assert all(first < second for first, second in itertools.pairwise(final))


def test_a_line_says_what_it_is_worth() -> None:
    assert [source.word for source in ClockSource] == ["none", "rtc", "ack", "ntp"]
    assert [Line(source, 0).is_anchored for source in ClockSource] == [False, False, True, True]
