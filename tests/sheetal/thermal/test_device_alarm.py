from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.thermal.device_alarm import AlarmFact, AlarmRule, AlarmState, AlarmWatch

FREEZE = AlarmRule(AlarmKind.FREEZE, -50, inclusive=True, minutes=60)
HEAT = AlarmRule(AlarmKind.HEAT, 800, inclusive=False, minutes=600)
CAP_MS = 3 * MINUTE_MS

Point = tuple[int, int | None]


def minutes(values: list[int | None], first: int = 0, every: int = 1) -> list[Point]:
    return [((first + number * every) * MINUTE_MS, value) for number, value in enumerate(values)]


def feed(watch: AlarmWatch, points: list[Point]) -> list[AlarmFact]:
    return [fact for at_ms, value in points for fact in watch.feed(at_ms, value)]


def run(points: list[Point], *rules: AlarmRule, cap_ms: int = CAP_MS) -> list[AlarmFact]:
    return feed(AlarmWatch(rules or (FREEZE, HEAT), cap_ms), points)


def test_sixty_unbroken_minutes_fire_and_the_first_good_value_clears() -> None:
    facts = run(minutes([400] + [-60] * 70 + [-70] + [400]))
    assert facts == [
        AlarmFact(FREEZE, 1 * MINUTE_MS, 61 * MINUTE_MS, None, -60),
        AlarmFact(FREEZE, 1 * MINUTE_MS, 61 * MINUTE_MS, 72 * MINUTE_MS, -70),
    ]


def test_one_sample_less_than_the_limit_says_nothing() -> None:
    assert run(minutes([-60] * 60 + [400])) == []
    assert len(run(minutes([-60] * 61))) == 1


def test_heat_needs_ten_hours() -> None:
    assert run(minutes([810] * 600)) == []
    fired = run(minutes([810] * 601))
    assert [(fact.rule.kind, fact.fired_at_ms, fact.extreme_centi_celsius) for fact in fired] == [
        (AlarmKind.HEAT, 600 * MINUTE_MS, 810),
    ]


@pytest.mark.parametrize(
    ("rule", "value", "violates"),
    [
        (FREEZE, -50, True),
        (FREEZE._replace(inclusive=False), -50, False),
        (FREEZE._replace(inclusive=False), -51, True),
        (FREEZE, -49, False),
        (HEAT, 800, False),
        (HEAT._replace(inclusive=True), 800, True),
        (HEAT, 801, True),
        (HEAT, -5_000, False),
    ],
)
def test_a_value_exactly_on_the_limit_obeys_the_flag(rule: AlarmRule, value: int, violates: bool) -> None:  # noqa: FBT001 - a table
    assert rule.violated_by(value) is violates
    assert bool(run(minutes([value] * (rule.minutes + 1)), rule)) is violates


@pytest.mark.parametrize("position", range(1, 61))
def test_a_gap_at_any_position_never_lengthens_a_run(position: int) -> None:
    before = minutes([-60] * position)
    after = minutes([-60] * (61 - position), first=position + 3)
    assert run(before + after) == []


@pytest.mark.parametrize("position", range(1, 61))
def test_a_gap_of_exactly_the_cap_is_bridged(position: int) -> None:
    before = minutes([-60] * position)
    after = minutes([-60] * (61 - position), first=position + 2)
    assert len(run(before + after)) == 1


def test_a_run_starts_anew_after_a_gap() -> None:
    facts = run(minutes([-60] * 50) + minutes([-60] * 61, first=100))
    assert [(fact.began_at_ms, fact.fired_at_ms) for fact in facts] == [(100 * MINUTE_MS, 160 * MINUTE_MS)]


def test_silence_does_not_say_that_a_fired_alarm_is_over() -> None:
    watch = AlarmWatch((FREEZE,), CAP_MS)
    assert len(feed(watch, minutes([-60] * 61))) == 1
    assert feed(watch, minutes([-60] * 200, first=1_000)) == []
    cleared = feed(watch, minutes([300], first=1_200))
    assert [(fact.began_at_ms, fact.cleared_at_ms) for fact in cleared] == [(0, 1_200 * MINUTE_MS)]


def test_a_missing_value_neither_extends_nor_ends_a_run() -> None:
    one_lost = minutes([-60] * 30 + [None] + [-60] * 30)
    assert len(run(one_lost)) == 1
    many_lost = minutes([-60] * 30 + [None] * 30 + [-60] * 30)
    assert run(many_lost) == []


def test_a_repeated_or_older_value_changes_nothing() -> None:
    points = minutes([400, -60, -60] + [-60] * 60 + [400])
    doubled = [point for point in points for _ in range(2)]
    assert run(doubled) == run(points)
    watch = AlarmWatch((FREEZE,), CAP_MS)
    feed(watch, points[:20])
    states = watch.states
    assert watch.feed(0, 900) == []
    assert watch.states == states


def test_a_set_clock_cuts_a_run_and_lets_older_stamps_count_again() -> None:
    watch = AlarmWatch((FREEZE,), CAP_MS)
    feed(watch, minutes([-60] * 59, first=1_000))
    watch.cut()
    assert watch.last_ms is None
    assert feed(watch, minutes([-60] * 60, first=500)) == []
    assert [fact.began_at_ms for fact in feed(watch, minutes([-60], first=560))] == [500 * MINUTE_MS]


def test_an_alarm_never_clears_before_it_fired() -> None:
    watch = AlarmWatch((FREEZE,), CAP_MS)
    feed(watch, minutes([-60] * 61, first=1_000))
    watch.cut()
    assert [fact.cleared_at_ms for fact in watch.feed(5 * MINUTE_MS, 400)] == [1_060 * MINUTE_MS]


