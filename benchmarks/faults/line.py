"""The whole way of the data in real processes: simulator → gateways → broker → ingest, over SQLite stores."""

from __future__ import annotations

import socket
import sqlite3
import sys
import time
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, NamedTuple, Self

from benchmarks.faults.child import Child
from benchmarks.faults.scene import AS_SHIPPED, Options, Scene, key_of, scenario_text, settings_text, write_key
from demo.broker import answers, free_port
from firmware_sim.truth import Truth, read_truth
from sheetal.ledger.schema import upgrade
from sheetal.readings.connect import open_readings
from tests.ingest.enrolled import enrol
from tests.stack.servers import MOSQUITTO, mosquitto

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sheetal.contracts.reading import Reading

FAR_MS = 4_000_000_000_000
PORT_TRIES = 200
EMBEDDED = "embedded"
SERVER = "mosquitto"


class Programs(NamedTuple):
    """The modules that play each part; a test may put one with a planted fault in a part's place."""

    gateway: str = "edge_agent"
    ingest: str = "ingest"


REAL = Programs()


class Kept(NamedTuple):
    """One reading as an outbox keeps it; `state` is 0 pending, 1 delivered, 2 refused."""

    boot: int
    sequence: int
    sensor: str
    measured_at_ms: int
    centi_celsius: int | None
    quality: int
    state: int


