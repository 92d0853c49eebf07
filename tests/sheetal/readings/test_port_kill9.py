"""What a store acknowledged is there after kill -9 of the process that writes and of the server that keeps it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings.connect import open_readings
from sheetal.readings.port import YEAR_2100_MS
from tests.sheetal.readings.conftest import TOKEN, influxdb
from tests.stack.servers import influxd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.readings.port import ReadingsStore

ROOT = Path(__file__).resolve().parents[3]
WRITERS_KILLED = 6
SERVERS_KILLED = 8
SENSORS = 20
START_MS = 1_763_870_400_000
WRITER = textwrap.dedent(
    """
    import sys
    from itertools import count
    from sheetal.contracts.reading import Reading
    from sheetal.readings.connect import open_readings

    url, token, first, sensors = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    store = open_readings(url, token or None)
    for number in count(first):
        rows = [Reading(f"gw-{row}.tvc", 1_763_870_400_000 + number, 450, 0, 1, number) for row in range(sensors)]
        assert store.write(rows).accepted == sensors
        print(number, flush=True)
    """
)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("influxdb1", marks=pytest.mark.stack),
        pytest.param("influxdb2", marks=pytest.mark.stack),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a store that outlives its writer."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/readings.db", ""
        return
    name = f"kill{tmp_path.name.replace('-', '_')}"[:40]
    with influxdb(request.param, request.getfixturevalue("influxdb_url"), name) as url:
        yield url, "" if request.param == "influxdb1" else TOKEN


def sequences(store: ReadingsStore, sensor: str) -> set[int]:
    return {sample.sequence for sample in store.read(sensor, 0, YEAR_2100_MS)}


def killed_writer(url: str, token: str, first: int, *, after_lines: int) -> int:
    """Kills a process in the middle of its writes and says how far it had heard that rows are durable."""
    command = [sys.executable, "-c", WRITER, url, token, str(first), str(SENSORS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(after_lines)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    return [int(line) for line in lines if line.endswith(b"\n")][-1] + 1


def test_no_acknowledged_row_is_lost_when_the_writer_is_killed(place: tuple[str, str]) -> None:
    """Each try kills a real process in mid-write; the next goes on in the same store."""
    url, token = place
    acknowledged = 0
    for attempt in range(WRITERS_KILLED):
        acknowledged = killed_writer(url, token, acknowledged, after_lines=10 + 7 * attempt)
        with closing(open_readings(url, token or None)) as store:
            for row in range(SENSORS):
                stored = sequences(store, f"gw-{row}.tvc")
                assert stored >= set(range(acknowledged))
                assert max(stored) <= acknowledged  # at most the one batch that was under way


@pytest.mark.stack
def test_no_acknowledged_row_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    """Each try kills the server at another moment of running writes; what was not acknowledged is sent again."""
    server = influxd(tmp_path)
    server.start()
    acknowledged = 0
    try:
        with closing(open_readings(server.url)) as store:
            for attempt in range(SERVERS_KILLED):
                killer = threading.Timer(0.1 + 0.05 * attempt, server.kill)
                killer.start()
                acknowledged = _write_until_it_dies(store, acknowledged)
                killer.join()
                server.start()
                rows = store.read("gw-01.tvc", 0, YEAR_2100_MS, limit=acknowledged)
                assert rows == [_row(number) for number in range(acknowledged)]
    finally:
        server.stop()
    assert acknowledged > 0


@pytest.mark.stack
def test_a_server_that_hangs_is_given_up_and_nothing_is_called_durable(tmp_path: Path) -> None:
    server = influxd(tmp_path)
    server.start()
    try:
        with closing(open_readings(server.url)) as store:
            store.write([_row(0)])
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            ended: list[object] = []
            thread = threading.Thread(target=lambda: ended.append(_outcome(store, [_row(1)])))
            thread.start()
            time.sleep(1.0)
            assert ended == []
            server.process.send_signal(signal.SIGCONT)
            thread.join(60.0)
            assert ended == [1]
            assert store.read("gw-01.tvc", 0, YEAR_2100_MS) == [_row(0), _row(1)]
    finally:
        server.stop()


def _outcome(store: ReadingsStore, batch: list[Reading]) -> object:
    try:
        return store.write(batch).accepted
    except Unavailable as problem:
        return problem


def _write_until_it_dies(store: ReadingsStore, acknowledged: int) -> int:
    while True:
        outcome = _outcome(store, [_row(acknowledged + number) for number in range(200)])
        if isinstance(outcome, Unavailable):
            assert outcome.retry_after_seconds > 0
            return acknowledged
        acknowledged += 200


def _row(number: int) -> Reading:
    return Reading("gw-01.tvc", START_MS + number, 450, 0, 7, number)
