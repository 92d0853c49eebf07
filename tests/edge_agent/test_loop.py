from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent import loop
from edge_agent.keeper.keeper import Keeper
from edge_agent.outbox.ballast import Ballast
from edge_agent.outbox.outbox import DAY_MS, Outbox
from edge_agent.sample import Observation
from edge_agent.settings.file import load_settings
from edge_agent.uplink.uplink import Uplink
from sheetal.contracts.batch import Ack
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import GATEWAY, sample, until, write_settings

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.sample import Sink
    from tests.edge_agent.conftest import SetClock


class OneShot:
    """A source that says one thing when it is started."""

    def __init__(self, order: list[str]) -> None:
        self._order = order

    def start(self, sink: Sink) -> None:
        self._order.append("started")
        sink([Observation(samples=(sample(0),))])

    def stop(self) -> None:
        self._order.append("stopped")

    def is_connected(self) -> bool:
        return True


@pytest.fixture
def order() -> list[str]:
    return []


@pytest.fixture
def parts(tmp_path: Path, outbox: Outbox, clock: SetClock, order: list[str]) -> loop.Parts:
    settings = load_settings(write_settings(tmp_path, hub_port=1))
    uplink = Uplink(settings, outbox, clock=clock)
    ballast = Ballast(tmp_path / "ballast", 4_096)
    keeper = Keeper(settings, outbox, uplink.wake, lambda: loop.relieve(ballast, outbox))
    return loop.Parts([OneShot(order)], keeper, outbox, uplink, ballast)


class FakeTime:
    def __init__(self, *, is_anchored: bool = True) -> None:
        self.is_anchored = is_anchored
        self.looks = 0

    def look(self) -> None:
        self.looks += 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(loop, "TICKS_A_LOOK", 1)
    monkeypatch.setattr(loop, "TICKS_A_PRUNE", 2)


def test_it_brings_keeps_and_stops_in_order(parts: loop.Parts, order: list[str], tmp_path: Path) -> None:
    stopping = threading.Event()
    running = threading.Thread(target=loop.run, args=(parts, stopping, FakeTime()))
    running.start()
    until(lambda: parts.outbox.pending_count() == 1)
    until((tmp_path / "ballast").exists)
    stopping.set()
    running.join(5)
    assert not running.is_alive()
    assert order == ["started", "stopped"]


def test_chores_are_done_while_it_runs(parts: loop.Parts, clock: SetClock) -> None:
    time = FakeTime(is_anchored=False)
    parts.outbox.add_rows([sample(1)])
    parts.outbox.apply_ack(Ack(gateway=GATEWAY, boot=parts.outbox.boot, stored=[(1, 1)]))
    clock.at_ms += 61 * DAY_MS
    stopping = threading.Event()
    running = threading.Thread(target=loop.run, args=(parts, stopping, time))
    running.start()
    until(lambda: time.looks > 10)
    assert parts.outbox.counts().delivered == 1, "an unbelieved clock makes nothing old"
    time.is_anchored = True
    until(lambda: parts.outbox.counts().delivered == 0)
    stopping.set()
    running.join(5)


def test_relief_throws_the_ballast_and_settled_rows_away(parts: loop.Parts, tmp_path: Path) -> None:
    parts.ballast.lay()
    parts.outbox.add_rows([sample(number) for number in range(4)])
    parts.outbox.apply_ack(Ack(gateway=GATEWAY, boot=parts.outbox.boot, stored=[(1, 3)]))
    loop.relieve(parts.ballast, parts.outbox)
    assert not (tmp_path / "ballast").exists()
    assert (parts.outbox.pending_count(), parts.outbox.counts().delivered) == (1, 0)


def test_relief_and_pruning_survive_a_failing_disk(
    parts: loop.Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts.outbox._connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.DEBUG):
        loop.relieve(parts.ballast, parts.outbox)
        loop._prune(parts.outbox)
    other.execute("ROLLBACK")
    other.close()
    assert "nothing can be freed" in caplog.text
    assert "cannot be pruned now" in caplog.text


def test_it_goes_on_with_the_parts_it_is_given(parts: loop.Parts, order: list[str]) -> None:
    other = parts._replace(sources=[OneShot(order)], uplink=Uplink(parts.uplink._settings, parts.outbox))

    def manage(running: loop.Parts) -> loop.Parts:
        if running is parts:
            loop.stop(running)
            loop.start(other)
        return other

    stopping = threading.Event()
    running = threading.Thread(target=loop.run, args=(parts, stopping, FakeTime(), manage))
    running.start()
    until(lambda: order == ["started", "stopped", "started"])
    stopping.set()
    running.join(5)
    assert order == ["started", "stopped", "started", "stopped"]


class StubbornKeeper(Keeper):
    def commit(self) -> None:
        raise sqlite3.OperationalError("disk I/O error")


