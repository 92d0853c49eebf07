from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.faults import Fault, FaultKind
from firmware_sim.logger_clock import MINUTE_MS, Instant, LoggerClock, logger_clock

PRESENT_MS = 1_790_000_000_000
STARTED_MS = PRESENT_MS - 600 * MINUTE_MS


def fault(kind: FaultKind, begins: float, lasts: float | None = 10, off_seconds: int | None = None) -> Fault:
    return Fault(kind=kind, begins_minutes_before_now=begins, lasts_minutes=lasts, off_seconds=off_seconds)


def told(faults: list[Fault], minutes_to_now: int) -> LoggerClock:
    at_ms = PRESENT_MS - minutes_to_now * MINUTE_MS
    return logger_clock(faults, Instant(at_ms, minutes_to_now), STARTED_MS)


minutes = st.integers(-600, 600)


@given(minutes)
def test_a_good_clock_tells_the_truth_and_counts_from_the_loggers_start(minutes_to_now: int) -> None:
    at_ms = PRESENT_MS - minutes_to_now * MINUTE_MS
    assert told([], minutes_to_now) == LoggerClock(at_ms, at_ms - STARTED_MS, 0)


@given(minutes, st.integers(-100_000, 100_000))
def test_a_clock_that_is_off_is_off_by_so_much_and_only_in_absolute_time(minutes_to_now: int, off: int) -> None:
    right, wrong = told([], minutes_to_now), told([fault(FaultKind.CLOCK_OFF, 700, None, off)], minutes_to_now)
    assert right.absolute_ms is not None
    assert wrong == right._replace(absolute_ms=right.absolute_ms + off * 1_000)


def test_a_clock_at_1970_counts_from_there_and_comes_back() -> None:
    lost = [fault(FaultKind.CLOCK_1970, 100, 60)]
    assert told(lost, 101).absolute_ms == PRESENT_MS - 101 * MINUTE_MS
    assert told(lost, 100).absolute_ms == 0
    assert told(lost, 41).absolute_ms == 59 * MINUTE_MS
    assert told(lost, 40).absolute_ms == PRESENT_MS - 40 * MINUTE_MS
    assert told(lost, 41).relative_ms == told([], 41).relative_ms


def test_a_missing_clock_says_no_absolute_time() -> None:
    missing = [fault(FaultKind.CLOCK_ABSENT, 100)]
    assert told(missing, 95) == told([], 95)._replace(absolute_ms=None)
    assert told(missing, 90) == told([], 90)


def test_clocks_that_step_one_after_the_other() -> None:
    steps = [fault(FaultKind.CLOCK_OFF, 100, 10, -7_200), fault(FaultKind.CLOCK_OFF, 90, 10, 5_400)]
    stamps = [told(steps, minute).absolute_ms for minute in (101, 100, 90, 80)]
    right = [told([], minute).absolute_ms or 0 for minute in (101, 100, 90, 80)]
    assert stamps == [right[0], right[1] - 7_200_000, right[2] + 5_400_000, right[3]]


def test_a_reboot_begins_relative_time_anew_at_its_end() -> None:
    rebooted = [fault(FaultKind.REBOOT, 100, 5)]
    assert told(rebooted, 101) == told([], 101)
    assert told(rebooted, 95).relative_ms == 0
    assert told(rebooted, 90).relative_ms == 5 * MINUTE_MS
    assert told(rebooted, 90).absolute_ms == told([], 90).absolute_ms
    assert told(rebooted, 90).restarted_ms == 0


def test_a_brown_out_keeps_relative_time_and_says_where_the_clock_restarted() -> None:
    brown = [fault(FaultKind.BROWN_OUT, 100, 5)]
    assert told(brown, 101).restarted_ms == 0
    after = told(brown, 90)
    assert after == told([], 90)._replace(restarted_ms=505 * MINUTE_MS)
    assert after.relative_ms - after.restarted_ms == 5 * MINUTE_MS


def test_a_brown_out_before_a_reboot_is_forgotten_and_one_after_it_counts_from_it() -> None:
    both = [fault(FaultKind.BROWN_OUT, 200, 5), fault(FaultKind.REBOOT, 100, 10)]
    assert told(both, 80) == told([fault(FaultKind.REBOOT, 100, 10)], 80)
    later = [fault(FaultKind.REBOOT, 100, 10), fault(FaultKind.BROWN_OUT, 70, 10)]
    assert told(later, 50) == LoggerClock(PRESENT_MS - 50 * MINUTE_MS, 40 * MINUTE_MS, 30 * MINUTE_MS)


@given(
    minutes, st.lists(st.builds(fault, st.sampled_from(FaultKind), st.integers(0, 600), st.integers(1, 60)), max_size=6)
)
def test_relative_time_is_never_negative_nor_is_a_restart_in_the_future(
    minutes_to_now: int, faults: list[Fault]
) -> None:
    clock = told(faults, min(minutes_to_now, 600))
    assert clock.relative_ms >= clock.restarted_ms >= 0
