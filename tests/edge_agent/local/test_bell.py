from __future__ import annotations

from edge_agent.local.bell import ALARM, CLEARED, NEW_MAX, REPEAT_SECONDS, SILENCE_SECONDS, TEST, Bell, Call, Standing
from sheetal.contracts.device_alarm import AlarmKind

FREEZE = Standing(AlarmKind.FREEZE, "g.a", -90)
HEAT = Standing(AlarmKind.HEAT, "g.b", 950)
NO_DATA = Standing(AlarmKind.NO_DATA, "g.c", None)


def test_it_calls_at_once_and_again_every_five_minutes() -> None:
    bell = Bell()
    assert bell.due([FREEZE], 0) == [Call(ALARM, FREEZE)]
    assert bell.due([FREEZE], REPEAT_SECONDS - 1) == []
    assert bell.due([FREEZE], REPEAT_SECONDS) == [Call(ALARM, FREEZE)]
    assert bell.due([FREEZE], REPEAT_SECONDS + 1) == []


def test_the_end_is_called_once() -> None:
    bell = Bell()
    assert bell.due([], 0) == []
    bell.due([HEAT], 1)
    assert bell.due([], 2) == [Call(CLEARED)]
    assert bell.due([], 3) == []


def test_silence_holds_repeats_back_but_no_new_alarm() -> None:
    bell = Bell()
    bell.due([HEAT], 0)
    bell.silence(10)
    assert bell.due([HEAT], REPEAT_SECONDS) == []
    assert bell.due([HEAT, FREEZE], REPEAT_SECONDS + 1) == [Call(ALARM, FREEZE)]
    assert bell.due([HEAT, FREEZE], 10 + SILENCE_SECONDS - 1) == []
    assert bell.due([HEAT, FREEZE], 10 + SILENCE_SECONDS) == [Call(ALARM, FREEZE)]


def test_silence_ends_with_the_alarms() -> None:
    bell = Bell()
    bell.due([HEAT], 0)
    bell.silence(1)
    bell.due([], 2)
    assert bell.silent_until_seconds == 0
    assert bell.due([HEAT], 3) == [Call(ALARM, HEAT)]


def test_the_worst_is_repeated_and_many_at_once_are_bounded() -> None:
    bell = Bell()
    assert bell.due([NO_DATA, HEAT, FREEZE], 0) == [Call(ALARM, FREEZE), Call(ALARM, HEAT), Call(ALARM, NO_DATA)]
    assert bell.due([NO_DATA, HEAT, FREEZE], REPEAT_SECONDS) == [Call(ALARM, FREEZE)]
    many = [Standing(AlarmKind.NO_DATA, f"g.{number:02d}", None) for number in range(50)]
    assert len(Bell().due(many, 0)) == NEW_MAX


def test_a_call_tells_its_facts_in_the_environment() -> None:
    told = Call(ALARM, FREEZE).facts
    assert told == {
        "ALARM_STATE": "alarm",
        "ALARM_KIND": "freeze",
        "ALARM_SENSOR": "g.a",
        "ALARM_CELSIUS": "-0.90",
    }
    assert Call(ALARM, NO_DATA).facts["ALARM_CELSIUS"] == ""
    assert Call(TEST).facts == {"ALARM_STATE": "test", "ALARM_KIND": "", "ALARM_SENSOR": "", "ALARM_CELSIUS": ""}
