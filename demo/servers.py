"""Chooses the demo's broker and stores: the real servers when they are on PATH or given, else the embedded ones."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from demo import mosquitto
from demo.supervisor import ProcessSpec, python_module
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

CONNECT_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Chosen:
    """A server the demo will use: what to call it on the first screen, its address, its process when we run it.

    `passwords` are those it asks for, by user name; none where anybody may come in. `gateway_url` is where a gateway
    that is taken in at the portal comes in: by its certificate where the broker asks for one.
    """

    label: str
    url: str
    process: ProcessSpec | None
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    gateway_url: str = ""


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


def choose_broker(
    folder: Path, port: int, wanted: str, users: Sequence[str], gateways: tuple[int, Path] | None = None
) -> Chosen:
    """Mosquitto when on PATH (or asked for), each user with a password of its own; else the broker out of a wheel.

    `gateways` are the port and the authority's folder for those who come by certificate; only Mosquitto knows such.
    Raises SettingProblem when Mosquitto was asked for by name and is not installed, and for any other word.
    """
    url = f"mqtt://127.0.0.1:{port}"
    if wanted.startswith("mqtt://"):
        return Chosen("the broker at the address given", wanted, None, gateway_url=wanted.rstrip("/"))
    if wanted not in {"auto", "mosquitto", "embedded"}:
        raise SettingProblem(f"--broker {wanted}: not auto, mosquitto, embedded or mqtt://…", variable="--broker")
    programs = None if wanted == "embedded" else mosquitto.find()
    if wanted == "mosquitto" and programs is None:
        raise SettingProblem("--broker mosquitto: it is not on PATH", variable="--broker")
    if programs is None:
        command = python_module("demo.broker", "--port", str(port), "--folder", str(folder / "broker"))
        process = ProcessSpec("broker", command, {}, _open_port(port))
        return Chosen("embedded broker (not for production)", url, process, gateway_url=url)
    passwords = mosquitto.make_passwords(users)
    more = mosquitto.by_certificate(*gateways) if gateways else ""
    settings = mosquitto.write_settings(programs, folder / "servers", port, passwords, more)
    process = ProcessSpec("broker", (programs.broker, "-c", str(settings)), {}, _open_port(port))
    gateway_url = f"mqtts://127.0.0.1:{gateways[0]}" if gateways else url
    return Chosen("Mosquitto, a password each", url, process, passwords, gateway_url)


def choose_readings(folder: Path, port: int, rpc_port: int, wanted: str) -> Chosen:
    """InfluxDB at the address given, or `influxd` when on PATH, else embedded SQLite.

    Raises SettingProblem when influxd was asked for by name and is not installed, and for any other word.
    """
    if "://" in wanted:
        return Chosen("the readings store at the address given", wanted, None)
    if wanted not in {"auto", "influxd", "embedded"}:
        raise SettingProblem(f"--readings {wanted}: not auto, influxd, embedded or an address", variable="--readings")
    influxd = shutil.which("influxd")
    if wanted == "influxd" and (influxd is None or not _is_influxdb_1(influxd)):
        raise SettingProblem("--readings influxd: no InfluxDB 1.x is on PATH", variable="--readings")
    if wanted == "embedded" or influxd is None or not _is_influxdb_1(influxd):
        return Chosen("embedded SQLite", f"sqlite:///{folder / 'data' / 'readings.db'}", None)
    config = _write_influxd_config(folder, port, rpc_port)
    spec = ProcessSpec("influxd", (influxd, "run", "-config", str(config)), {}, _ping(port))
    return Chosen("InfluxDB 1.x", f"influxdb1+http://127.0.0.1:{port}/cc", spec)


def _open_port(port: int) -> Callable[[], bool]:
    return lambda: port_is_open(port)


def _ping(port: int) -> Callable[[], bool]:
    return lambda: answers(f"http://127.0.0.1:{port}/ping")


def _is_influxdb_1(influxd: str) -> bool:
    version = subprocess.run([influxd, "version"], capture_output=True, text=True, check=False, timeout=10)
    return "v1." in version.stdout or " 1." in version.stdout


def _write_influxd_config(folder: Path, port: int, rpc_port: int) -> Path:
    """The settings of an InfluxDB 1.x that binds to loopback only and holds any number of sensors."""
    config = folder / "servers" / "influxd.conf"
    data = folder / "servers" / "influxdb"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        "reporting-enabled = false\n"
        f'bind-address = "127.0.0.1:{rpc_port}"\n'
        f'[meta]\ndir = "{data}/meta"\n'
        f'[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\nindex-version = "tsi1"\nquery-log-enabled = false\n'
        "max-values-per-tag = 0\nmax-series-per-database = 0\n"
        "[monitor]\nstore-enabled = false\n"
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
    )
    return config
