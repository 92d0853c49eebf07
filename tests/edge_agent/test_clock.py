from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock import Timeline


def test_time_is_the_anchor_plus_the_monotonic_clock() -> None:
    timeline = Timeline(1_000_000, 500)
    assert timeline.now_ms(500) == 1_000_000
    assert timeline.now_ms(1_750) == 1_001_250


def test_a_small_difference_is_noise() -> None:
    timeline = Timeline(1_000_000, 0)
    assert timeline.anchor(1_000_999, 0) == 0
    assert timeline.now_ms(0) == 1_000_000


def test_a_jump_forward_is_followed() -> None:
    timeline = Timeline(1_000_000, 0)
    assert timeline.anchor(5_000_000, 1_000) == 3_999_000
    assert timeline.now_ms(1_000) == 5_000_000


def test_a_clock_set_back_never_moves_stamps_back() -> None:
    timeline = Timeline(1_000_000, 0)
    assert timeline.now_ms(60_000) == 1_060_000
    assert timeline.anchor(1_030_000, 60_000) == -30_000
    assert timeline.now_ms(60_000) == 1_060_000
    assert timeline.now_ms(80_000) == 1_060_000
    assert timeline.now_ms(91_000) == 1_061_000


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 2_000_000_000_000))))
def test_whatever_the_wall_clock_does_time_never_runs_backwards(steps: list[tuple[int, int]]) -> None:
    timeline, monotonic_ms, told = Timeline(1_000_000, 0), 0, []
    for passed_ms, wall_ms in steps:
        monotonic_ms += passed_ms
        timeline.anchor(wall_ms, monotonic_ms)
        told.append(timeline.now_ms(monotonic_ms))
    assert told == sorted(told)
