from __future__ import annotations

import pytest

from edge_agent.keeper import probe_time
from edge_agent.keeper.probe import Probe
from edge_agent.keeper.silence import Silence, SilenceState
from edge_agent.settings.file import ProbeSetting
from sheetal.contracts.device_alarm import AlarmKind, alarm_id
from sheetal.thermal.device_alarm import AlarmState
from tests.edge_agent.kit import MINUTE_MS, SENSOR, T0_MS, sample

HOUR_MS = 60 * MINUTE_MS
FREEZE = alarm_id(SENSOR, AlarmKind.FREEZE, T0_MS)
NO_DATA = alarm_id(SENSOR, AlarmKind.NO_DATA, T0_MS)


@pytest.fixture
def probe() -> Probe:
    return Probe(SENSOR, "ILR-1", ProbeSetting(probe="ilr1-tvc", freeze_alarm_minutes=2), None)


def feed(probe: Probe, first: int, last: int, centi_celsius: int) -> None:
    for number in range(first, last + 1):
        probe.newest = sample(number, centi_celsius)
        probe.watch.feed(probe.newest.measured_at_ms, centi_celsius)


def test_a_run_that_has_not_fired_moves_whole_so_that_its_length_stays(probe: Probe) -> None:
    feed(probe, 0, 1, -100)
    probe_time.shift(probe, -HOUR_MS, set())
    assert probe.watch.states[0] == AlarmState(T0_MS + MINUTE_MS - HOUR_MS, T0_MS - HOUR_MS, None, -100)
    assert probe.newest == sample(1, -100)._replace(measured_at_ms=T0_MS + MINUTE_MS - HOUR_MS)
    [fact] = probe.watch.feed(T0_MS + 2 * MINUTE_MS - HOUR_MS, -100)
    assert (fact.began_at_ms, fact.fired_at_ms) == (T0_MS - HOUR_MS, T0_MS + 2 * MINUTE_MS - HOUR_MS)


@pytest.mark.parametrize("moved", [True, False])
def test_a_standing_alarm_moves_only_when_nobody_has_heard_of_it(probe: Probe, *, moved: bool) -> None:
    feed(probe, 0, 2, -100)
    assert probe.watch.states[0].fired_at_ms == T0_MS + 2 * MINUTE_MS
    probe_time.shift(probe, HOUR_MS, {FREEZE} if moved else set())
    state, by_ms = probe.watch.states[0], HOUR_MS if moved else 0
    assert (state.began_at_ms, state.fired_at_ms) == (T0_MS + by_ms, T0_MS + 2 * MINUTE_MS + by_ms)
    assert state.last_ms == T0_MS + 2 * MINUTE_MS + HOUR_MS
    [fact] = probe.watch.feed(T0_MS + 3 * MINUTE_MS + HOUR_MS, 450)
    assert alarm_id(SENSOR, AlarmKind.FREEZE, fact.began_at_ms) == alarm_id(SENSOR, AlarmKind.FREEZE, T0_MS + by_ms)


@pytest.mark.parametrize("moved", [True, False])
def test_so_does_the_alarm_of_a_silent_probe(probe: Probe, *, moved: bool) -> None:
    probe.silence = Silence(60, SilenceState(T0_MS, T0_MS + HOUR_MS))
    probe_time.shift(probe, 500, {NO_DATA} if moved else set())
    by_ms = 500 if moved else 0
    assert probe.silence.state == SilenceState(T0_MS + by_ms, T0_MS + HOUR_MS + by_ms)


def test_a_shift_can_be_taken_back(probe: Probe) -> None:
    feed(probe, 0, 1, -100)
    before = probe_time.memory_of(probe)
    probe_time.shift(probe, 500, set())
    assert probe_time.memory_of(probe) != before
    probe_time.put_back(probe, before)
    assert probe_time.memory_of(probe) == before


def test_there_and_back_is_where_it_was(probe: Probe) -> None:
    feed(probe, 0, 2, -100)
    before = probe_time.memory_of(probe)
    later = alarm_id(SENSOR, AlarmKind.FREEZE, T0_MS + 777)
    probe_time.shift(probe, 777, {FREEZE})
    probe_time.shift(probe, -777, {later})
    assert probe_time.memory_of(probe) == before


@pytest.mark.parametrize(
    ("now_ms", "goes_on"),
    [(T0_MS + 2 * MINUTE_MS, True), (T0_MS + MINUTE_MS, True), (T0_MS + MINUTE_MS - 1, False), (None, False)],
)
def test_after_a_power_cut_a_run_goes_on_only_where_a_clock_says_how_long_it_took(
    probe: Probe, now_ms: int | None, *, goes_on: bool
) -> None:
    feed(probe, 0, 1, -100)
    probe_time.begin(probe, now_ms)
    assert (probe.watch.states[0].began_at_ms is not None) is goes_on
    assert (probe.watch.last_ms is not None) is goes_on


def test_a_standing_alarm_outlasts_a_power_cut(probe: Probe) -> None:
    feed(probe, 0, 2, -100)
    probe_time.begin(probe, None)
    assert probe.standing_alarms() == [AlarmKind.FREEZE]
    [fact] = probe.watch.feed(T0_MS - HOUR_MS, 450)
    assert (fact.began_at_ms, fact.cleared_at_ms) == (T0_MS, T0_MS + 2 * MINUTE_MS), "it cannot end before it fired"
