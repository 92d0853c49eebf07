from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_agent.keeper.handover import Ended, hand_over
from edge_agent.keeper.keeper import Keeper
from edge_agent.keeper.probe import Probe
from edge_agent.keeper.silence import SilenceFact, SilenceState
from edge_agent.sample import Observation
from edge_agent.settings.file import load_settings
from edge_agent.settings.source import ProbeSetting
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.thermal.device_alarm import AlarmFact, AlarmState
from tests.edge_agent.kit import SENSOR, T0_MS, sample, write_settings

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.outbox.outbox import Outbox

END_MS = T0_MS + 100 * MINUTE_MS


def probe(**fields: int) -> Probe:
    setting = msgspec.convert({"probe": "ilr1-tvc", "heat_alarm_minutes": 10, **fields}, ProbeSetting)
    return Probe(SENSOR, "ILR-1", setting, None)


def warm(minutes: int, **fields: int) -> Probe:
    """A probe that has been at 9 °C for so many minutes."""
    one = probe(**fields)
    for minute in range(minutes + 1):
        one.newest = sample(minute, 900)
        one.watch.feed(T0_MS + minute * MINUTE_MS, 900)
    return one


def test_a_run_goes_on_and_fires_in_its_time() -> None:
    old, new = warm(6), probe(interval_ms=30_000)
    assert hand_over({SENSOR: old}, {SENSOR: new}, END_MS) == []
    assert new.watch.states == old.watch.states
    assert new.newest == old.newest
    assert new.watch.feed(T0_MS + 10 * MINUTE_MS, 900) == [], "the new cap is shorter than the gap: it begins anew"


def test_a_run_survives_where_the_cap_allows() -> None:
    old, new = warm(6), probe(range_max_centi_celsius=850)
    hand_over({SENSOR: old}, {SENSOR: new}, END_MS)
    for minute in range(7, 10):
        assert new.watch.feed(T0_MS + minute * MINUTE_MS, 900) == []
    [fact] = new.watch.feed(T0_MS + 10 * MINUTE_MS, 900)
    assert fact.began_at_ms == T0_MS


def test_a_standing_alarm_clears_under_the_new_limit() -> None:
    old, new = warm(10), probe(heat_alarm_centi_celsius=1_000)
    hand_over({SENSOR: old}, {SENSOR: new}, END_MS)
    assert new.standing_alarms() == [AlarmKind.HEAT]
    [fact] = new.watch.feed(T0_MS + 11 * MINUTE_MS, 900)
    assert (fact.began_at_ms, fact.cleared_at_ms) == (T0_MS, T0_MS + 11 * MINUTE_MS)


def test_other_rules_keep_their_own_runs() -> None:
    old, new = warm(10), probe(freeze_alarm_minutes=0)
    assert hand_over({SENSOR: old}, {SENSOR: new}, END_MS) == []
    assert new.standing_alarms() == [AlarmKind.HEAT]
    back = probe()
    hand_over({SENSOR: new}, {SENSOR: back}, END_MS)
    assert back.standing_alarms() == [AlarmKind.HEAT]
    assert back.watch.states[0] == AlarmState(old.watch.last_ms)


def test_an_alarm_whose_rule_is_gone_ends() -> None:
    old, new = warm(10), probe(heat_alarm_minutes=0)
    [ended] = hand_over({SENSOR: old}, {SENSOR: new}, END_MS)
    assert ended == Ended(old, AlarmFact(old.watch.rules[1], T0_MS, T0_MS + 10 * MINUTE_MS, END_MS, 900))
    assert new.standing_alarms() == []


def test_alarms_of_a_probe_that_is_gone_end() -> None:
    old = warm(10)
    old.silence.state = SilenceState(T0_MS, T0_MS + 5)
    heat, silence = hand_over({SENSOR: old}, {}, END_MS)
    assert isinstance(heat.fact, AlarmFact)
    assert heat.fact.cleared_at_ms == END_MS
    assert silence.fact == SilenceFact(T0_MS, T0_MS + 5, END_MS)
    assert hand_over({SENSOR: warm(3)}, {}, END_MS) == []


def test_silence_goes_on() -> None:
    old, new = probe(), probe()
    old.silence.state = SilenceState(1, 2)
    assert hand_over({SENSOR: old}, {SENSOR: new}, END_MS) == []
    assert new.standing_alarms() == [AlarmKind.NO_DATA]


@pytest.mark.parametrize("minutes", [0, 45])
def test_silence_goes_on_under_the_new_rule(minutes: int) -> None:
    old, new = probe(), probe()
    old.silence.minutes, new.silence.minutes = 30, minutes
    hand_over({SENSOR: old}, {SENSOR: new}, END_MS)
    assert new.silence.minutes == minutes


def test_no_alarm_ends_before_it_fired() -> None:
    [ended] = hand_over({SENSOR: warm(10)}, {}, T0_MS)
    assert ended.fact.cleared_at_ms == T0_MS + 10 * MINUTE_MS


def test_a_new_probe_begins_at_nothing() -> None:
    new = probe()
    assert hand_over({}, {SENSOR: new}, END_MS) == []
    assert set(new.watch.states) == {AlarmState()}


def test_what_one_keeper_holds_back_on_a_failing_disk_the_next_one_commits(tmp_path: Path, outbox: Outbox) -> None:
    settings = load_settings(write_settings(tmp_path, hub_port=1))
    before, after = (Keeper(settings, outbox, lambda: None, lambda: None) for _ in range(2))
    for number in (-1, 0):
        before.keep([Observation(samples=(sample(number),), local=True)])
    outbox._connection.execute("CREATE TRIGGER full BEFORE INSERT ON item BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(sqlite3.Error):
        after.take_over(before, T0_MS)
    assert after.view() == before.view()
    after.keep([Observation(samples=(sample(1),), local=True)])
    assert outbox.pending_count() == 1
    outbox._connection.execute("DROP TRIGGER full")
    after.commit()
    before.commit()
    assert outbox.pending_count() == 3, "each of them once"