class Line:
    """All processes of one scene in one folder; a context manager that ends what it started.

    `gateway_broker` and `ingest_broker` may be changed before `start` to put a link between a part and the broker.
    """

    def __init__(
        self,
        folder: Path,
        scene: Scene,
        options: Options = AS_SHIPPED,
        *,
        broker: str = EMBEDDED,
        programs: Programs = REAL,
    ) -> None:
        self.folder = folder
        self.scene = scene
        self.options = options
        self._programs = programs
        self.broker = broker_child(folder, broker)
        self.broker_port = int(self.broker.environment["PORT"])
        self.gateway_broker = self.ingest_broker = f"mqtt://127.0.0.1:{self.broker_port}"
        self.hub_port = free_ports(scene.gateways)
        self.truth_file = folder / "truth.jsonl"
        self.readings_url = f"sqlite:///{folder}/readings.db"
        self.telemetry_file = folder / "telemetry.db"
        self.simulator = self._simulator()
        self.ingest = self._ingest()
        self.gateways = {name: self._gateway(name) for name in scene.names}
        self._prepare()

    @property
    def children(self) -> list[Child]:
        """Every process, sources first."""
        return [self.simulator, *self.gateways.values(), self.ingest, self.broker]

    def start(self, *parts: Child) -> None:
        """Starts these parts, all of them by default, and returns when they serve."""
        self._write_settings()
        wanted = parts or (self.broker, self.ingest, self.simulator, *self.gateways.values())
        for child in wanted:
            child.start()
        for child in wanted:
            child.wait_until_ready()

    def stop(self) -> None:
        """Stops everything that runs."""
        for child in self.children:
            child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            child.kill()

    # What each witness says

    def truth(self) -> list[Truth]:
        """What the simulator's own log says that the probes could see."""
        return read_truth(self.truth_file) if self.truth_file.exists() else []

    def outbox(self, gateway: str) -> Path:
        """Where a gateway keeps its items."""
        return self.options.outbox or self.folder / f"{gateway}.outbox"

    def ask(self, gateway: str, query: str) -> list[tuple[object, ...]]:
        """What one gateway's outbox answers; nothing while it is not there."""
        file = self.outbox(gateway)
        if not file.exists():
            return []
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as outbox:
            return outbox.execute(query).fetchall()

    def kept(self) -> list[Kept]:
        """Every reading in every outbox."""
        query = "SELECT boot, sequence, source, measured_at_ms, value, quality, state FROM item WHERE kind = 'row'"
        return [Kept(*row) for name in self.scene.names for row in self.ask(name, query)]  # type: ignore[arg-type]

    def pending(self) -> int:
        """How many items of any kind wait for ingest's answer."""
        found = [self.ask(name, "SELECT count(*) FROM item WHERE state = 0") for name in self.scene.names]
        return sum(int(str(rows[0][0])) for rows in found if rows)

    def stored(self) -> list[Reading]:
        """Every reading in the store, by its port."""
        if not (self.folder / "readings.db").exists():
            return []
        with closing(open_readings(self.readings_url)) as store:
            return [reading for sensor in self.scene.sensors for reading in store.read(sensor, 0, FAR_MS)]

    def stored_count(self) -> int:
        """How many rows the store's file holds, of whatever sensor."""
        with suppress(sqlite3.Error), closing(_read_only(self.folder / "readings.db")) as store:
            return int(store.execute("SELECT count(*) FROM reading").fetchone()[0])
        return 0

    def telemetry_count(self, table: str) -> int:
        """How many rows one of ingest's own tables holds."""
        with closing(_read_only(self.telemetry_file)) as telemetry:
            return int(telemetry.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names

    # Set up

    def _prepare(self) -> None:
        (self.folder / "scenario.toml").write_text(scenario_text(self.scene))
        for name in self.scene.names:
            write_key(self.folder, name)
        upgrade(f"sqlite:///{self.folder}/ledger.db", f"sqlite:///{self.telemetry_file}")
        enrol(
            f"sqlite:///{self.folder}/ledger.db",
            self.folder / "field.key",
            {name: key_of(name) for name in self.scene.names},
        )

    def _write_settings(self) -> None:
        for number, name in enumerate(self.scene.names):
            text = settings_text(self.scene, name, self.gateway_broker, self.hub_port + number, self.options)
            (self.folder / f"{name}.toml").write_text(text)
        self.ingest.environment = {**self.ingest.environment, "SHEETAL_BROKER_URL": self.ingest_broker}

    def _simulator(self) -> Child:
        log = self.folder / "simulator.log"
        command = [sys.executable, "-m", "firmware_sim", "--scenario", str(self.folder / "scenario.toml")]
        command += ["--ports-from", str(self.hub_port), "--truth", str(self.truth_file)]
        return Child(command, log, lambda: log.exists() and "ready" in log.read_text())

    def _gateway(self, name: str) -> Child:
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-m", self._programs.gateway, "run", "--config", str(self.folder / f"{name}.toml")]
        return Child(command, log, lambda: log.exists() and "ready" in log.read_text())

    def _ingest(self) -> Child:
        health_port = free_port()
        environment = {
            "SHEETAL_LEDGER_URL": f"sqlite:///{self.folder}/ledger.db",
            "SHEETAL_TELEMETRY_URL": f"sqlite:///{self.telemetry_file}",
            "SHEETAL_READINGS_URL": self.readings_url,
            "SHEETAL_FIELD_KEY_FILE": str(self.folder / "field.key"),
            "SHEETAL_HEALTH_PORT": str(health_port),
        }
        command = [sys.executable, "-m", self._programs.ingest]
        return Child(command, self.folder / "ingest.log", lambda: is_well(health_port), environment)


def brokers() -> list[str]:
    """The brokers that this machine can run: Mosquitto when it is installed, else the one out of a wheel."""
    return [SERVER] if MOSQUITTO.exists() else [EMBEDDED]


def free_ports(count: int) -> int:
    """The first of so many loopback ports in a row that nobody listens on at this moment."""
    for _ in range(PORT_TRIES):
        first = free_port()
        with ExitStack() as stack, suppress(OSError, OverflowError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise RuntimeError(f"no {count} free ports in a row")


def wait_for(true: Callable[[], bool], seconds: float, pause_seconds: float = 0.1) -> bool:
    """Whether something came to hold within so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
    return True


def broker_child(folder: Path, kind: str) -> Child:
    """A broker of this kind, not yet started; its `environment` tells the port."""
    if kind == SERVER:
        server = mosquitto(folder)
        port = server.url.rpartition(":")[2]
        return Child(server.command, server.log, server.ready, {"PORT": port})
    port_v4, port_v5 = free_port(), free_port()
    command = [sys.executable, "-m", "demo.broker", "--folder", str(folder)]
    command += ["--port", str(port_v5), "--port-v4", str(port_v4)]
    return Child(command, folder / "broker.log", lambda: answers(port_v5), {"PORT": str(port_v5)})


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)


def is_well(port: int) -> bool:
    """Whether the service behind this health port calls itself well."""
    connection = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200  # noqa: PLR2004 - HTTP's OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