def test_a_disk_that_fails_at_the_end_keeps_nobody_from_stopping(
    parts: loop.Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load_settings(write_settings(tmp_path, hub_port=1))
    keeper = StubbornKeeper(settings, parts.outbox, parts.uplink.wake, lambda: None)
    with caplog.at_level(logging.ERROR):
        loop.stop(parts._replace(keeper=keeper))
    assert "held back" in caplog.text


def test_what_keeps_and_what_sends_must_get_on_and_a_device_that_is_away_may(parts: loop.Parts, outbox: Outbox) -> None:
    checks = dict(loop.checks(lambda: parts))
    assert checks["the outbox cannot be written"]()
    assert not checks["the uplink has ended"](), "it was not started"
    parts.uplink.start()
    assert checks["the uplink has ended"]()
    parts.uplink.stop()
    outbox.close()
    with pytest.raises(sqlite3.Error):
        checks["the outbox cannot be written"]()


def test_looking_at_the_outbox_writes_nothing(parts: loop.Parts, tmp_path: Path) -> None:
    log = next(tmp_path.glob("*-wal"))
    before = (log.stat().st_size, log.read_bytes())
    for _ in range(100):
        assert dict(loop.checks(lambda: parts))["the outbox cannot be written"]()
    assert (log.stat().st_size, log.read_bytes()) == before


def test_people_are_told_how_many_sources_answer_and_whether_there_is_a_link(parts: loop.Parts) -> None:
    assert loop.status(parts) == "1 of 1 sources answer; without the broker"


def test_an_outbox_whose_disk_fails_is_opened_when_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "OPEN_AGAIN_SECONDS", 0.01)
    ballast = Ballast(tmp_path / "ballast", 4_096)
    ballast.lay()
    tries: list[int] = []

    def make() -> Outbox:
        tries.append(1)
        if len(tries) < 5:
            raise sqlite3.OperationalError("database or disk is full")
        return Outbox(tmp_path / "other.db")

    opened = loop.open_patiently(make, ballast, threading.Event())
    assert opened is not None
    opened.close()
    assert (len(tries), (tmp_path / "ballast").exists()) == (5, False)
    assert caplog.text.count("cannot be opened, trying until it can") == 1


def test_a_gateway_that_waits_for_its_disk_can_be_stopped(tmp_path: Path) -> None:
    stopping = threading.Event()

    def make() -> Outbox:
        stopping.set()
        raise sqlite3.OperationalError("disk I/O error")

    assert loop.open_patiently(make, Ballast(tmp_path / "ballast"), stopping) is None


def test_a_file_that_is_no_outbox_still_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "o.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(SettingProblem):
        loop.open_patiently(lambda: Outbox(tmp_path / "o.db"), Ballast(tmp_path / "b"), threading.Event())


def test_what_is_due_is_done_every_second_and_a_failing_disk_ends_nothing(parts: loop.Parts, tmp_path: Path) -> None:
    parts.outbox._connection.execute("PRAGMA busy_timeout = 1")
    parts.outbox.add_rows([sample(number) for number in range(4)])
    parts.outbox.apply_ack(Ack(gateway=GATEWAY, boot=parts.outbox.boot, stored=[(1, 4)]))
    parts.outbox._resending = True
    with closing(sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        loop._carry_on(parts)
        other.execute("ROLLBACK")
    parts.outbox.resend(0, 2**62)
    assert parts.outbox.counts().pending == 4


def test_what_was_held_back_is_committed_when_the_gateway_stops(parts: loop.Parts) -> None:
    for number in range(2):
        parts.keeper.keep([Observation(samples=(sample(number),), local=True)])
    assert parts.outbox.pending_count() == 1
    loop.stop(parts)
    assert parts.outbox.pending_count() == 2


def test_a_mistake_of_ours_ends_the_gateway_but_loses_nothing_that_was_held_back(
    parts: loop.Parts, order: list[str]
) -> None:
    def fail(running: loop.Parts) -> loop.Parts:
        running.keeper.keep([Observation(samples=(sample(1),), local=True)])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop.run(parts, threading.Event(), FakeTime(), manage=fail)
    assert (parts.outbox.pending_count(), order) == (2, ["started", "stopped"])


def test_a_disk_that_stays_full_is_not_worn_by_trying(parts: loop.Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    at_seconds = [1_000.0]
    monkeypatch.setattr("edge_agent.outbox.outbox.time.monotonic", lambda: at_seconds[0])
    asked: list[str] = []
    parts.outbox._connection.set_trace_callback(asked.append)
    for _ in range(100):
        at_seconds[0] += 1.0
        loop.relieve(parts.ballast, parts.outbox)
    parts.outbox._connection.set_trace_callback(None)
    assert 6 <= len([one for one in asked if "wal_checkpoint" in one]) <= 8
    parts.ballast.lay()
    before = len(asked)
    parts.outbox._connection.set_trace_callback(asked.append)
    loop.relieve(parts.ballast, parts.outbox)
    parts.outbox._connection.set_trace_callback(None)
    assert len(asked) > before
