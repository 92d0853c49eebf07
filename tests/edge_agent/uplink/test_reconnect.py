from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.settings.uplink import UplinkSetting
from edge_agent.uplink.reconnect import FIRST_SPAN, FRUITLESS_MAX, LASTING_SECONDS, fruitless_after, pause_seconds

SHIPPED = UplinkSetting()
BOUNDS = (float(SHIPPED.reconnect_seconds_min), float(SHIPPED.reconnect_seconds_max))


def span(fruitless: int) -> tuple[float, float]:
    """Between which instants the next try falls."""
    shortest = pause_seconds(fruitless, *BOUNDS, lambda low, _: low)
    return shortest, pause_seconds(fruitless, *BOUNDS, lambda _, high: high)


def test_the_span_doubles_with_each_try_in_vain_up_to_the_longest() -> None:
    assert [span(fruitless) for fruitless in range(6)] == [
        (0.5, 8.0),
        (0.5, 8.0),
        (0.5, 16.0),
        (0.5, 32.0),
        (0.5, 60.0),
        (0.5, 60.0),
    ]


def test_a_fleet_that_lost_its_broker_in_one_moment_comes_back_evenly() -> None:
    chance = random.Random(1)
    seconds = Counter(int(pause_seconds(1, *BOUNDS, chance.uniform)) for _ in range(30_000))
    assert set(seconds) == set(range(FIRST_SPAN))
    assert max(seconds.values()) < 30_000 / FIRST_SPAN * 1.2


@given(st.integers(0, FRUITLESS_MAX), st.integers(1, 3_600), st.data())
def test_no_wait_is_shorter_than_half_the_shortest_or_longer_than_the_longest(
    fruitless: int, shortest: int, data: st.DataObject
) -> None:
    longest = data.draw(st.integers(shortest, 3_600))
    pause = pause_seconds(fruitless, shortest, longest, random.Random(fruitless).uniform)
    assert shortest / 2 <= pause <= longest


@pytest.mark.parametrize(
    ("fruitless", "lasted_seconds", "after"),
    [(0, 0.1, 1), (3, LASTING_SECONDS, 4), (3, LASTING_SECONDS + 1, 0), (FRUITLESS_MAX, 1.0, FRUITLESS_MAX)],
)
def test_only_a_lasting_connection_begins_anew(fruitless: int, lasted_seconds: float, after: int) -> None:
    assert fruitless_after(fruitless, lasted_seconds) == after
