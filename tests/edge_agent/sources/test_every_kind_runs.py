"""The gateway as a real process with a real peer of each kind: started, keeping, stopped."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.edge_agent.kit import until, write_settings
from tests.edge_agent.sources.rigs import KINDS, rigged

ROOT = Path(__file__).resolve().parents[3]


def written(value: object) -> str:
    """A value in TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(inner)}" for key, inner in value.items() if inner is not None) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    return msgspec.json.encode(value).decode()


def kept(outbox: Path) -> list[float]:
    with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as file:
        return [value for (value,) in file.execute("SELECT value FROM item WHERE kind = 'row'")]


def has_kept(outbox: Path, value: int) -> bool:
    """Whether it stands in the outbox; no while there is none yet."""
    try:
        return value in kept(outbox)
    except sqlite3.OperationalError:
        return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_reading_of_every_kind_is_kept(tmp_path: Path, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = write_settings(tmp_path)
    with rigged(kind, tmp_path, port) as rig:
        config.write_text(f"source = [{written(msgspec.to_builtins(rig.setting))}]\n{config.read_text()}")
        rig.say(-41)
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: process.poll() is not None or has_kept(tmp_path / "outbox.db", -410))
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
        finally:
            process.kill()
            _, told = process.communicate()
    assert "Traceback" not in told
    assert "ready" in told
