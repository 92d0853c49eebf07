from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alerts.recent import KEPT_MAX, SLACK, STEP_MS, Recent

T0 = 1_790_000_000_000
MINUTE = 60_000


def told(*minutes_and_values: tuple[int, int]) -> Recent:
    recent = Recent()
    for minute, value in minutes_and_values:
        recent.add(T0 + minute * MINUTE, value)
    return recent


def test_a_value_each_five_minutes_and_the_newest() -> None:
    recent = told((0, 400), (1, 401), (4, 404), (5, 405), (7, 407))
    assert recent.samples() == [(T0, 400), (T0 + 5 * MINUTE, 405), (T0 + 7 * MINUTE, 407)]
    assert recent.newest == (T0 + 7 * MINUTE, 407)
    assert recent.oldest == (T0, 400)


def test_nothing_was_said_yet() -> None:
    recent = Recent()
    assert (recent.samples(), recent.newest, recent.oldest, recent.before(T0)) == ([], None, None, None)
    assert not recent.has_moved()


def test_late_rows_do_not_belong_here() -> None:
    recent = told((0, 400), (10, 410), (5, 999), (10, 999))
    assert recent.samples() == [(T0, 400), (T0 + 10 * MINUTE, 410)]


def test_it_moves_when_it_stands_elsewhere_than_an_hour_ago() -> None:
    assert told((0, 400), (60, 425)).has_moved()
    assert told((0, 425), (60, 400)).has_moved()
    assert not told((0, 400), (60, 410)).has_moved()
    assert not told((0, 400), (30, 460), (95, 455)).has_moved(), "the hour before the newest is asked"
    assert told((0, 400), (10, 425)).has_moved(), "younger than an hour: since it is known"


def test_the_newest_at_or_before_an_instant() -> None:
    recent = told((0, 400), (5, 405), (10, 410))
    assert recent.before(T0 + 9 * MINUTE) == (T0 + 5 * MINUTE, 405)
    assert recent.before(T0 + 5 * MINUTE) == (T0 + 5 * MINUTE, 405)
    assert recent.before(T0 - 1) is None


def test_a_past_is_put_before_what_is_known() -> None:
    recent = told((60, 460), (65, 465))
    assert not recent.is_seeded
    recent.seed([(T0, 400), (T0 + 5 * MINUTE, 405), (T0 + 62 * MINUTE, 999)])
    assert recent.is_seeded
    assert [value for _, value in recent.samples()] == [400, 405, 460, 465]


def test_an_empty_past_is_a_past() -> None:
    recent = told((60, 460))
    recent.seed([])
    assert (recent.is_seeded, recent.samples()) == (True, [(T0 + 60 * MINUTE, 460)])


@given(st.lists(st.integers(0, 400_000), max_size=300), st.integers(1, 2_000))
def test_it_is_sorted_and_bounded_whatever_comes(seconds: list[int], every: int) -> None:
    recent = Recent()
    for index in range(600):
        recent.add(T0 + index * every * 1_000, index)
    for second in seconds:
        recent.add(T0 + second * 1_000, second)
    samples = recent.samples()
    assert samples == sorted(samples)
    assert len({ms for ms, _ in samples}) == len(samples)
    assert len(samples) <= KEPT_MAX + SLACK
    assert all(later - earlier >= STEP_MS for (earlier, _), (later, _) in pairwise(samples[:-1]))
    assert samples[-1] == recent.newest
