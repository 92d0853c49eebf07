from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.clock.timeline import SOFTWARE_MS, ClockSource
from edge_agent.keeper.keeper import Keeper
from edge_agent.settings.file import load_settings
from edge_agent.timekeeper import REMEMBER_MS, Machine, Stamp
from sheetal.contracts.batch import Ack
from sheetal.contracts.device_alarm import AlarmKind
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, T0_MS, until
from tests.edge_agent.time_kit import HOUR_MS, YEAR_MS, Gateway, LyingMachine, starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Gateway]]:
    yield from starting(tmp_path, monkeypatch)


@pytest.mark.parametrize("off_ms", [-T0_MS, -YEAR_MS, 2 * HOUR_MS, 72 * HOUR_MS])
def test_whatever_the_wall_clock_says_readings_wait_and_get_their_true_instants(
    start: Callable[..., Gateway], off_ms: int
) -> None:
    gateway = start(LyingMachine(off_ms))
    gateway.measure(minutes=3)
    assert gateway.offered() == []
    gateway.hear()
    assert gateway.stamps() == [MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS]
    gateway.measure()
    assert gateway.stamps()[-1] == 4 * MINUTE_MS
    assert (gateway.time.source, gateway.time.offset_ms) == (ClockSource.ACK, 0)
    assert gateway.time.facts() == ("ack", 0, True)


def test_what_the_keeper_holds_back_gets_its_instant_too(start: Callable[..., Gateway]) -> None:
    gateway = start(LyingMachine(2 * HOUR_MS))
    gateway.measure(minutes=3, commits=False)
    assert gateway.box.pending_count() == 1, "the first is written at once"
    gateway.hear()
    assert gateway.stamps() == [MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS]


def test_a_synchronised_system_needs_no_answer(start: Callable[..., Gateway]) -> None:
    gateway = start(LyingMachine(is_synchronised=True))
    gateway.measure()
    assert gateway.stamps() == [MINUTE_MS]
    assert gateway.time.facts() == ("ntp", None, True)
    assert gateway.time.anchored_now_ms() == gateway.time.now_ms() == gateway.machine.true_ms


def test_a_process_that_is_killed_loses_no_place(start: Callable[..., Gateway]) -> None:
    machine = LyingMachine(-T0_MS)
    start(machine).measure(minutes=2)
    second = start(machine)
    second.measure(minutes=2)
    assert second.offered() == []
    second.hear()
    assert [item.measured_at_ms - T0_MS for item in second.offered()][:2] == [MINUTE_MS, 2 * MINUTE_MS]
    second.box.apply_ack(Ack(gateway=GATEWAY, boot=second.offered()[0].boot, stored=[(1, 2)]))
    assert second.stamps() == [3 * MINUTE_MS, 4 * MINUTE_MS]


def test_a_process_started_anew_carries_the_anchored_time_on_without_a_link(start: Callable[..., Gateway]) -> None:
    machine = LyingMachine(-T0_MS)
    first = start(machine)
    first.hear()
    second = start(machine)
    assert second.time.source is ClockSource.ACK
    second.measure()
    assert second.stamps() == [MINUTE_MS]


def test_without_any_clock_a_power_cut_leaves_rows_without_an_instant(start: Callable[..., Gateway]) -> None:
    start(LyingMachine(-T0_MS)).measure(minutes=2)
    after = start(LyingMachine(-T0_MS, T0_MS + HOUR_MS), "tuesday")
    after.measure()
    assert after.offered() == []
    after.hear()
    found = after.offered()
    assert [(item.kind, item.measured_at_ms) for item in found] == [("unplaced", 90_000), ("unplaced", 150_000)]
    after.box.apply_ack(Ack(gateway=GATEWAY, boot=found[0].boot, stored=[(1, 2)]))
    assert after.stamps() == [HOUR_MS + MINUTE_MS]


