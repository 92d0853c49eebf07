"""The gateway as a real process: signals, settings, and SIGKILL while it sends."""

from __future__ import annotations

import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_agent.app import carried_by, make_source
from edge_agent.settings.file import load_settings
from edge_agent.settings.source import Ds01TcpSetting, LoggerFolderSetting, LoggerProbe
from edge_agent.sources.ds01_tcp import Ds01TcpSource
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.gateway_state import State
from tests.edge_agent.kit import (
    GATEWAY,
    MINUTE_MS,
    SENSOR,
    T0_MS,
    FakeIngest,
    Hub,
    capricious,
    everything,
    record,
    until,
    write_settings,
)
from tests.edge_agent.sources.rigs import DEVICE, w1_slave

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.broker import EmbeddedBroker

ROOT = Path(__file__).resolve().parents[2]
KILLS = 6


@contextmanager
def gateway(config: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def committed(path: Path) -> set[int]:
    """The truth, read from the file that the gateway left behind."""
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as file:
        return {stamp for (stamp,) in file.execute("SELECT measured_at_ms FROM item WHERE kind = 'row'")}


def pending(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("SELECT count(*) FROM item WHERE state = 0").fetchone()[0])


def unanswered_alarms(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("SELECT count(*) FROM alarm WHERE settled_at_ms IS NULL").fetchone()[0])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def minute(number: int, celsius: float = 4.5) -> bytes:
    return record(T0_MS + number * MINUTE_MS, celsius)


@contextmanager
def talking(hub: Hub) -> Iterator[None]:
    """A hub that says some hundred records a second, each once, until the end."""
    stop = threading.Event()

    def talk() -> None:
        number = 0
        while not stop.wait(0.02):
            hub.say(*[minute(number + one) for one in range(10)])
            number += 10

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_killed_while_sending_it_loses_nothing_that_it_had_kept(tmp_path: Path, broker: EmbeddedBroker) -> None:
    outbox, chance = tmp_path / "outbox.db", random.Random(11)
    kept: set[int] = set()
    with FakeIngest(broker.port, capricious(5)) as ingest, Hub(retells=False) as hub, talking(hub):
        ingest.forges = True
        config = write_settings(tmp_path, broker.url, hub_port=hub.port)
        for kill in range(1, KILLS + 1):
            with gateway(config) as process:
                until(lambda kill=kill: hub.calls == kill)  # type: ignore[misc] # bound now
                time.sleep(chance.uniform(0.1, 0.8))
                process.send_signal(signal.SIGKILL)
                process.wait()
            now_there = committed(outbox)
            assert kept <= now_there
            kept = now_there
        ingest.mood = everything
        with gateway(config) as process:
            until(lambda: kept <= {stamp for _, stamp in ingest.stored}, seconds=30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
        ingest.clear_retained()
    assert len(kept) > 200
    assert ingest.clashes == []
    assert len({batch.boot for batch in ingest.batches}) > 2


def test_the_will_names_the_session_that_was_lost(tmp_path: Path, broker: EmbeddedBroker) -> None:
    config = write_settings(tmp_path, broker.url, hub_port=free_port())
    with FakeIngest(broker.port) as ingest:
        with gateway(config) as process:
            until(lambda: ingest.states() and ingest.states()[-1].online)
            lost = ingest.states()[-1]
            process.kill()
        until(lambda: ingest.states()[-1] == State(gateway=lost.gateway, session=lost.session, online=False))
        with gateway(config) as process:
            until(lambda: ingest.states()[-1].online)
            assert ingest.states()[-1].session > lost.session
            process.terminate()
            assert process.wait(5) == 0
        until(lambda: not ingest.states()[-1].online)
        ingest.clear_retained()


def test_a_freezing_refrigerator_is_reported_and_its_recovery_too(tmp_path: Path, broker: EmbeddedBroker) -> None:
    outbox = tmp_path / "outbox.db"
    with FakeIngest(broker.port) as ingest, Hub() as hub:
        hub.say(*[minute(number, -0.6) for number in range(70)])
        config = write_settings(tmp_path, broker.url, hub_port=hub.port)
        with gateway(config):
            until(lambda: ingest.alarms)
            until(lambda: len(ingest.stored) == 70)
            hub.say(minute(70, 4.0))
            until(lambda: ingest.alarms[-1].cleared_at_ms is not None)
            until(lambda: unanswered_alarms(outbox) == pending(outbox) == 0)
        with gateway(config):
            until(lambda: hub.calls == 2 and hub.sent == 71)
            time.sleep(0.5)
        ingest.clear_retained()
    assert {(alarm.alarm, alarm.kind) for alarm in ingest.alarms} == {(f"{SENSOR}/freeze/{T0_MS}", AlarmKind.FREEZE)}
    assert [alarm.cleared_at_ms is not None for alarm in ingest.alarms] == [False, True]
    assert sum(len(batch.rows) for batch in ingest.batches) == 71


def test_it_says_ready_shows_its_page_and_stops_cleanly(tmp_path: Path, broker: EmbeddedBroker) -> None:
    port = free_port()
    with Hub() as hub:
        hub.say(minute(0, 4.5))
        config = write_settings(tmp_path, broker.url, hub_port=hub.port, gateway=f"local_page_port = {port}")
        with gateway(config) as process:
            until(lambda: hub.sent == 1)
            until(lambda: pending(tmp_path / "outbox.db") == 1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/gw?lang=hi", timeout=5) as answer:
                page = answer.read().decode()
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 0
            assert time.monotonic() - began < 3.0
            assert process.stderr is not None
            told = process.stderr.read()
    assert '<p class="figure' in page
    assert "edge_agent.app: ready" in told
    assert "Traceback" not in told


def test_nobody_answering_is_no_reason_to_stop(tmp_path: Path) -> None:
    config = write_settings(tmp_path, f"mqtt://127.0.0.1:{free_port()}", hub_port=free_port())
    with gateway(config) as process:
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.mark.parametrize("fault", ["missing file", "bad key", "taken port"])
def test_a_wrong_setting_is_one_line_and_exit_2(tmp_path: Path, fault: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = write_settings(tmp_path, gateway=f"local_page_port = {port}" if fault == "taken port" else "")
        if fault == "missing file":
            config.unlink()
        if fault == "bad key":
            (tmp_path / "gateway.key").write_text("nonsense")
        with gateway(config) as process:
            _, told = process.communicate(timeout=20)
    assert process.returncode == 2
    [line] = told.strip().splitlines()
    assert {"missing file": "gateway.toml", "bad key": "gateway.key_file", "taken port": str(port)}[fault] in line


def test_a_stop_writes_what_was_held_back_to_spare_the_flash(tmp_path: Path) -> None:
    device = tmp_path / "w1" / DEVICE
    device.mkdir(parents=True)
    (device / "w1_slave").write_text(w1_slave(4_562))
    config = write_settings(tmp_path, gateway="commit_rows = 100\ncommit_seconds = 600")
    with config.open("a") as more:
        more.write(f'[[source]]\nkind = "one_wire"\nroot = "{tmp_path}/w1"\n')
        more.write(f'[[source.probe]]\nprobe = "p"\ndevice = "{DEVICE}"\ninterval_ms = 1000\n')
    outbox = tmp_path / "outbox.db"
    with gateway(config) as process:
        until(outbox.exists)
        time.sleep(4.0)
        assert len(committed(outbox)) == 1, "only the first is written at once"
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert len(committed(outbox)) >= 3


def test_a_full_disk_at_the_start_is_waited_for_and_a_stop_still_obeyed(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk, so that no root is needed."""
    config = write_settings(tmp_path)
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -f 16; exec "$@"', "sh", *command], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "the outbox cannot be opened, trying until it can" in line
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(8) == 0
    process.communicate()


def test_the_command_line_explains_itself() -> None:
    command = [sys.executable, "-m", "edge_agent"]
    told = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "run" in told
    assert "replay" in told
    wrong = subprocess.run([*command, "dance"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2


def test_a_source_is_made_from_its_setting() -> None:
    made = make_source("gw", Ds01TcpSetting(port=9), lambda _name: None, lambda: 0)
    assert isinstance(made, Ds01TcpSource)


def test_probes_that_are_read_of_files_are_told_with_what_was_put_aside(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("nothing of use\n")
    folder = LoggerFolderSetting(
        folder=str(tmp_path),
        interval_seconds=0.05,
        probe=(LoggerProbe(probe="tag", appliance="ILR-4"), LoggerProbe(probe="other")),
    )
    settings = load_settings(write_settings(tmp_path, hub_port=9))
    settings = settings._replace(sources=(*settings.sources, folder))
    sources = [make_source(settings.gateway, setting, lambda _name: None, lambda: 0) for setting in settings.sources]
    sources[1].start(lambda _observations: None)
    until(lambda: carried_by(settings, sources).aside)
    sources[1].stop()
    told = carried_by(settings, sources)
    assert [(one.name, one.sensor) for one in told.probes] == [
        ("ILR-4", f"{GATEWAY}.tag"),
        ("other", f"{GATEWAY}.other"),
    ]
    assert [name for name, _ in told.aside] == ["odd.csv"]
