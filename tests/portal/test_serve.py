from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal import serve
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

ROOT = Path(__file__).parents[2]
READY_SECONDS = 20


def surroundings(stage: Stage, port: int) -> dict[str, str]:
    settings = stage.settings
    return {
        "PATH": os.environ["PATH"],
        "SHEETAL_LEDGER_URL": settings.ledger_url,
        "SHEETAL_TELEMETRY_URL": settings.telemetry_url,
        "SHEETAL_FIELD_KEY_FILE": str(settings.field_key_file),
        "SHEETAL_PORTAL_PORT": str(port),
        "SHEETAL_PORTAL_URL": f"http://127.0.0.1:{port}",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "portal"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_ready_answers_and_stops_cleanly(stage: Stage, number: signal.Signals) -> None:
    port = free_port()
    process = start(surroundings(stage, port))
    assert process.stderr is not None
    try:
        lines = [json.loads(process.stderr.readline())]
        while lines[-1]["event"] != "ready":
            lines.append(json.loads(process.stderr.readline()))
        assert lines[-1]["port"] == port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            assert answer.status == 200
            assert "server" not in {name.lower() for name in answer.headers}
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - began < 3
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"SHEETAL_PORTAL_PORT": "many"}, "SHEETAL_PORTAL_PORT"),
        ({"SHEETAL_LEDGER_URL": "sqlite:////nowhere/at/all.db"}, "SHEETAL_LEDGER_URL"),
        ({"SHEETAL_FIELD_KEY_FILE": "/nowhere/key"}, "SHEETAL_FIELD_KEY_FILE"),
    ],
)
def test_a_wrong_setting_stops_the_start_in_one_line(stage: Stage, change: dict[str, str], variable: str) -> None:
    process = start(surroundings(stage, free_port()) | change)
    _, said = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == 2
    assert variable in said
    assert said.count("\n") == 1


def test_a_taken_port_is_named(stage: Stage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        process = start(surroundings(stage, port))
        _, said = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == 2
    assert f"127.0.0.1:{port}" in said


def test_listening_begins_before_ready_is_said() -> None:
    listening = serve.listen("127.0.0.1", 0, "SHEETAL_PORTAL_PORT")
    try:
        with socket.create_connection(listening.getsockname()[:2], timeout=2):
            pass
    finally:
        listening.close()


def test_an_impossible_address_is_named() -> None:
    with pytest.raises(SettingProblem) as caught:
        serve.listen("203.0.113.1", 0, "SHEETAL_PORTAL_PORT")
    assert caught.value.facts["variable"] == "SHEETAL_PORTAL_PORT"