@pytest.mark.parametrize(
    ("off_ms", "kinds"), [(60_000, {"row"}), (-YEAR_MS // 4, {"unplaced"}), (72 * HOUR_MS, {"unplaced"})]
)
def test_a_battery_clock_s_stamps_count_after_a_power_cut_only_where_it_is_found_right(
    start: Callable[..., Gateway], off_ms: int, kinds: set[str]
) -> None:
    start(LyingMachine(off_ms)).measure(minutes=2)
    after = start(LyingMachine(off_ms, T0_MS + HOUR_MS), "tuesday")
    assert after.time.source is ClockSource.RTC
    after.hear()
    assert {item.kind for item in after.offered()} == kinds
    if kinds == {"row"}:
        assert after.stamps() == [off_ms + MINUTE_MS, off_ms + 2 * MINUTE_MS]


def test_a_battery_clock_that_fell_behind_what_was_known_is_none(start: Callable[..., Gateway]) -> None:
    start(LyingMachine(is_synchronised=True)).measure()
    after = start(LyingMachine(-HOUR_MS, T0_MS + 10 * MINUTE_MS), "tuesday")
    assert after.time.source is ClockSource.NONE
    assert after.time.now_ms() >= T0_MS, "it is at least so late"


def test_steps_of_an_unsynchronised_wall_clock_change_nothing_once_anchored(start: Callable[..., Gateway]) -> None:
    gateway = start(LyingMachine())
    gateway.hear()
    for off_ms in (2 * HOUR_MS, -2 * HOUR_MS, -T0_MS):
        gateway.machine.off_ms = off_ms
        gateway.time.look()
        gateway.measure()
    assert gateway.stamps() == [MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS]


def test_a_step_before_the_anchor_moves_what_waits_and_no_run_is_torn(start: Callable[..., Gateway]) -> None:
    gateway = start(LyingMachine())
    gateway.measure(-200, minutes=3)
    gateway.machine.off_ms = 2 * HOUR_MS
    gateway.time.look()
    assert gateway.time.now_ms() == gateway.machine.true_ms + 2 * HOUR_MS
    gateway.measure(-200, minutes=3)
    [fired] = gateway.box.next_alarms(9)
    assert fired.began_at_ms - T0_MS == 2 * HOUR_MS + MINUTE_MS, "one run of five minutes"
    gateway.hear()
    [fired] = gateway.box.next_alarms(9)
    assert (fired.began_at_ms - T0_MS, fired.fired_at_ms - T0_MS) == (MINUTE_MS, 6 * MINUTE_MS)
    gateway.measure(450)
    told, cleared = gateway.box.next_alarms(9)
    assert (told.alarm, cleared.alarm, cleared.cleared_at_ms) == (fired.alarm, fired.alarm, T0_MS + 7 * MINUTE_MS)
    assert gateway.stamps() == [number * MINUTE_MS for number in range(1, 8)]


def test_a_run_does_not_bridge_a_power_cut_of_unknown_length(start: Callable[..., Gateway]) -> None:
    start(LyingMachine(-T0_MS)).measure(-200, minutes=4)
    after = start(LyingMachine(-T0_MS, T0_MS + HOUR_MS), "tuesday")
    after.measure(-200, minutes=4)
    assert after.box.next_alarms(9) == []
    after.measure(-200, minutes=2)
    assert [one.kind for one in after.box.next_alarms(9)] == [AlarmKind.FREEZE]


def test_an_alarm_of_an_earlier_boot_stands_and_clears_under_its_name(start: Callable[..., Gateway]) -> None:
    start(LyingMachine()).measure(-200, minutes=6)
    after = start(LyingMachine(-T0_MS, T0_MS + HOUR_MS), "tuesday")
    [fired] = after.box.next_alarms(9)
    after.measure(-200)
    after.hear()
    after.measure(450)
    told, cleared = after.box.next_alarms(9)
    assert (told, cleared.alarm) == (fired, fired.alarm)
    assert cleared.cleared_at_ms == T0_MS + HOUR_MS + 2 * MINUTE_MS


@pytest.mark.parametrize("stands", [True, False])
def test_alarms_of_a_battery_clock_that_is_found_wrong_are_moved_by_as_much(
    start: Callable[..., Gateway], *, stands: bool
) -> None:
    before = start(LyingMachine(72 * HOUR_MS))
    before.measure(-200, minutes=6)
    if not stands:
        before.measure(450)
    after = start(LyingMachine(72 * HOUR_MS, T0_MS + HOUR_MS), "tuesday")
    after.measure(-200 if stands else 450)
    after.hear()
    after.measure(450)
    told, cleared = after.box.next_alarms(9)
    assert (told.alarm, told.began_at_ms - T0_MS) == (cleared.alarm, MINUTE_MS)
    assert (cleared.cleared_at_ms or 0) - T0_MS == (HOUR_MS + 2 * MINUTE_MS if stands else 7 * MINUTE_MS)


def test_a_keeper_that_takes_over_moves_from_then_on(start: Callable[..., Gateway]) -> None:
    gateway = start(LyingMachine(2 * HOUR_MS))
    gateway.measure(-200)
    settings = load_settings(gateway.box_settings)
    after = Keeper(settings, gateway.box, lambda: None, lambda: None, gateway.time)
    after.take_over(gateway.keeper, gateway.time.now_ms())
    gateway.time.adopt(after)
    gateway.hear()
    newest = after.view()[0].newest
    assert newest is not None
    assert newest.measured_at_ms == T0_MS + MINUTE_MS


def test_nothing_moves_while_something_is_stamped_and_committed(start: Callable[..., Gateway]) -> None:
    gateway = start(LyingMachine(2 * HOUR_MS))
    hearing = threading.Thread(target=gateway.hear)
    with gateway.time.steady:
        stamp = gateway.time.stamp(gateway.time.monotonic_ms())
        hearing.start()
        hearing.join(0.1)
        assert hearing.is_alive()
        assert stamp == Stamp(T0_MS + 2 * HOUR_MS, 30_000)
    until(lambda: gateway.time.is_anchored)
    hearing.join()
    assert gateway.time.stamp(30_000) == Stamp(T0_MS, None)


def test_the_newest_anchored_instant_is_written_down_from_time_to_time(start: Callable[..., Gateway]) -> None:
    machine = LyingMachine()
    gateway = start(machine)
    gateway.hear()
    machine.true_ms += REMEMBER_MS - 1
    gateway.time.look()
    assert start(LyingMachine(), "tuesday").time.source is ClockSource.RTC, "T0 is not past yet, for all it knows"
    gateway = start(machine)
    gateway.hear()
    machine.true_ms += REMEMBER_MS
    gateway.time.look()
    assert start(LyingMachine(), "wednesday").time.source is ClockSource.NONE


def test_a_change_of_the_time_s_source_is_said_once(
    start: Callable[..., Gateway], caplog: pytest.LogCaptureFixture
) -> None:
    gateway = start(LyingMachine(2 * HOUR_MS))
    caplog.clear()
    with caplog.at_level(logging.INFO):
        gateway.hear()
        gateway.hear()
    assert [one.message for one in caplog.records if one.levelno == logging.WARNING] == [
        "the time now comes from ack; it moved by -7200000 ms"
    ]


def test_the_machine_s_own_clocks_are_read() -> None:
    machine = Machine("never")
    assert machine.monotonic_ms() > 0
    assert machine.wall().at_ms > SOFTWARE_MS
    assert machine.wall().is_synchronised is False
    assert Machine("always").wall().is_synchronised is True


def test_two_openings_of_one_outbox_share_the_operating_system_s_boot(start: Callable[..., Gateway]) -> None:
    gateway = start(LyingMachine())
    with closing(
        sqlite3.connect(gateway.box.change(lambda c: c.execute("PRAGMA database_list").fetchone()[2]))
    ) as file:
        assert file.execute("SELECT count(DISTINCT os_boot) FROM boot").fetchone() == (1,)


def test_silence_is_judged_only_while_nothing_moves(start: Callable[..., Gateway]) -> None:
    """A move holds the outbox and wants the keeper; who held the keeper and wanted the outbox would stand still."""
    gateway = start(LyingMachine())
    judge = threading.Thread(target=gateway.keeper.judge_silence, args=(T0_MS, 0), daemon=True)
    with gateway.time.steady:
        judge.start()
        judge.join(0.2)
        assert judge.is_alive()
    judge.join(5.0)
    assert not judge.is_alive()
