from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.uplink.pace import Pace


def test_a_message_may_take_more_than_there_is_and_the_next_waits() -> None:
    pace = Pace(100, 500)
    assert pace.allows(0.0)
    pace.take(500)
    assert not pace.allows(0.0)
    assert pace.allows(0.1)
    pace.take(500)
    assert not pace.allows(4.9)
    assert pace.allows(5.1)


def test_a_long_rest_does_not_make_a_flood() -> None:
    pace = Pace(100, 500)
    assert pace.allows(1_000_000.0)
    pace.take(500)
    assert not pace.allows(1_000_000.0)


def test_without_a_rate_everything_goes() -> None:
    pace = Pace(0, 500)
    for _ in range(10):
        assert pace.allows(0.0)
        pace.take(10_000)


def test_a_clock_that_stands_or_runs_back_gives_nothing() -> None:
    pace = Pace(10, 10)
    assert pace.allows(50.0)
    pace.take(20)
    assert not pace.allows(40.0)
    assert pace.allows(41.2)


@pytest.mark.parametrize("message_rows", [1, 10, 500])
def test_who_asks_twice_a_second_still_gets_the_whole_rate(message_rows: int) -> None:
    pace, gone = Pace(500, message_rows), 0
    for half_second in range(120):
        while pace.allows(half_second / 2):
            pace.take(message_rows)
            gone += message_rows
    assert gone >= 60 * 500


@given(
    st.integers(1, 5_000),
    st.integers(1, 1_000),
    st.lists(st.tuples(st.floats(0, 10), st.integers(1, 1_000)), max_size=60),
)
def test_over_any_time_no_more_goes_than_the_rate_a_full_bucket_and_a_message(
    rate: int, at_once: int, steps: list[tuple[float, int]]
) -> None:
    pace, now, gone = Pace(rate, at_once), 0.0, 0
    for waited, rows in steps:
        now += waited
        if pace.allows(now):
            pace.take(min(rows, at_once))
            gone += min(rows, at_once)
    assert gone <= rate * now + max(at_once, rate) + at_once
