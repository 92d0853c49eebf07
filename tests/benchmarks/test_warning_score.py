from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.warning_score import MONTH_MS, Made, Score, Trace, episodes, passings_of, score_of, total, warnings_of
from sheetal.contracts.limits import Side
from sheetal.thermal.forecast import Outlook
from sheetal.thermal.runs import Limit

MINUTE = 60_000
T0 = 1_790_000_000_000
HEAT = Limit(Side.HOT, 800, inclusive=False)
DAY = 20 * 60


def usual(minute: float) -> float:
    return 4.0 + 0.8 * math.sin(2 * math.pi * minute / 120)


def failing(minute: float) -> float:
    return usual(minute) if minute <= DAY else 30.0 - 26.0 * math.exp(-(minute - DAY) / 400)


def recovering(minute: float) -> float:
    return failing(minute) if minute <= DAY + 55 else max(4.0, failing(DAY + 55) - 0.05 * (minute - DAY - 55))


def trace(curve: object, minutes: int) -> Trace:
    samples = [(T0 + minute * MINUTE, round(10 * curve(minute)) * 10) for minute in range(0, minutes, 5)]  # type: ignore[operator]
    return Trace("made up", samples, samples, HEAT)


def outlook(minutes: int, high: int | None = None) -> Outlook:
    return Outlook(
        minutes=minutes,
        low=minutes,
        high=high,
        is_news=True,
        tau_minutes=100,
        asymptote_centi_celsius=2_000,
        error_centi_celsius=5,
        samples=12,
        rise_minutes=60,
    )


def test_a_failure_that_was_foreseen_has_an_error_and_a_lead_and_nothing_false() -> None:
    score = score_of(trace(failing, DAY + 120))
    assert (score.passings, len(score.errors_minutes), score.false) == (1, 1, 0)
    assert score.median_error_minutes is not None
    assert score.median_error_minutes < 15
    assert score.median_lead_minutes is not None
    assert 15 <= score.median_lead_minutes <= 70
    assert score.asked > 2
    assert score.months == pytest.approx((DAY + 115) * MINUTE / MONTH_MS)


def test_a_failure_that_ends_in_time_makes_its_warning_false() -> None:
    score = score_of(trace(recovering, DAY + 600))
    assert (score.passings, score.errors_minutes, score.false) == (0, (), 1)
    assert score.false_a_month == pytest.approx(1 / score.months)


def test_a_usual_day_has_neither() -> None:
    score = score_of(trace(usual, DAY))
    assert (score.passings, score.false, score.asked) == (0, 0, 0)
    assert score.median_error_minutes is None
    assert score.median_lead_minutes is None


def test_a_passing_without_a_warning_counts_as_not_warned_of() -> None:
    score = score_of(trace(lambda minute: 4.0 if minute <= DAY else 9.0, DAY + 60))
    assert (score.passings, score.errors_minutes) == (1, ())


def test_nothing_later_than_an_instant_is_known_to_its_forecast() -> None:
    whole = trace(failing, DAY + 120)
    cut = whole.said[: (DAY + 45) // 5]
    early = [made for made in warnings_of(whole.said, HEAT) if made.at_ms <= cut[-1][0]]
    assert early == warnings_of(cut, HEAT)
    assert early != []


def test_a_value_that_dances_on_the_limit_passes_it_once() -> None:
    dance = [(T0 + minute * MINUTE, 790 if minute < 120 or minute % 10 else 810) for minute in range(0, 300, 5)]
    assert passings_of(dance, HEAT) == [T0 + 120 * MINUTE]


def test_what_begins_beyond_the_limit_has_not_passed_it() -> None:
    assert passings_of([(T0 + minute * MINUTE, 900) for minute in range(0, 300, 5)], HEAT) == []
    back = [(T0 + minute * MINUTE, 900 if minute < 30 or minute > 200 else 400) for minute in range(0, 300, 5)]
    assert passings_of(back, HEAT) == [T0 + 205 * MINUTE]


def test_warnings_an_hour_apart_are_two_episodes() -> None:
    made = [Made(T0 + minute * MINUTE, outlook(30)) for minute in (0, 5, 65, 130)]
    assert [len(episode) for episode in episodes(made)] == [3, 1]


def test_no_trace_has_no_month() -> None:
    score = score_of(Trace("none", [], [], HEAT))
    assert (score.months, score.false_a_month) == (0.0, None)


scores = st.builds(
    Score,
    months=st.integers(0, 50).map(float),
    passings=st.integers(0, 50),
    errors_minutes=st.lists(st.floats(0, 500), max_size=5).map(tuple),
    leads_minutes=st.lists(st.floats(0, 500), max_size=5).map(tuple),
    inside=st.integers(0, 50),
    asked=st.integers(0, 50),
    false=st.integers(0, 50),
)


@given(st.lists(scores, max_size=6))
def test_scores_add_up_in_any_grouping(some: list[Score]) -> None:
    assert total(some) == total([total(some[:3]), total(some[3:])])
    assert total(some).false == sum(score.false for score in some)