def test_a_run_across_midnight_is_one() -> None:
    midnight = 20 * 24 * 60
    assert len(run(minutes([-60] * 61, first=midnight - 30))) == 1


@pytest.mark.parametrize("every", [1, 5, 10, 15, 60])
def test_logs_of_one_true_trace_agree_within_their_interval(every: int) -> None:
    trace = [400] * 60 + [-60] * 180 + [400] * 60
    facts = run(minutes(trace[::every], every=every), FREEZE, cap_ms=3 * every * MINUTE_MS)
    fired, cleared = facts
    assert abs(fired.fired_at_ms - 120 * MINUTE_MS) <= every * MINUTE_MS
    assert abs((cleared.cleared_at_ms or 0) - 240 * MINUTE_MS) <= every * MINUTE_MS


def test_hot_and_cold_never_share_a_run() -> None:
    rules = (FREEZE, HEAT._replace(minutes=60))
    assert run(minutes([-60, 900] * 100), *rules) == []


def test_states_survive_a_restart_as_json() -> None:
    points = minutes([-60] * 80 + [400])
    whole = run(points, FREEZE)
    for cut in range(len(points)):
        first = AlarmWatch((FREEZE,), CAP_MS)
        told = feed(first, points[:cut])
        kept = [AlarmState(*state) for state in json.loads(json.dumps(first.states))]
        assert told + feed(AlarmWatch((FREEZE,), CAP_MS, kept), points[cut:]) == whole


def test_states_of_other_rules_are_not_taken_over() -> None:
    watch = AlarmWatch((FREEZE, HEAT), CAP_MS, [AlarmState(1, 1, 1, 1)])
    assert watch.states == (AlarmState(), AlarmState())


values = st.lists(st.sampled_from([None, -60, -50, 0, 400, 900]), max_size=150)


@given(values)
def test_facts_come_in_pairs_and_never_earlier_than_the_rule_allows(trace: list[int | None]) -> None:
    rule = FREEZE._replace(minutes=5)
    facts = run(minutes(trace), rule)
    assert [fact.cleared_at_ms is None for fact in facts] == [number % 2 == 0 for number in range(len(facts))]
    for fact in facts:
        assert fact.fired_at_ms - fact.began_at_ms >= 5 * MINUTE_MS
        assert fact.extreme_centi_celsius <= -50


@given(values, st.integers(min_value=4, max_value=500), st.integers(min_value=0, max_value=150))
def test_inserted_silence_never_makes_an_alarm_that_was_not_there(
    trace: list[int | None], gap: int, position: int
) -> None:
    rule = FREEZE._replace(minutes=5)
    points = minutes(trace)
    shifted = points[:position] + [(at_ms + gap * MINUTE_MS, value) for at_ms, value in points[position:]]
    fired = [fact for fact in run(points, rule) if fact.cleared_at_ms is None]
    assert len([fact for fact in run(shifted, rule) if fact.cleared_at_ms is None]) <= len(fired)
    for fact in run(shifted, rule):
        span = [
            at_ms for at_ms, value in shifted if fact.began_at_ms <= at_ms <= fact.fired_at_ms and value is not None
        ]
        assert all(later - earlier <= CAP_MS for earlier, later in itertools.pairwise(span))


CLOSING_LATE = FREEZE._replace(closing_centi_celsius=100)


def test_hysteresis_keeps_a_fired_alarm_until_the_value_is_far_enough_within() -> None:
    fired, cleared = run(minutes([-60] * 61 + [0, -49, 49, 50] + [-90] + [50, 51, 400]), CLOSING_LATE)
    assert (fired.began_at_ms, fired.fired_at_ms) == (0, 60 * MINUTE_MS)
    assert (cleared.began_at_ms, cleared.cleared_at_ms) == (0, 67 * MINUTE_MS)
    assert cleared.extreme_centi_celsius == -90


def test_without_hysteresis_the_same_values_clear_at_once() -> None:
    assert [fact.cleared_at_ms for fact in run(minutes([-60] * 61 + [0, 51]), FREEZE)] == [None, 61 * MINUTE_MS]


@pytest.mark.parametrize(("value", "closes"), [(700, False), (699, True), (701, False)])
def test_heat_closes_below_its_limit(value: int, closes: bool) -> None:  # noqa: FBT001 - a table
    rule = HEAT._replace(inclusive=True, closing_centi_celsius=100)
    assert bool(run(minutes([800] * 601 + [value]), rule)[1:]) is closes


def test_hysteresis_never_helps_to_fire() -> None:
    """A value within the limit ends a run that has not fired, however near it is."""
    assert run(minutes(([-60] * 59 + [-49]) * 20), CLOSING_LATE) == []


def test_a_trembling_value_is_one_alarm_with_hysteresis_and_many_without() -> None:
    trembling = minutes(([-60] * 61 + [-40]) * 5 + [400])
    assert len(run(trembling, FREEZE)) == 10
    assert len(run(trembling, CLOSING_LATE)) == 2


@given(values, st.integers(min_value=0, max_value=300))
def test_hysteresis_moves_only_the_ends_of_alarms(trace: list[int | None], closing: int) -> None:
    plain = FREEZE._replace(minutes=5)
    wide = plain._replace(closing_centi_celsius=closing)
    without = [fact for fact in run(minutes(trace), plain) if fact.cleared_at_ms is None]
    fired = [fact for fact in run(minutes(trace), wide) if fact.cleared_at_ms is None]
    assert {fact.fired_at_ms for fact in fired} <= {fact.fired_at_ms for fact in without}
    assert bool(fired) == bool(without)
    if fired:
        assert fired[0]._replace(rule=plain) == without[0]
