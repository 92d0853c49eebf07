from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.ds01_timeline import (
    CORRECTIONS_MAX,
    EPOCHS_MAX,
    WRONG_MS_MIN,
    Learnt,
    LoggerTimeline,
    Placed,
    believable,
)
from tests.edge_agent.kit import MINUTE_MS, T0_MS, moment


def place(
    timeline: LoggerTimeline, relative: int | None, absolute: int | None = None, **more: int | str
) -> Placed | None:
    """Minutes in, minutes after T0 out."""
    told = moment(
        None if relative is None else relative * MINUTE_MS,
        None if absolute is None else T0_MS + absolute * MINUTE_MS,
        restarted_ms=int(more.get("restarted", 0)) * MINUTE_MS,
        logger=str(more.get("logger", "L1")),
    )
    now = more.get("live", more.get("now"))
    timeline.learn(told, None if now is None else T0_MS + int(now) * MINUTE_MS, is_live="live" in more)
    placed = timeline.place(told)
    return placed and placed._replace(at_ms=(placed.at_ms - T0_MS) // MINUTE_MS)


def test_absolute_time_is_the_stamp() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 5, 100) == Placed(100, repeated=False, discontinuity=False)
    assert place(timeline, 6, 101) == Placed(101, repeated=False, discontinuity=False)


def test_an_anchor_places_records_without_absolute_time_before_and_after_it() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 5) is None
    assert place(timeline, 10, 100) is not None
    assert place(timeline, 5) == Placed(95, repeated=True, discontinuity=False)
    assert place(timeline, 12) == Placed(102, repeated=False, discontinuity=False)


def test_the_first_anchor_stays_so_that_a_stamp_never_changes() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100)
    place(timeline, 20, 111)
    again = place(timeline, 12)
    assert again is not None
    assert again.at_ms == 102


def test_a_live_record_anchors_by_the_gateways_clock() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 10, live=500) == Placed(500, repeated=False, discontinuity=False)
    assert place(timeline, 11) == Placed(501, repeated=False, discontinuity=False)


def test_a_clock_restart_needs_a_new_anchor_and_is_a_discontinuity() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100)
    assert place(timeline, 21, restarted=20) is None
    assert place(timeline, 22, 130, restarted=20) == Placed(130, repeated=False, discontinuity=True)
    assert place(timeline, 23, 131, restarted=20) == Placed(131, repeated=False, discontinuity=False)


def test_what_was_told_before_is_repeated_also_after_a_restart_of_the_gateway() -> None:
    timeline = LoggerTimeline()
    for minute in range(10):
        place(timeline, minute, 100 + minute)
    later = LoggerTimeline(timeline.to_text())
    for minute in range(10):
        assert place(later, minute, 100 + minute) == Placed(100 + minute, repeated=True, discontinuity=False)
    assert place(later, 10, 110) == Placed(110, repeated=False, discontinuity=False)


def test_a_clock_set_back_within_an_epoch_is_a_discontinuity_and_no_repetition() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100)
    assert place(timeline, 11, 41) == Placed(41, repeated=False, discontinuity=True)
    assert place(timeline, 12, 42) == Placed(42, repeated=False, discontinuity=False)


def test_a_logger_that_began_anew_is_a_discontinuity() -> None:
    timeline = LoggerTimeline()
    place(timeline, 1_000, 100)
    assert place(timeline, 1, 200) == Placed(200, repeated=False, discontinuity=True)


def test_an_exchanged_logger_has_its_own_anchors() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100)
    assert place(timeline, 11, logger="L2") is None
    assert place(timeline, 12, 300, logger="L2") == Placed(300, repeated=False, discontinuity=False)


def test_absolute_time_alone_is_enough() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, None, 100) == Placed(100, repeated=False, discontinuity=False)
    assert place(timeline, None, 100) == Placed(100, repeated=True, discontinuity=False)
    assert place(timeline, None, 101) == Placed(101, repeated=False, discontinuity=False)
    assert place(timeline, None) is None


def test_memory_is_bounded() -> None:
    timeline = LoggerTimeline()
    for restarted in range(3 * EPOCHS_MAX):
        place(timeline, restarted * 10, restarted * 10, restarted=restarted)
    assert len(LoggerTimeline(timeline.to_text())._memory.anchors) == EPOCHS_MAX


