"""Real servers of Debian's packages for the stack tests: PostgreSQL 15, Mosquitto 2.0.11, InfluxDB 1.6.7.

Each binds 127.0.0.1 on a free port, keeps its files in a temporary folder and is stopped by its own process id.
`…_server(folder)` yields an address; a test that kills and restarts makes the `Server` itself (`mosquitto(folder)`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POSTGRESQL_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
MOSQUITTO = Path("/usr/sbin/mosquitto")
INFLUXD = Path("/usr/bin/influxd")
READY_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 20.0


@dataclass(slots=True)
class Server:
    """One server process; `start` may be called again after `stop` or `kill`, on the same port and files."""

    url: str
    command: list[str]
    log: Path
    ready: Callable[[], bool]
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd="/", **_as_user(self.user))
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                message = f"{self.command[0]} did not start:\n{self.log.read_text(errors='replace')[-2000:]}"
                raise RuntimeError(message)
            time.sleep(0.02)

    def stop(self) -> None:
        self._end(self.stop_signal)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, with_signal: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server while it runs; whatever the test did to it, it is stopped afterwards."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """A fresh PostgreSQL cluster with one empty database `sheetal`; yields its SQLAlchemy address.

    The data stand in a folder of their own below the system's temporary one, because the `postgres` user may not
    enter a test's private folder; `folder` gets the log. fsync is off: a killed process loses nothing by that.
    """
    with postgresql(folder) as server, running(server):
        subprocess.run(
            [
                POSTGRESQL_PROGRAMS / "createdb",
                "-h",
                "127.0.0.1",
                "-p",
                str(port_of(server.url)),
                "-U",
                "postgres",
                "sheetal",
            ],
            check=True,
            cwd="/",
            **_as_user(server.user),
        )
        yield server.url


@contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """A PostgreSQL cluster, not yet started; its data are removed at the end."""
    user = "postgres" if os.geteuid() == 0 else None
    data = Path(tempfile.mkdtemp(prefix="sheetal-postgresql-"))
    try:
        if user:
            shutil.chown(data, user)
        port = free_port()
        initdb = [POSTGRESQL_PROGRAMS / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8"]
        subprocess.run(
            [*initdb, "--locale=C.UTF-8", "--no-sync"],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            **_as_user(user),
        )
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(data), "fsync": "off"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        yield Server(
            url=f"postgresql+psycopg://postgres@127.0.0.1:{port}/sheetal",
            command=[str(POSTGRESQL_PROGRAMS / "postgres"), "-D", str(data), "-p", str(port), *options],
            log=folder / "postgresql.log",
            ready=lambda: _postgresql_answers(port, user),
            user=user,
            stop_signal=signal.SIGINT,
        )
    finally:
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def mosquitto_server(
    folder: Path,
    *,
    acl_file: Path | None = None,
    password_file: Path | None = None,
    persistence: bool = False,
) -> Iterator[str]:
    """A Mosquitto broker; yields `mqtt://127.0.0.1:port`. Without a password file anyone may connect."""
    with running(mosquitto(folder, acl_file=acl_file, password_file=password_file, persistence=persistence)) as server:
        yield server.url


def mosquitto(
    folder: Path,
    *,
    acl_file: Path | None = None,
    password_file: Path | None = None,
    persistence: bool = False,
) -> Server:
    """A Mosquitto broker, not yet started, with the queue and window settings that the project ships."""
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1",
        f"user {pwd.getpwuid(os.geteuid()).pw_name}",
        f"allow_anonymous {'false' if password_file else 'true'}",
        "set_tcp_nodelay true",
        "max_inflight_messages 1000",
        "max_queued_messages 100000",
        "max_queued_bytes 268435456",
        f"persistence {'true' if persistence else 'false'}",
        f"persistence_location {folder}/",
        "autosave_interval 300",
        *([f"password_file {password_file}"] if password_file else []),
        *([f"acl_file {acl_file}"] if acl_file else []),
    ]
    conf = folder / f"mosquitto-{port}.conf"
    conf.write_text("\n".join(lines) + "\n")
    return Server(
        url=f"mqtt://127.0.0.1:{port}",
        command=[str(MOSQUITTO), "-c", str(conf)],
        log=folder / f"mosquitto-{port}.log",
        ready=lambda: port_answers(port),
    )


def add_mosquitto_password(password_file: Path, username: str, password: str) -> None:
    """One more login in a Mosquitto password file, made when missing."""
    create = [] if password_file.exists() else ["-c"]
    subprocess.run(
        ["mosquitto_passwd", *create, "-b", str(password_file), username, password],
        check=True,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def influxd_server(folder: Path) -> Iterator[str]:
    """An InfluxDB 1.6.7 with an empty database `cc` kept for ever; yields `influxdb1+http://127.0.0.1:port/cc`."""
    with running(influxd(folder)) as server:
        create_influx_database(server.url, "cc")
        yield server.url


def influxd(folder: Path, **data: str) -> Server:
    """An InfluxDB 1.6.7, not yet started; no limit on series, no monitoring database, loopback only.

    `data` are further settings of its section [data], `wal_fsync_delay='"0s"'`, or others in place of these.
    """
    data = {"max_values_per_tag": "0", "max_series_per_database": "0"} | data
    port, rpc_port = free_port(), free_port()
    conf = folder / f"influxd-{port}.conf"
    conf.write_text(
        "\n".join(
            [
                "reporting-enabled = false",
                f'bind-address = "127.0.0.1:{rpc_port}"',
                "[meta]",
                f'dir = "{folder}/influxd-{port}/meta"',
                "[data]",
                f'dir = "{folder}/influxd-{port}/data"',
                f'wal-dir = "{folder}/influxd-{port}/wal"',
                'index-version = "tsi1"',
                "query-log-enabled = false",
                *(f"{name.replace('_', '-')} = {value}" for name, value in data.items()),
                "[monitor]",
                "store-enabled = false",
                "[http]",
                f'bind-address = "127.0.0.1:{port}"',
                "log-enabled = false",
                "",
            ],
        ),
    )
    return Server(
        url=f"influxdb1+http://127.0.0.1:{port}/cc",
        command=[str(INFLUXD), "run", "-config", str(conf)],
        log=folder / f"influxd-{port}.log",
        ready=lambda: _http_answers(port),
    )


def create_influx_database(url: str, name: str) -> None:
    """An empty database without expiry and with 7-day shards."""
    query = f"q=CREATE+DATABASE+{name}+WITH+DURATION+INF+REPLICATION+1+SHARD+DURATION+7d"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert _http_status("POST", port_of(url), "/query", query, headers) == 200


def port_of(url: str) -> int:
    """The port that an address names."""
    return int(url.split("://", 1)[1].partition("/")[0].rpartition(":")[2])


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def _http_answers(port: int) -> bool:
    try:
        return _http_status("GET", port, "/ping") == 204
    except (OSError, HTTPException):
        return False


def _http_status(method: str, port: int, path: str, body: str = "", headers: dict[str, str] | None = None) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def _postgresql_answers(port: int, user: str | None) -> bool:
    command = [POSTGRESQL_PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False, cwd="/", **_as_user(user)).returncode == 0


def _as_user(user: str | None) -> dict[str, object]:
    return {"user": user, "group": user, "extra_groups": []} if user else {}
