from __future__ import annotations

import itertools
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.local.days import GAPS_MAX, Rule, bounds, instant, local_day, periods, tell
from edge_agent.outbox.history import Told
from tests.edge_agent.kit import MINUTE_MS
from tests.edge_agent.local.kit import INDIA

RULE = Rule(200, 800, 3 * MINUTE_MS)
DAY = date(2026, 11, 23)
FROM_MS, UNTIL_MS = bounds(DAY, INDIA)
HOUR_MS = 60 * MINUTE_MS


def row(minute: float, value: int | None, quality: int = 0) -> Told:
    return Told(FROM_MS + round(minute * MINUTE_MS), value, quality if value is not None else quality or 1)


def test_a_whole_hour_of_readings_has_no_gap() -> None:
    story = tell([row(minute, 400 + minute) for minute in range(-1, 62)], FROM_MS, FROM_MS + HOUR_MS, RULE)
    assert (story.rows, story.low, story.high, story.unknown_ms, story.gaps) == (60, 400, 459, 0, ())
    assert story.outside_ms == 0
    assert story.mean == 430


def test_time_outside_belongs_half_to_each_neighbour() -> None:
    story = tell([row(0, 790), row(2, 810), row(4, 790)], FROM_MS, FROM_MS + HOUR_MS, RULE)
    assert story.outside_ms == 2 * MINUTE_MS
    assert story.unknown_ms == 56 * MINUTE_MS
    on_the_limit = tell([row(0, 800), row(2, 200)], FROM_MS, FROM_MS + HOUR_MS, RULE)
    assert on_the_limit.outside_ms == 0


def test_a_step_longer_than_the_cap_is_unknown_and_never_bridged() -> None:
    story = tell([row(0, 400), row(3, 400), row(7, 400), row(10, 400)], FROM_MS, FROM_MS + 10 * MINUTE_MS, RULE)
    assert story.gaps == ((FROM_MS + 3 * MINUTE_MS, FROM_MS + 7 * MINUTE_MS),)
    assert story.unknown_ms == 4 * MINUTE_MS


def test_a_fault_between_two_values_ends_what_is_known() -> None:
    story = tell([row(0, 400), row(1, None, 2), row(2, 400), row(3, 400)], FROM_MS, FROM_MS + 3 * MINUTE_MS, RULE)
    assert story.gaps == ((FROM_MS, FROM_MS + 2 * MINUTE_MS),)
    assert (story.rows, story.low) == (2, 400)
    bad = tell([row(0, 9_999, 5), row(1, 400)], FROM_MS, FROM_MS + 3 * MINUTE_MS, RULE)
    assert (bad.high, bad.rows) == (400, 1)


def test_the_mean_weighs_by_time_and_is_no_plain_average() -> None:
    rows = [row(0, 200), row(0.5, 200), row(1, 200), row(1.5, 200), row(4.4, 800)]
    story = tell(rows, FROM_MS, FROM_MS + 264_000, RULE)
    assert story.mean is not None
    assert 380 < story.mean < 480


def test_nothing_known_is_nothing_told() -> None:
    story = tell([], FROM_MS, UNTIL_MS, RULE)
    assert (story.rows, story.low, story.high, story.mean) == (0, None, None, None)
    assert story.gaps == ((FROM_MS, UNTIL_MS),)
    assert story.unknown_ms == UNTIL_MS - FROM_MS
    assert set(story.slots) == {None}


def test_slots_hold_the_extremes_of_their_part() -> None:
    story = tell([row(0, 300), row(1, 500), row(719, 900), row(1_439, 100)], FROM_MS, UNTIL_MS, RULE, 2)
    assert story.slots == ((300, 900), (100, 100))


def test_gaps_are_bounded_and_the_longest_stay() -> None:
    rows = [row(number * 20 + offset, 400) for number in range(60) for offset in (0, 1)]
    story = tell([one for one in rows if one.measured_at_ms != row(41, 0).measured_at_ms], FROM_MS, UNTIL_MS, RULE)
    assert (story.gaps_total, len(story.gaps)) == (59, GAPS_MAX)
    assert list(story.gaps) == sorted(story.gaps)
    assert max(end - start for start, end in story.gaps) >= 39 * MINUTE_MS


@given(
    st.lists(st.tuples(st.integers(-10, 1_450), st.one_of(st.none(), st.integers(-500, 1_500))), max_size=80),
    st.integers(1, 1_439),
)
def test_known_and_unknown_make_the_whole_and_halves_make_the_day(told: list[tuple[int, int | None]], cut: int) -> None:
    rows = sorted({minute: row(minute, value) for minute, value in told}.values())
    story = tell(rows, FROM_MS, UNTIL_MS, RULE)
    middle_ms = FROM_MS + cut * MINUTE_MS
    halves = [tell(rows, FROM_MS, middle_ms, RULE), tell(rows, middle_ms, UNTIL_MS, RULE)]
    assert sum(half.unknown_ms for half in halves) == story.unknown_ms
    assert sum(half.outside_ms for half in halves) == story.outside_ms
    assert sum(half.rows for half in halves) == story.rows
    assert 0 <= story.outside_ms + story.unknown_ms <= UNTIL_MS - FROM_MS
    if story.mean is not None:
        values = [one.centi_celsius for one in rows if one.centi_celsius is not None]
        assert min(values) <= story.mean <= max(values)


def test_a_local_day_is_the_one_on_the_wall() -> None:
    assert UNTIL_MS - FROM_MS == 24 * HOUR_MS
    assert local_day(FROM_MS, INDIA) == DAY
    assert local_day(FROM_MS - 1, INDIA) == date(2026, 11, 22)
    assert instant(DAY, 5, INDIA) - FROM_MS == 5 * HOUR_MS


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_clocks_change_has_its_own_length(day: date, hours: int) -> None:
    start, end = bounds(day, ZoneInfo("Europe/Paris"))
    assert end - start == hours * HOUR_MS


def test_periods_end_between_the_two_instants() -> None:
    nine, sixteen = instant(DAY, 9, INDIA), instant(DAY, 16, INDIA)
    found = periods((9, 16), nine, sixteen, INDIA)
    assert found == [(nine, sixteen)]
    assert periods((9, 16), nine - 1, nine, INDIA) == [(instant(date(2026, 11, 22), 16, INDIA), nine)]
    assert periods((9, 16), nine, nine, INDIA) == []
    assert periods((0, 12), FROM_MS, UNTIL_MS, INDIA) == [
        (FROM_MS, FROM_MS + 12 * HOUR_MS),
        (FROM_MS + 12 * HOUR_MS, UNTIL_MS),
    ]


def test_periods_follow_one_another_without_a_hole() -> None:
    found = periods((9, 16), FROM_MS - 60 * 24 * HOUR_MS, FROM_MS, INDIA)
    assert len(found) == 120
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found))