def test_damaged_memory_is_forgotten() -> None:
    assert place(LoggerTimeline("{not json"), 1, 1) is not None


@given(st.lists(st.integers(0, 5_000), min_size=1, unique=True).map(sorted), st.integers(0, 4_000))
def test_a_retold_story_is_all_repetition(relatives: list[int], anchor: int) -> None:
    timeline = LoggerTimeline()
    told = [place(timeline, relative, anchor + relative) for relative in relatives]
    assert all(placed and not placed.repeated and not placed.discontinuity for placed in told)
    retold = [place(timeline, relative, anchor + relative) for relative in relatives]
    assert [placed and placed.at_ms for placed in retold] == [placed and placed.at_ms for placed in told]
    assert all(placed and placed.repeated for placed in retold)


def test_a_live_record_that_is_off_puts_the_gateways_clock_in_its_place() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 10, 100, now=500) == Placed(100, repeated=False, discontinuity=False)
    assert place(timeline, 11, 101, live=501) == Placed(501, repeated=False, discontinuity=True)
    assert place(timeline, 12, 102, now=502) == Placed(502, repeated=False, discontinuity=False)
    assert place(timeline, 13, None, now=503) == Placed(503, repeated=False, discontinuity=False)


def test_a_clock_that_runs_ahead_is_found_too_and_stamps_told_before_stay() -> None:
    timeline = LoggerTimeline()
    stories = [(minute, 100 + minute) for minute in range(5)]
    told = [place(timeline, *one) for one in stories]
    assert place(timeline, 5, 105, live=40) == Placed(40, repeated=False, discontinuity=True)
    again = LoggerTimeline(timeline.to_text())
    assert [place(again, *one, now=41) for one in stories] == [
        one and one._replace(repeated=True, discontinuity=False) for one in told
    ]
    assert place(again, 5, 105, now=41) == Placed(40, repeated=True, discontinuity=False)
    assert place(again, 6, 106, live=41) == Placed(41, repeated=False, discontinuity=False)


def test_a_record_of_the_future_waits_until_a_live_one_says_where_its_epoch_stands() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 9, 19, now=20) == Placed(19, repeated=False, discontinuity=False)
    timeline.begin_anew()
    assert place(timeline, 10, 5_000, now=20) is None
    assert place(timeline, 11, 5_001, now=20) is None
    assert place(timeline, 12, 5_002, live=22) == Placed(22, repeated=False, discontinuity=True)
    assert place(timeline, 10, 5_000, now=22) == Placed(20, repeated=True, discontinuity=False)


def test_what_was_proved_is_said_once_with_how_far_the_clock_is_off() -> None:
    timeline = LoggerTimeline()
    ahead = [moment((10 + n) * MINUTE_MS, T0_MS + (100 + n) * MINUTE_MS) for n in range(3)]
    assert timeline.learn(ahead[0], T0_MS) == Learnt(is_anchor=False, wrong_ms=100 * MINUTE_MS)
    assert timeline.learn(ahead[1], T0_MS) == Learnt()
    assert timeline.learn(ahead[2], T0_MS, is_live=True) == Learnt(is_anchor=True)
    assert timeline.learn(ahead[2]._replace(relative_ms=13 * MINUTE_MS), T0_MS + MINUTE_MS, is_live=True) == Learnt()


def test_five_minutes_are_no_proof_and_an_old_record_that_is_not_live_neither() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 10, 105, live=100) == Placed(105, repeated=False, discontinuity=False)
    assert place(timeline, 20, 106, live=111) == Placed(106, repeated=False, discontinuity=False)
    assert place(timeline, 21, 107, now=10_000) == Placed(107, repeated=False, discontinuity=False)


def test_while_the_gateway_has_no_clock_every_record_is_believed() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 10, 9_000) == Placed(9_000, repeated=False, discontinuity=False)
    assert timeline.learn(moment(11 * MINUTE_MS), None, is_live=True) == Learnt()


def test_a_live_record_told_before_proves_nothing() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100)
    assert place(timeline, 10, 100, live=700) == Placed(100, repeated=True, discontinuity=False)
    assert place(timeline, 11, 101, now=701) == Placed(101, repeated=False, discontinuity=False)


