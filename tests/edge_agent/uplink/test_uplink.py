from __future__ import annotations

import logging
import socket
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from demo.broker import EmbeddedBroker
from edge_agent.outbox.outbox import Intake, Outbox
from edge_agent.sample import DaySummaryDraft
from edge_agent.settings.file import Settings, load_settings
from edge_agent.uplink.uplink import Uplink, UplinkStatus
from sheetal.contracts.clock import now_ms
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm
from sheetal.contracts.gateway_state import State
from sheetal.contracts.topics import Channel
from tests.edge_agent.kit import (
    GATEWAY,
    SENSOR,
    FakeIngest,
    capricious,
    nothing,
    refuse,
    sample,
    until,
    write_settings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALARM = DeviceAlarm(
    alarm="a",
    gateway=GATEWAY,
    boot=1,
    sensor=SENSOR,
    kind=AlarmKind.FREEZE,
    began_at_ms=1,
    fired_at_ms=2,
    cleared_at_ms=None,
    extreme_centi_celsius=-60,
    limit_centi_celsius=-50,
    limit_minutes=60,
)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.db")
    yield opened
    opened.close()


@pytest.fixture
def settings(tmp_path: Path, broker: EmbeddedBroker) -> Settings:
    return load_settings(write_settings(tmp_path, broker.url, hub_port=1))


@pytest.fixture
def ingest(broker: EmbeddedBroker) -> Iterator[FakeIngest]:
    with FakeIngest(broker.port) as running:
        yield running
        running.clear_retained()


@pytest.fixture
def uplink(settings: Settings, box: Outbox) -> Iterator[Uplink]:
    running = Uplink(settings, box)
    running.start()
    yield running
    running.stop()


def test_an_item_that_cannot_be_read_back_does_not_silence_the_gateway(
    settings: Settings, ingest: FakeIngest, box: Outbox, tmp_path: Path
) -> None:
    box.add_days([DaySummaryDraft(SENSOR, 1, 2, 300, 700, -50, 60, 800, 600, 0, 0, 0)])
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as disk:
        disk.execute("UPDATE item SET body = x'00'")
        disk.commit()
    uplink = Uplink(settings, box)
    uplink.start()
    try:
        until(lambda: uplink.status().connected)
        time.sleep(1.5)
        box.add_rows([sample(0)._replace(measured_at_ms=now_ms(), notable=True)])
        uplink.wake()
        until(lambda: box.counts().delivered == 1)
    finally:
        uplink.stop()
    assert (box.counts().pending, box.counts().refused) == (0, 1)
    assert len(ingest.batches) == 1


def test_birth_and_state_carry_the_session(ingest: FakeIngest, uplink: Uplink, box: Outbox) -> None:
    until(lambda: uplink.status().connected and ingest.states())
    session = uplink.status().session
    [birth] = ingest.births()
    assert (birth.gateway, birth.boot, birth.session, birth.sensors) == (GATEWAY, box.boot, session, [SENSOR])
    assert abs(birth.at_ms - now_ms()) < 60_000
    assert ingest.states() == [State(gateway=GATEWAY, session=session, online=True)]
    told = [channel for channel, _, retained in ingest.others if not retained]
    assert told == [Channel.BIRTH, Channel.STATE]
    uplink.stop()
    until(lambda: len(ingest.states()) == 2)
    assert ingest.states()[1] == State(gateway=GATEWAY, session=session, online=False)


def test_birth_and_state_are_retained(broker: EmbeddedBroker, uplink: Uplink) -> None:
    until(lambda: uplink.status().connected)
    time.sleep(0.2)
    with FakeIngest(broker.port) as later:
        until(lambda: len(later.others) == 2)
        assert all(retained for _, _, retained in later.others)
        later.clear_retained()


def test_rows_days_and_alarms_arrive_and_are_settled(ingest: FakeIngest, uplink: Uplink, box: Outbox) -> None:
    day = DaySummaryDraft(SENSOR, 0, 86_400_000, 1, 2, -50, 60, 800, 600, 0, 0, 0)
    box.add(Intake(rows=[sample(number) for number in range(50)], days=[day], alarms=[ALARM]))
    uplink.wake()
    until(lambda: box.pending_count() == 0 and box.counts().alarms_pending == 0)
    assert (len(ingest.stored), ingest.days, ingest.alarms) == (50, [SENSOR], [ALARM])
    assert abs((uplink.status().last_ack_at_ms or 0) - now_ms()) < 60_000
    assert uplink.status().items_in_flight == 0


def test_without_an_application_ack_nothing_is_settled(ingest: FakeIngest, uplink: Uplink, box: Outbox) -> None:
    ingest.mood = nothing
    box.add_rows([sample(0)])
    uplink.wake()
    until(lambda: len(ingest.batches) >= 3)
    assert len({batch.rows[0] for batch in ingest.batches}) == 1
    assert box.pending_count() == 1


def test_a_forged_ack_is_ignored(
    ingest: FakeIngest, uplink: Uplink, box: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    ingest.mood, ingest.forges = nothing, True
    box.add_rows([sample(0)])
    uplink.wake()
    with caplog.at_level(logging.WARNING):
        until(lambda: "wrong_mac" in caplog.text)
    assert box.pending_count() == 1
    assert uplink.status().last_ack_at_ms is None
    ingest.mood = capricious(1)
    until(lambda: box.pending_count() == 0)
    assert len(ingest.stored) == 1


def test_a_refusal_is_kept_aside(ingest: FakeIngest, uplink: Uplink, box: Outbox) -> None:
    ingest.mood = nothing
    box.add_rows([sample(0)])
    uplink.wake()
    until(lambda: ingest.batches)
    ingest.publish(Channel.ACK, refuse(box.boot, 1, 1))
    until(lambda: box.pending_count() == 0)
    assert [reason for _, reason in box.refusals()] == ["implausible"]


def test_an_alarm_is_sent_again_until_alerts_answers(ingest: FakeIngest, uplink: Uplink, box: Outbox) -> None:
    ingest.acknowledges_alarms = False
    box.add(Intake(alarms=[ALARM]))
    uplink.wake()
    until(lambda: len(ingest.alarms) >= 3)
    ingest.acknowledges_alarms = True
    until(lambda: box.counts().alarms_pending == 0)
    cleared = msgspec.structs.replace(ALARM, cleared_at_ms=9)
    box.add(Intake(alarms=[cleared]))
    uplink.wake()
    until(lambda: box.counts().alarms_pending == 0)
    assert ingest.alarms[-1] == cleared


def test_a_capricious_ingest_gets_every_row_exactly(ingest: FakeIngest, uplink: Uplink, box: Outbox) -> None:
    ingest.mood = capricious(7)
    box.add_rows([sample(number) for number in range(4_000)])
    uplink.wake()
    until(lambda: box.pending_count() == 0, seconds=30)
    assert len(ingest.stored) == 4_000
    assert ingest.clashes == []


def test_a_day_of_history_drains_by_the_thousands_a_second(ingest: FakeIngest, settings: Settings, box: Outbox) -> None:
    box.add_rows([sample(number) for number in range(20_000)])
    uplink = Uplink(settings._replace(uplink=msgspec.structs.replace(settings.uplink, backlog_rows_per_second=0)), box)
    began = time.monotonic()
    uplink.start()
    until(lambda: box.pending_count() == 0, seconds=30)
    taken = time.monotonic() - began
    uplink.stop()
    assert max(len(batch.rows) for batch in ingest.batches) == 500
    assert all(batch.history for batch in ingest.batches)
    assert 20_000 / taken > 2_000


def test_a_broker_that_is_killed_and_comes_back_empty_costs_nothing(tmp_path: Path, box: Outbox) -> None:
    broker = EmbeddedBroker(tmp_path / "broker").start()
    uplink = Uplink(load_settings(write_settings(tmp_path, broker.url)), box)
    try:
        ingest = FakeIngest(broker.port, capricious(3))
        uplink.start()
        for kill in range(3):
            box.add_rows([sample(kill * 1_000 + number) for number in range(1_000)])
            uplink.wake()
            until(lambda kill=kill: len(ingest.stored) > kill * 1_000 + 100)  # type: ignore[misc] # bound now
            broker.kill()
            until(lambda: not uplink.status().connected)
            broker.start()
        until(lambda: box.pending_count() == 0, seconds=40)
        assert len(ingest.stored) == 3_000
        ingest.close()
    finally:
        uplink.stop()
        broker.stop()


def test_a_broker_that_is_away_at_first_is_found_later(tmp_path: Path, box: Outbox) -> None:
    broker = EmbeddedBroker(tmp_path / "broker")
    uplink = Uplink(load_settings(write_settings(tmp_path, broker.url)), box)
    uplink.start()
    time.sleep(0.3)
    assert not uplink.status().connected
    with broker:
        until(lambda: uplink.status().connected)
        uplink.stop()


def test_each_connection_is_a_new_session(settings: Settings, ingest: FakeIngest, box: Outbox) -> None:
    uplink = Uplink(settings, box)
    uplink.start()
    until(lambda: uplink.status().connected)
    first = uplink.status().session
    rival = Uplink(settings, box)
    rival._sessions.number += 500
    rival.start()
    until(lambda: not uplink.status().connected)
    rival.stop()
    until(lambda: uplink.status().connected and uplink.status().session > first)
    uplink.stop()
    assert [birth.session for birth in ingest.births()].count(first) == 1


def test_it_stops_within_three_seconds_before_a_broker_that_never_answers(tmp_path: Path, box: Outbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"mqtt://127.0.0.1:{deaf.getsockname()[1]}"
        uplink = Uplink(load_settings(write_settings(tmp_path, url)), box)
        uplink.start()
        time.sleep(0.3)
        began = time.monotonic()
        uplink.stop()
        assert time.monotonic() - began < 3.0
        until(lambda: "uplink" not in {thread.name for thread in threading.enumerate()})


def test_a_refused_login_is_said_and_tried_again_more_slowly(
    tmp_path: Path, box: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    connack_not_authorised = b"\x20\x03\x00\x87\x00"
    calls: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as strict:
        strict.settimeout(0.1)
        url = f"mqtt://127.0.0.1:{strict.getsockname()[1]}"
        uplink = Uplink(load_settings(write_settings(tmp_path, url)), box)
        with caplog.at_level(logging.ERROR):
            uplink.start()
            deadline = time.monotonic() + 10
            while len(calls) < 2 and time.monotonic() < deadline:
                try:
                    caller, _ = strict.accept()
                except TimeoutError:
                    continue
                with caller:
                    calls.append(time.monotonic())
                    caller.recv(4_096)
                    caller.sendall(connack_not_authorised)
                    time.sleep(0.1)
            uplink.stop()
    assert len(calls) == 2
    assert calls[1] - calls[0] >= 0.5
    assert "does not let this gateway in" in caplog.text
    assert "retired" in uplink.status().problem


def test_what_the_page_shows_goes_on_where_another_uplink_stopped(settings: Settings, box: Outbox) -> None:
    after = Uplink(settings, box)
    after.carry_on(
        UplinkStatus(connected=True, session=1, last_ack_at_ms=5, items_in_flight=0, refused_messages=7, acks=3)
    )
    status = after.status()
    assert (status.last_ack_at_ms, status.refused_messages, status.acks) == (5, 7, 0)


def test_a_disk_that_fails_for_a_while_is_told_once_and_ends_nothing(
    ingest: FakeIngest,
    settings: Settings,
    box: Outbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    box.add_rows([sample(number) for number in range(20)])
    tries: list[int] = []
    works = box.next_batch

    def fails_three_times(*asked: object, **more: object) -> object:
        tries.append(1)
        if len(tries) <= 3:
            raise sqlite3.OperationalError("disk I/O error")
        return works(*asked, **more)  # type: ignore[arg-type] # as it is called

    monkeypatch.setattr(box, "next_batch", fails_three_times)
    uplink = Uplink(settings, box)
    uplink.start()
    until(lambda: box.pending_count() == 0)
    uplink.stop()
    assert len(ingest.stored) == 20
    assert caplog.text.count("the outbox cannot be read or written now: disk I/O error") == 1
