from __future__ import annotations

import msgspec
import pytest

from edge_agent.keeper.probe import CAP_INTERVALS, Probe, alarm_rules
from edge_agent.keeper.silence import SilenceState
from edge_agent.sample import Sample
from edge_agent.settings.source import ProbeSetting
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.thermal.device_alarm import AlarmState
from tests.edge_agent.kit import SENSOR, T0_MS, sample


def probe(states: str | None = None, **fields: int) -> Probe:
    return Probe(SENSOR, "ILR-1", msgspec.convert({"probe": "ilr1-tvc", **fields}, ProbeSetting), states)


def feed(of: Probe, minute: int, centi_celsius: int) -> None:
    of.newest = sample(minute, centi_celsius)
    of.watch.feed(T0_MS + minute * MINUTE_MS, centi_celsius)


def test_its_watch_has_the_rules_that_are_switched_on() -> None:
    assert [rule.kind for rule in probe().watch.rules] == [AlarmKind.FREEZE, AlarmKind.HEAT]
    assert [rule.kind for rule in probe(freeze_alarm_minutes=0).watch.rules] == [AlarmKind.HEAT]
    assert (
        alarm_rules(msgspec.convert({"probe": "x", "heat_alarm_minutes": 0, "freeze_alarm_minutes": 0}, ProbeSetting))
        == []
    )
    assert probe(interval_ms=5_000).watch.cap_ms == CAP_INTERVALS * 5_000


@pytest.mark.parametrize(
    ("centi_celsius", "notable"), [(200, False), (800, False), (199, True), (801, True), (-50, True), (None, True)]
)
def test_what_is_outside_or_new_is_notable(centi_celsius: int | None, *, notable: bool) -> None:
    assert probe().is_notable(sample(0, centi_celsius)) is notable


def test_a_probe_that_comes_back_is_notable_once() -> None:
    one = probe()
    one.newest = Sample(SENSOR, T0_MS, None, 3)
    assert one.is_notable(sample(1, 450))
    one.newest = sample(1, 450)
    assert not one.is_notable(sample(2, 450))


def test_minutes_left_count_down_until_the_alarm() -> None:
    one = probe(heat_alarm_minutes=10)
    assert one.minutes_left() is None
    for minute in range(11):
        feed(one, minute, 900)
        assert one.minutes_left() == (10 - minute or None)
    assert one.standing_alarms() == [AlarmKind.HEAT]
    feed(one, 11, 500)
    assert one.standing_alarms() == []


def test_a_margin_for_closing_keeps_a_fired_alarm_standing_and_helps_none_to_fire() -> None:
    one = probe(heat_alarm_minutes=10, alarm_closing_centi_celsius=100)
    for minute in range(11):
        feed(one, minute, 750)
    assert (one.standing_alarms(), one.minutes_left()) == ([], None)
    for minute, value in enumerate([900] * 11 + [750], start=11):
        feed(one, minute, value)
    assert one.standing_alarms() == [AlarmKind.HEAT]
    feed(one, 23, 700)
    assert one.standing_alarms() == []


def test_a_silent_probe_stands_under_alarm() -> None:
    one = probe()
    one.silence.state = one.silence.state._replace(began_at_ms=1, fired_at_ms=2)
    assert one.standing_alarms() == [AlarmKind.NO_DATA]


def test_it_goes_on_where_it_stopped() -> None:
    one = probe(heat_alarm_minutes=10)
    feed(one, 0, 900)
    kept = one.remembered()
    assert probe(kept, heat_alarm_minutes=10).watch.states == one.watch.states
    of_version_1 = msgspec.json.encode(one.watch.states).decode()
    assert probe(of_version_1).watch.states == one.watch.states
    for unreadable in (None, "", "{", "[[1]]", kept.replace("900", '"x"')):
        assert set(probe(unreadable).watch.states) == {AlarmState()}


def test_a_rule_that_is_switched_off_before_a_start_costs_the_other_no_alarm() -> None:
    one = probe(heat_alarm_minutes=10)
    for minute in range(12):
        feed(one, minute, 900)
    alone = probe(one.remembered(), heat_alarm_minutes=10, freeze_alarm_minutes=0)
    assert alone.standing_alarms() == [AlarmKind.HEAT]
    [cleared] = alone.watch.feed(T0_MS + 12 * MINUTE_MS, 450)
    assert cleared.cleared_at_ms == T0_MS + 12 * MINUTE_MS
    freezing = probe(one.remembered(), heat_alarm_minutes=0)
    assert freezing.watch.states == (AlarmState(T0_MS + 11 * MINUTE_MS),)


def test_a_probe_is_at_rest_while_no_violation_runs_and_no_alarm_stands() -> None:
    one = probe()
    assert one.is_at_rest()
    feed(one, 0, 450)
    assert one.is_at_rest()
    feed(one, 1, -60)
    assert not one.is_at_rest()
    for minute in range(2, 70):
        feed(one, minute, -60)
    assert one.standing_alarms() == [AlarmKind.FREEZE]
    assert not one.is_at_rest()
    feed(one, 70, 450)
    assert one.is_at_rest()
    one.silence.state = SilenceState(1, 2)
    assert not one.is_at_rest()
