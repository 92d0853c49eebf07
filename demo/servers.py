"""Chooses the demo's broker and stores: the real servers when they are on PATH or given, else the embedded ones."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from demo.supervisor import ProcessSpec, python_module
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONNECT_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Chosen:
    """A server the demo will use: what to call it on the first screen, its address, its process when we run it."""

    label: str
    url: str
    process: ProcessSpec | None


def port_is_open(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS):
            return True
    except OSError:
        return False


def answers(url: str) -> bool:
    """Whether an HTTP address answers with success."""
    try:
        with urlopen(url, timeout=CONNECT_SECONDS * 5) as response:  # noqa: S310, the demo's own loopback address
            return bool(response.status < 300)  # noqa: PLR2004, the success family of status codes
    except (URLError, OSError):
        return False


def choose_broker(folder: Path, port: int, wanted: str) -> Chosen:
    """Mosquitto when on PATH (or asked for), else the broker that comes in a wheel.

    Raises SettingProblem when Mosquitto was asked for by name and is not installed.
    """
    url = f"mqtt://127.0.0.1:{port}"
    if wanted.startswith("mqtt://"):
        return Chosen("the broker at the address given", wanted, None)
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if wanted == "mosquitto" and mosquitto is None:
        raise SettingProblem("mosquitto is not on PATH", variable="--broker")
    ready = _open_port(port)
    if wanted == "embedded" or mosquitto is None:
        command = python_module("demo.broker", "--port", str(port), "--folder", str(folder / "broker"))
        return Chosen("embedded broker (not for production)", url, ProcessSpec("broker", command, {}, ready))
    config = _write_mosquitto_config(folder, port)
    command = (mosquitto, "-c", str(config))
    return Chosen("Mosquitto", url, ProcessSpec("broker", command, {}, ready))


def choose_readings(folder: Path, port: int, wanted: str) -> Chosen:
    """InfluxDB at the address given, or `influxd` when on PATH, else embedded SQLite.

    Raises SettingProblem when influxd was asked for by name and is not installed.
    """
    if "://" in wanted:
        return Chosen("the readings store at the address given", wanted, None)
    influxd = shutil.which("influxd")
    if wanted == "influxd" and influxd is None:
        raise SettingProblem("influxd is not on PATH", variable="--readings")
    if wanted == "embedded" or influxd is None or not _is_influxdb_1(influxd):
        return Chosen("embedded SQLite", f"sqlite:///{folder / 'data' / 'readings.db'}", None)
    config = _write_influxd_config(folder, port)
    spec = ProcessSpec("influxd", (influxd, "run", "-config", str(config)), {}, _ping(port))
    return Chosen("InfluxDB 1.x", f"influxdb1+http://127.0.0.1:{port}/cc", spec)


def _open_port(port: int) -> Callable[[], bool]:
    return lambda: port_is_open(port)


def _ping(port: int) -> Callable[[], bool]:
    return lambda: answers(f"http://127.0.0.1:{port}/ping")


def _is_influxdb_1(influxd: str) -> bool:
    version = subprocess.run([influxd, "version"], capture_output=True, text=True, check=False, timeout=10)
    return "v1." in version.stdout or " 1." in version.stdout


def _write_mosquitto_config(folder: Path, port: int) -> Path:
    config = folder / "servers" / "mosquitto.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        f"listener {port} 127.0.0.1\n"
        "allow_anonymous true\n"
        "persistence false\n"
        "set_tcp_nodelay true\n"
        "max_inflight_messages 1000\n"
        "max_queued_messages 100000\n"
    )
    return config


def _write_influxd_config(folder: Path, port: int) -> Path:
    """The settings of an InfluxDB 1.x that binds to loopback only and holds any number of sensors."""
    config = folder / "servers" / "influxd.conf"
    data = folder / "servers" / "influxdb"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        "reporting-enabled = false\n"
        f'bind-address = "127.0.0.1:{port + 1}"\n'
        f'[meta]\ndir = "{data}/meta"\n'
        f'[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\nindex-version = "tsi1"\nquery-log-enabled = false\n'
        "max-values-per-tag = 0\nmax-series-per-database = 0\n"
        "[monitor]\nstore-enabled = false\n"
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
    )
    return config
