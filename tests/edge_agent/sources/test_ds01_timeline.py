from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.ds01_timeline import EPOCHS_MAX, LoggerTimeline, Placed
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
    timeline.learn(told, None if "live" not in more else T0_MS + int(more["live"]) * MINUTE_MS)
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
