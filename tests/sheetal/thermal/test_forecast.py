from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import Side
from sheetal.thermal.forecast import FRESH_MS_MAX, WARNING_MINUTES_MAX, is_unusual, outlook, stretch
from sheetal.thermal.runs import Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.thermal.runs import Sample

MINUTE = 60_000
T0 = 1_790_000_000_000
HEAT = Limit(Side.HOT, 800, inclusive=False)
FREEZE = Limit(Side.COLD, -50, inclusive=True)


def series(values: Sequence[float], *, every: int = 5, first: int = 0) -> list[Sample]:
    """Temperatures in °C, rounded to tenths as a logger does, one each five minutes."""
    return [(T0 + (first + index * every) * MINUTE, round(10 * value) * 10) for index, value in enumerate(values)]


def cycles(hours: float, *, middle: float = 4.0, swing: float = 0.8) -> list[float]:
    """A thermostat at work: up and down each two hours."""
    return [middle + swing * math.sin(2 * math.pi * minute / 120) for minute in range(0, round(hours * 60), 5)]


def warming(start: float, minutes: int, *, asymptote: float = 30.0, tau: float = 400.0) -> list[float]:
    return [asymptote + (start - asymptote) * math.exp(-minute / tau) for minute in range(0, minutes, 5)]


def crossing_minutes(start: float, *, asymptote: float = 30.0, tau: float = 400.0, limit: float = 8.0) -> float:
    return tau * math.log((start - asymptote) / (limit - asymptote))


def failing(minutes: int) -> list[Sample]:
    usual = cycles(20)
    return series([*usual, *warming(usual[-1], minutes)])


def test_a_failure_after_a_usual_day_is_foreseen_in_time() -> None:
    samples = failing(60)
    left = crossing_minutes(cycles(20)[-1]) - 55
    found = outlook(samples, HEAT, samples[-1][0])
    assert found is not None
    assert found.is_warning
    assert found.minutes == pytest.approx(left, abs=10)
    assert found.low - 1 <= left <= (found.high or math.inf) + 1
    assert found.asymptote_centi_celsius > 800
    assert found.samples >= 10
    assert found.rise_minutes >= 55


def test_a_forecast_is_counted_from_now_and_not_from_the_newest_sample() -> None:
    samples = failing(60)
    at_once = outlook(samples, HEAT, samples[-1][0])
    later = outlook(samples, HEAT, samples[-1][0] + 10 * MINUTE)
    assert at_once is not None
    assert later is not None
    assert at_once.minutes - later.minutes == pytest.approx(10, abs=1)


def test_freezing_is_foreseen_too() -> None:
    usual = cycles(20)
    samples = series([*usual, *warming(usual[-1], 80, asymptote=-10.0, tau=300.0)])
    found = outlook(samples, FREEZE, samples[-1][0])
    assert found is not None
    assert found.is_warning
    assert found.asymptote_centi_celsius < -50
    assert outlook(samples, HEAT, samples[-1][0]) is None


@given(st.integers(100, 250))
def test_a_thermostat_at_work_is_never_a_warning(count: int) -> None:
    samples = series(cycles(24)[:count])
    for limit in (HEAT, FREEZE):
        found = outlook(samples, limit, samples[-1][0])
        assert found is None or not found.is_warning


def test_what_is_far_off_is_forecast_but_not_told() -> None:
    usual = cycles(20)
    samples = series([*usual, *warming(usual[-1], 300, tau=3_000.0)])
    found = outlook(samples, HEAT, samples[-1][0])
    assert found is not None
    assert found.minutes > WARNING_MINUTES_MAX
    assert not found.is_warning


def test_it_says_none_where_it_cannot_tell() -> None:
    samples = failing(60)
    now_ms = samples[-1][0]
    assert outlook([], HEAT, now_ms) is None
    assert outlook(samples, HEAT, now_ms + FRESH_MS_MAX + 1) is None, "nothing fresh"
    assert outlook(series(cycles(20)[:-12] + [4.0] * 24), HEAT, T0 + 10**12) is None
    assert outlook(series([4.0] * 200), HEAT, T0 + 199 * 5 * MINUTE) is None, "no movement"
    beyond = failing(200)
    assert beyond[-1][1] > 800
    assert outlook(beyond, HEAT, beyond[-1][0]) is None, "it has happened"


def test_a_rise_that_levels_off_below_the_limit_is_no_forecast() -> None:
    usual = cycles(20)
    samples = series([*usual, *warming(usual[-1], 300, asymptote=6.5, tau=40.0)])
    found = outlook(samples, HEAT, samples[-1][0])
    assert found is None or not found.is_warning


def test_a_stretch_begins_at_the_last_turn() -> None:
    samples = series([4.0, 5.0, 4.5, 3.0, 3.5, 4.0, 4.5])
    assert stretch(samples, Side.HOT) == samples[3:]
    assert stretch(samples, Side.COLD) == samples[6:]


def test_noise_is_no_turn_and_a_gap_is() -> None:
    wobbling = series([3.0, 3.5, 3.3, 3.8, 3.6, 4.2])
    assert stretch(wobbling, Side.HOT) == wobbling
    late = [*wobbling[:3], *((ms + 60 * MINUTE, value) for ms, value in wobbling[3:])]
    assert stretch(late, Side.HOT) == late[4:], "the lowest after the gap"


@given(st.lists(st.integers(-2_000, 2_000), min_size=1, max_size=60))
def test_nothing_in_a_stretch_lies_before_its_beginning(values: list[int]) -> None:
    samples = [(T0 + index * 5 * MINUTE, value) for index, value in enumerate(values)]
    found = stretch(samples, Side.HOT)
    assert found[-1] == samples[-1]
    assert all(value >= found[0][1] for _, value in found)


def test_what_happens_every_day_is_usual() -> None:
    before = series(cycles(20, swing=1.5))
    assert not is_unusual(before, (before[-1][0], 560), HEAT)
    assert not is_unusual(before, (before[-1][0], 600), HEAT), "a little above the day, a long way from the limit"
    assert is_unusual(before, (before[-1][0], 690), HEAT)


def test_an_unknown_day_asks_for_more() -> None:
    before = series(cycles(2))
    newest_ms = before[-1][0]
    assert not is_unusual(before[:1], (newest_ms, 500), HEAT)
    assert not is_unusual(before, (newest_ms, 600), HEAT)
    assert is_unusual(before, (newest_ms, 720), HEAT)


def test_one_reading_alone_is_no_news() -> None:
    usual = cycles(20)
    put_in = series([*usual, *warming(usual[-1], 20, tau=2_000.0), 6.9])
    found = outlook(put_in, HEAT, put_in[-1][0])
    assert found is None or not found.is_news
    again = series([*usual, *warming(usual[-1], 20, tau=2_000.0), 6.5, 6.9])
    found = outlook(again, HEAT, again[-1][0])
    assert found is not None
    assert found.is_warning


@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(-3_000, 4_000)), min_size=1, max_size=80),
    st.sampled_from([HEAT, FREEZE]),
)
def test_whatever_was_said_low_middle_and_high_stand_in_order(steps: list[tuple[int, int]], limit: Limit) -> None:
    samples: list[Sample] = []
    at_ms = T0
    for minutes, value in steps:
        at_ms += minutes * MINUTE
        samples.append((at_ms, value))
    found = outlook(samples, limit, at_ms)
    if found is not None:
        assert 0 <= found.low <= found.minutes
        assert found.high is None or found.minutes <= found.high
        assert not limit.violated_by(samples[-1][1])
        assert found.samples <= len(samples)