def test_what_waited_without_any_time_is_placed_by_the_correction_too() -> None:
    timeline = LoggerTimeline()
    assert place(timeline, 8) is None
    assert place(timeline, 10, 100, live=500) == Placed(500, repeated=False, discontinuity=False)
    assert place(timeline, 8) == Placed(498, repeated=True, discontinuity=False)


def test_absolute_time_that_jumps_within_an_epoch_gives_way_to_elapsed_time() -> None:
    timeline = LoggerTimeline()
    offs = [0, 0, -120, -120, 90, 90, 0, 0]
    placed = [place(timeline, 10 + n, 100 + n + off, now=5_000) for n, off in enumerate(offs)]
    assert [one and one.at_ms for one in placed] == [100 + n for n in range(len(offs))]
    assert [one and one.discontinuity for one in placed] == [False, False, True] + [False] * 5
    assert place(timeline, 30, 120, live=120) == Placed(120, repeated=False, discontinuity=False)


def test_a_clock_that_is_set_right_while_we_look_is_believed() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100)
    assert place(timeline, 11, 501, live=501) == Placed(501, repeated=False, discontinuity=False)
    assert place(timeline, 12, 502, now=502) == Placed(502, repeated=False, discontinuity=False)


def test_a_logger_that_counts_anew_has_its_own_anchors() -> None:
    timeline = LoggerTimeline()
    place(timeline, 1_000, 100)
    timeline.begin_anew()
    assert place(timeline, 1) is None
    assert place(timeline, 2, live=150) == Placed(150, repeated=False, discontinuity=True)
    assert place(timeline, 1) == Placed(149, repeated=True, discontinuity=False)


def test_an_epoch_is_corrected_by_itself() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100, live=500)
    assert place(timeline, 21, 520, live=520, restarted=20) == Placed(520, repeated=False, discontinuity=True)
    assert place(timeline, 22, 521, now=521, restarted=20) == Placed(521, repeated=False, discontinuity=False)


def test_relative_time_that_has_drifted_is_corrected_again_and_stays_bounded() -> None:
    timeline = LoggerTimeline()
    place(timeline, 10, 100, live=500)
    assert place(timeline, 20, 110, live=530) == Placed(530, repeated=False, discontinuity=True)
    assert place(timeline, 15, 105, now=530) == Placed(505, repeated=True, discontinuity=False)
    for number in range(3 * CORRECTIONS_MAX):
        place(timeline, 30 + number, 0, live=600 + 10 * number)
    for restarted in range(100, 100 + 3 * EPOCHS_MAX):
        place(timeline, restarted, 10**6, restarted=restarted, now=0)
        place(timeline, restarted, 0, restarted=restarted, live=10**5)
    memory = LoggerTimeline(timeline.to_text())._memory
    assert max(len(known) for known in memory.corrections.values()) <= CORRECTIONS_MAX
    assert max(len(memory.corrections), len(memory.distrusted)) <= EPOCHS_MAX


def test_absolute_time_alone_is_believed_unless_it_is_wrong() -> None:
    told = moment(None, T0_MS)
    assert believable(told, None, is_live=True) == told
    assert believable(told, T0_MS + WRONG_MS_MIN, is_live=True) == told
    assert believable(told, T0_MS + 2 * WRONG_MS_MIN, is_live=False) == told
    late = T0_MS + 2 * WRONG_MS_MIN
    assert believable(told, late, is_live=True) == moment(None, late)
    assert believable(told, T0_MS - 2 * WRONG_MS_MIN, is_live=False) is None


@given(st.integers(-(10**6), 10**6), st.integers(1, 200), st.integers(1, 200))
def test_however_wrong_the_logger_live_records_stand_where_they_were_made(off: int, stored: int, live: int) -> None:
    timeline = LoggerTimeline()
    for minute in range(stored):
        place(timeline, minute, minute + off, now=stored)
    for minute in range(stored, stored + live):
        placed = place(timeline, minute, minute + off, live=minute)
        assert placed is not None
        assert abs(placed.at_ms - minute) <= WRONG_MS_MIN // MINUTE_MS
        assert not placed.repeated
