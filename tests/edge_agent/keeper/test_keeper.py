from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.keeper.keeper import Keeper
from edge_agent.keeper.probe import alarm_rules
from edge_agent.sample import AuxSample, DaySummaryDraft, Observation, Sample
from edge_agent.settings.file import ProbeSetting, Settings, load_settings
from edge_agent.settings.source import LoggerFolderSetting, LoggerProbe
from edge_agent.timekeeper import Stamp
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, SENSOR, T0_MS, sample, write_settings

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.outbox.outbox import Outbox
    from tests.edge_agent.conftest import SetClock


class Calls:
    def __init__(self) -> None:
        self.woken = 0
        self.full = 0

    def wake(self) -> None:
        self.woken += 1

    def on_full(self) -> None:
        self.full += 1


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(write_settings(tmp_path, hub_port=1))


@pytest.fixture
def keeper(settings: Settings, outbox: Outbox, calls: Calls) -> Keeper:
    return Keeper(settings, outbox, calls.wake, calls.on_full)


def seen(number: int, centi_celsius: int | None = 450, **more: bool) -> Observation:
    return Observation(samples=(sample(number, centi_celsius),), **more)  # type: ignore[arg-type] # flags by name


def notable(outbox: Outbox) -> list[int]:
    parcel = outbox.next_batch(T0_MS + 10**10)
    assert parcel is not None
    return [(item.measured_at_ms - T0_MS) // MINUTE_MS for item in parcel.items if item.notable]


def test_samples_and_aux_are_committed_and_the_uplink_woken(keeper: Keeper, outbox: Outbox, calls: Calls) -> None:
    aux = AuxSample(f"{GATEWAY}.ILR-1", T0_MS, "TAMB", 30.0)
    keeper.keep([seen(0)._replace(aux=(aux,), marks={"x": "y"}), seen(1)])
    assert (outbox.pending_count(), outbox.mark("x"), calls.woken) == (3, "y", 1)
    [view] = keeper.view()
    assert (view.sensor, view.appliance, view.newest, view.alarms) == (SENSOR, "ILR-1", sample(1), [])


def test_outside_limits_and_changes_of_quality_are_notable(keeper: Keeper, outbox: Outbox) -> None:
    values = [450, 800, 801, 199, 200, -50, None, None, 450]
    keeper.keep([seen(number, value) for number, value in enumerate(values)])
    assert notable(outbox) == [2, 3, 5, 6, 8]


def test_a_freeze_alarm_fires_and_clears_through_the_outbox(keeper: Keeper, outbox: Outbox) -> None:
    keeper.keep([seen(number, -60 - number) for number in range(61)])
    [fired] = outbox.next_alarms(10)
    assert fired.alarm == f"{SENSOR}/freeze/{T0_MS}"
    assert (fired.gateway, fired.boot, fired.kind) == (GATEWAY, outbox.boot, AlarmKind.FREEZE)
    assert (fired.began_at_ms, fired.fired_at_ms, fired.cleared_at_ms) == (T0_MS, T0_MS + 60 * MINUTE_MS, None)
    assert (fired.limit_centi_celsius, fired.limit_minutes, fired.extreme_centi_celsius) == (-50, 60, -120)
    assert keeper.view()[0].alarms == [AlarmKind.FREEZE]
    keeper.keep([seen(61, 400)])
    assert [alarm.cleared_at_ms for alarm in outbox.next_alarms(10)] == [None, T0_MS + 61 * MINUTE_MS]
    assert keeper.view()[0].alarms == []


def test_a_run_goes_on_over_a_restart(settings: Settings, outbox: Outbox, calls: Calls) -> None:
    for number in range(61):
        Keeper(settings, outbox, calls.wake, calls.on_full).keep([seen(number, -60)])
    assert [alarm.began_at_ms for alarm in outbox.next_alarms(10)] == [T0_MS]


def test_a_repeated_record_is_kept_once_and_not_judged_again(keeper: Keeper, outbox: Outbox) -> None:
    keeper.keep([seen(number, -60) for number in range(61)])
    keeper.keep([seen(number, -60, repeated=True) for number in range(61)])
    assert (outbox.pending_count(), len(outbox.next_alarms(10))) == (61, 1)
    assert keeper.view()[0].newest == sample(60, -60)


def test_a_discontinuity_cuts_a_run(keeper: Keeper, outbox: Outbox) -> None:
    keeper.keep([seen(number, -60) for number in range(59)])
    keeper.keep([seen(59, -60, discontinuity=True), seen(60, -60), seen(61, -60)])
    assert outbox.next_alarms(10) == []


def test_a_failed_commit_judges_nothing_and_the_retry_is_whole(
    keeper: Keeper, outbox: Outbox, calls: Calls, tmp_path: Path
) -> None:
    keeper.keep([seen(number, -60) for number in range(60)])
    with closing(sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)) as other:
        outbox._connection.execute("PRAGMA busy_timeout = 1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            keeper.keep([seen(60, -70)])
        other.execute("ROLLBACK")
    assert (outbox.next_alarms(10), calls.full, calls.woken) == ([], 0, 1)
    assert keeper.view()[0].newest == sample(59, -60)
    keeper.keep([seen(60, -70)])
    assert [alarm.extreme_centi_celsius for alarm in outbox.next_alarms(10)] == [-70]


def test_a_full_disk_is_reported_and_nothing_is_judged(keeper: Keeper, outbox: Outbox, calls: Calls) -> None:
    pages = outbox._connection.execute("PRAGMA page_count").fetchone()[0]
    outbox._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        keeper.keep([seen(number, -60) for number in range(5_000)])
    assert (calls.full, outbox.pending_count(), keeper.view()[0].newest) == (1, 0, None)
    outbox._connection.execute("PRAGMA max_page_count = 1000000")
    keeper.keep([seen(number, -60) for number in range(5_000)])
    assert (outbox.pending_count(), len(outbox.next_alarms(10))) == (5_000, 1)


def test_the_time_left_before_an_alarm_is_known(keeper: Keeper) -> None:
    assert keeper.view()[0].minutes_left is None
    keeper.keep([seen(number, -60) for number in range(42)])
    assert keeper.view()[0].minutes_left == 19
    keeper.keep([seen(number, -60) for number in range(42, 61)])
    assert (keeper.view()[0].minutes_left, keeper.view()[0].alarms) == (None, [AlarmKind.FREEZE])


def test_an_alarm_of_zero_minutes_is_off() -> None:
    both = ProbeSetting(probe="p")
    assert [rule.kind for rule in alarm_rules(both)] == [AlarmKind.FREEZE, AlarmKind.HEAT]
    assert alarm_rules(ProbeSetting(probe="p", freeze_alarm_minutes=0, heat_alarm_minutes=0)) == []


def test_damaged_marks_are_forgotten(settings: Settings, outbox: Outbox, calls: Calls) -> None:
    keeper = Keeper(settings, outbox, calls.wake, calls.on_full)
    keeper.keep([Observation(marks={f"watch/{SENSOR}": "[[{"})])
    again = Keeper(settings, outbox, calls.wake, calls.on_full)
    again.keep([seen(0, None)])
    assert again.view()[0].newest == Sample(SENSOR, T0_MS, None, Quality.NO_VALUE)


def test_a_silent_probe_raises_an_alarm_that_no_reading_raises(
    keeper: Keeper, settings: Settings, outbox: Outbox, calls: Calls
) -> None:
    keeper.keep([seen(0)])
    keeper.judge_silence(T0_MS, 0)
    keeper.keep([seen(number, None) for number in range(1, 30)])
    keeper.judge_silence(T0_MS + 30 * MINUTE_MS, 30 * MINUTE_MS)
    [fired] = outbox.next_alarms(10)
    assert (fired.alarm, fired.kind) == (f"{SENSOR}/no_data/{T0_MS}", AlarmKind.NO_DATA)
    assert (fired.began_at_ms, fired.fired_at_ms, fired.limit_minutes) == (T0_MS, T0_MS + 30 * MINUTE_MS, 30)
    assert keeper.view()[0].alarms == [AlarmKind.NO_DATA]
    assert calls.woken == 3
    again = Keeper(settings, outbox, calls.wake, calls.on_full)
    again.judge_silence(T0_MS + 31 * MINUTE_MS, 0)
    assert again.view()[0].alarms == [AlarmKind.NO_DATA]
    again.keep([seen(32)])
    again.judge_silence(T0_MS + 32 * MINUTE_MS, MINUTE_MS)
    assert [alarm.cleared_at_ms for alarm in outbox.next_alarms(10)] == [None, T0_MS + 32 * MINUTE_MS]
    assert again.view()[0].alarms == []


def test_a_logger_whose_files_are_carried_here_may_be_silent_and_its_days_are_kept(
    settings: Settings, outbox: Outbox, calls: Calls
) -> None:
    carried = LoggerFolderSetting(folder="usb", probe=(LoggerProbe(probe="file"),))
    keeper = Keeper(settings._replace(sources=(carried,)), outbox, calls.wake, calls.on_full)
    keeper.judge_silence(T0_MS, 0)
    keeper.judge_silence(T0_MS + 600 * MINUTE_MS, 600 * MINUTE_MS)
    assert outbox.next_alarms(10) == keeper.view() == []
    day = DaySummaryDraft(f"{GATEWAY}.file", T0_MS, T0_MS + 1, 200, 600, -50, 60, 800, 600, 0, 0, 0)
    keeper.keep([Observation(days=(day,), repeated=True)])
    assert outbox.pending_count() == 1


def test_a_silence_that_cannot_be_kept_is_told_again(keeper: Keeper, outbox: Outbox, tmp_path: Path) -> None:
    keeper.judge_silence(T0_MS, 0)
    with closing(sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)) as other:
        outbox._connection.execute("PRAGMA busy_timeout = 1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            keeper.judge_silence(T0_MS + 30 * MINUTE_MS, 30 * MINUTE_MS)
        other.execute("ROLLBACK")
    assert (outbox.next_alarms(10), keeper.view()[0].alarms) == ([], [])
    keeper.judge_silence(T0_MS + 31 * MINUTE_MS, 31 * MINUTE_MS)
    assert len(outbox.next_alarms(10)) == 1


def test_a_damaged_silence_is_forgotten(settings: Settings, outbox: Outbox, calls: Calls) -> None:
    keeper = Keeper(settings, outbox, calls.wake, calls.on_full)
    keeper.keep([Observation(marks={f"silence/{SENSOR}": "[{"})])
    assert Keeper(settings, outbox, calls.wake, calls.on_full).view()[0].alarms == []


def test_another_keeper_takes_over_with_its_memory(tmp_path: Path, outbox: Outbox) -> None:
    settings = load_settings(write_settings(tmp_path, hub_port=9))
    old = Keeper(settings, outbox, lambda: None, lambda: None)
    old.keep([Observation(samples=(sample(minute, -60),)) for minute in range(61)])
    assert [alarm.kind for alarm in outbox.next_alarms(9)] == [AlarmKind.FREEZE]
    woken: list[int] = []
    same = Keeper(settings, outbox, lambda: woken.append(1), lambda: None)
    same.take_over(old, T0_MS)
    assert same.view() == old.view()
    assert woken
    gone = Keeper(settings._replace(sources=()), outbox, lambda: None, lambda: None)
    gone.take_over(same, T0_MS + 90 * MINUTE_MS)
    fired, cleared = outbox.next_alarms(9)
    assert (cleared.alarm, cleared.cleared_at_ms) == (fired.alarm, T0_MS + 90 * MINUTE_MS)
    later = Keeper(settings, outbox, lambda: None, lambda: None)
    assert later.view()[0].alarms == [], "a probe that comes back much later begins anew"


@pytest.fixture
def seconds(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A monotonic clock that stands where it was put; the probe has spoken before, so no sign of life is due."""
    at = [0.0]
    keeper._probes[SENSOR].newest = sample(-1)
    monkeypatch.setattr("edge_agent.keeper.keeper.time.monotonic", lambda: at[0])
    return at


def polled(number: int, centi_celsius: int | None = 450, **more: bool) -> Observation:
    return seen(number, centi_celsius, local=True, **more)


def test_calm_local_readings_are_shown_at_once_and_written_in_groups(
    keeper: Keeper, outbox: Outbox, calls: Calls, seconds: list[float]
) -> None:
    for number in range(4):
        seconds[0] += 10.0
        keeper.keep([polled(number)])
        newest = keeper.view()[0].newest
        assert newest is not None
        assert newest.measured_at_ms == sample(number).measured_at_ms
        assert (outbox.pending_count(), calls.woken) == (0, 0)
    keeper.keep([polled(4)])
    assert (outbox.pending_count(), calls.woken) == (5, 1)


def test_a_sign_of_life_goes_at_once(keeper: Keeper, settings: Settings, outbox: Outbox, calls: Calls) -> None:
    keeper.keep([polled(-1)._replace(repeated=True)])
    keeper.commit()
    assert (calls.woken, outbox.next_batch(T0_MS)) == (1, None), "what a device tells again says nothing of now"
    keeper.keep([polled(0)])
    parcel = outbox.next_batch(T0_MS)
    assert parcel is not None
    assert [item.notable for item in parcel.items] == [False, False]
    keeper.keep([polled(1)])
    assert calls.woken == 2
    after = Keeper(settings, outbox, calls.wake, calls.on_full)
    after.take_over(keeper, T0_MS)
    assert outbox.next_batch(T0_MS, in_flight=parcel.keys) is None, "a change from afar is no start"


def test_a_group_does_not_wait_longer_than_it_may(
    keeper: Keeper, outbox: Outbox, clock: SetClock, seconds: list[float]
) -> None:
    keeper.keep([polled(0)])
    seconds[0] = 59.9
    keeper.commit_due()
    assert outbox.pending_count() == 0
    seconds[0] = 60.0
    clock.at_ms += 60_000
    keeper.commit_due()
    assert outbox.pending_count() == 1
    parcel = outbox.next_batch(clock.at_ms)
    assert parcel is not None, "what was held back has waited enough"


@pytest.mark.parametrize("value", [900, 100, None])
def test_what_is_outside_its_limits_takes_the_group_along_at_once(
    keeper: Keeper, outbox: Outbox, seconds: list[float], value: int | None
) -> None:
    keeper.keep([polled(0)])
    keeper.keep([polled(1, value)])
    assert (outbox.pending_count(), seconds) == (2, [0.0])


def test_a_running_violation_and_a_standing_alarm_are_written_at_once(
    keeper: Keeper, outbox: Outbox, seconds: list[float]
) -> None:
    keeper.keep([polled(number, -60) for number in range(61)])
    assert len(outbox.next_alarms(10)) == 1
    keeper.keep([polled(61, -60)])
    assert (outbox.pending_count(), seconds) == (62, [0.0])
    keeper.keep([polled(62, 450)])
    assert (outbox.pending_count(), len(outbox.next_alarms(10))) == (63, 2)
    keeper.keep([polled(63, 450)])
    assert outbox.pending_count() == 63


def test_what_a_logger_keeps_itself_is_written_at_once(keeper: Keeper, outbox: Outbox, seconds: list[float]) -> None:
    keeper.keep([polled(0)])
    keeper.keep([seen(1)])
    assert (outbox.pending_count(), seconds) == (2, [0.0])


def test_at_the_end_the_group_is_written(keeper: Keeper, outbox: Outbox, calls: Calls, seconds: list[float]) -> None:
    keeper.commit()
    assert calls.woken == 0
    keeper.keep([polled(0)])
    keeper.commit()
    keeper.commit()
    assert (outbox.pending_count(), calls.woken, seconds) == (1, 1, [0.0])


def hinder(outbox: Outbox) -> None:
    pages = outbox._connection.execute("PRAGMA page_count").fetchone()[0]
    outbox._connection.execute(f"PRAGMA max_page_count = {pages}")
    with outbox._transaction() as connection:
        connection.execute("DELETE FROM meta WHERE name = 'none'")


BIG = {f"m{number}": "x" * 5_000 for number in range(50)}


def test_while_the_disk_fails_local_readings_are_held_and_alarms_still_raised(
    keeper: Keeper, outbox: Outbox, calls: Calls, seconds: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    hinder(outbox)
    with caplog.at_level(logging.WARNING):
        keeper.keep([polled(0, -60)._replace(marks=BIG)])
        for number in range(1, 61):
            keeper.keep([polled(number, -60)])
        assert keeper.view()[0].alarms == [AlarmKind.FREEZE]
        assert (calls.full, calls.woken, outbox.pending_count()) == (61, 0, 0)
        outbox._connection.execute("PRAGMA max_page_count = 1000000")
        keeper.commit_due()
    assert (outbox.pending_count(), len(outbox.next_alarms(10)), seconds) == (61, 1, [0.0])
    assert caplog.text.count("the outbox cannot be written") == 1
    assert caplog.text.count("can be written again") == 1


def test_not_more_than_a_bound_is_held_and_what_a_logger_keeps_is_not_held(
    keeper: Keeper, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.keeper.keeper.HELD_MAX", 3)
    hinder(outbox)
    keeper.keep([polled(0, -60)._replace(marks=BIG)])
    with pytest.raises(sqlite3.OperationalError):
        keeper.keep([seen(1, -60)])
    keeper.keep([polled(1, -60), polled(2, -60)])
    with pytest.raises(sqlite3.OperationalError):
        keeper.keep([polled(3, -60)])
    assert keeper.view()[0].newest == sample(2, -60)._replace(local=True)
    outbox._connection.execute("PRAGMA max_page_count = 1000000")
    keeper.keep([polled(3, -60)])
    assert outbox.pending_count() == 4


class SetTime:
    """Provisional by a minute for each monotonic millisecond."""

    def __init__(self) -> None:
        self.steady = threading.RLock()
        self.is_anchored = False

    def stamp(self, monotonic_ms: int) -> Stamp:
        return Stamp(T0_MS + monotonic_ms * MINUTE_MS, None if self.is_anchored else monotonic_ms)


def test_local_samples_get_their_instants_here_and_wait_while_those_are_provisional(
    settings: Settings, outbox: Outbox, calls: Calls
) -> None:
    time = SetTime()
    keeper = Keeper(settings, outbox, calls.wake, calls.on_full, time)
    aux = AuxSample(f"{GATEWAY}.ILR-1", 3, "TAMB", 30.0, notable=True)
    keeper.keep([Observation(samples=(Sample(SENSOR, 3, 450, 0),), aux=(aux,), local=True)])
    assert keeper.view()[0].newest == Sample(SENSOR, T0_MS + 3 * MINUTE_MS, 450, 0, local=True, monotonic_ms=3)
    keeper.commit()
    assert (outbox.pending_count(), outbox.next_batch(T0_MS + 10**10)) == (2, None)
    time.is_anchored = True
    keeper.keep([Observation(samples=(Sample(SENSOR, 4, -200, 0),), local=True), seen(5)])
    parcel = outbox.next_batch(T0_MS + 10**10)
    assert parcel is not None
    assert [(item.measured_at_ms - T0_MS) // MINUTE_MS for item in parcel.items] == [4, 5]


def test_without_a_timekeeper_local_samples_keep_their_stamps(keeper: Keeper, outbox: Outbox) -> None:
    keeper.keep([seen(0)._replace(local=True), seen(0)._replace(local=True)])
    keeper.commit()
    assert outbox.pending_count() == 2, "what the gateway measures itself is never a repetition"
