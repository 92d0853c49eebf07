"""Gateways on machines whose clocks lie: each reading stands where it was measured, or says that nobody knows when.

Real gateways, a real broker and the real ingest. Each gateway's machine has clocks of its own (lying_gateway), a probe
whose temperature tells the time (ticking_probe) and a link that is there when its case says so.
"""

from __future__ import annotations

import socket
import sqlite3
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.faults import lying_gateway
from benchmarks.faults.child import Child
from benchmarks.faults.clock_cases import CASES, Case
from benchmarks.faults.clock_checks import Item, Seen, problems
from benchmarks.faults.line import EMBEDDED, Line, brokers, wait_for
from benchmarks.faults.lying_gateway import Lie
from benchmarks.faults.scene import Scene, key_of
from benchmarks.faults.ticking_probe import DEVICE, TickingProbe, true_ms
from demo.broker import free_port
from sheetal.contracts.device_alarm import AlarmAck, DeviceAlarm
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel, of_every_gateway, of_gateway, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

FULL = 2 * len(CASES)
GROUP = 5
HOW = (
    "gateways whose wall clock is in 1970, 2 h or 3 days ahead, a year behind or stepping 2 h both ways, or whose "
    "crystal is 10 % off; with and without a link, killed and powered off, a freeze in each; every reading stored "
    "once at its instant ± 1.5 s or without one, strictly increasing, one alarm for each freeze at its instants"
)
DRAIN_SECONDS_MAX = 60.0
BOOTED_BEFORE_MS = 40_000
ALARMS = msgspec.json.Decoder(DeviceAlarm)


def run(first: int, count: int, broker: str = "") -> int:
    """Tries number `first` and on, a few cases at a time; how many failed."""
    failed = 0
    for start in range(first, first + count, GROUP):
        tries = range(start, min(start + GROUP, first + count))
        kind = broker or (brokers()[0] if start // len(CASES) % 2 else EMBEDDED)
        found = play([CASES[number % len(CASES)] for number in tries], kind)
        for name, broken in found.items():
            failed += bool(broken)
            for problem in broken:
                print(f"edge.clock: {name}: {problem}", flush=True)
    return failed


class Kind(NamedTuple):
    """Of gateway; a test may make the program wrong, or what it is told of its system's clock."""

    program: str = "benchmarks.faults.lying_gateway"
    synchronised: str = "never"


AS_SHIPPED = Kind()


def play(cases: Sequence[Case], broker: str = EMBEDDED, kind: Kind = AS_SHIPPED) -> dict[str, list[str]]:
    """Plays these cases at once, each on a gateway of its own; what was broken in each."""
    with tempfile.TemporaryDirectory(prefix="sheetal-clock-") as folder, ExitStack() as stack:
        line = stack.enter_context(Line(Path(folder), Scene(gateways=len(cases), probes=1), broker=broker))
        line.start(line.broker, line.ingest)
        ear = stack.enter_context(Ear(line.broker_port))
        stages = [stack.enter_context(Machine(line, name, kind)) for name in line.scene.names]
        with ThreadPoolExecutor(len(cases)) as pool:
            list(pool.map(lambda pair: pair[0].play(pair[1]), zip(stages, cases, strict=True)))
        return {
            case.name: [*stage.trouble, *problems(stage.seen(ear), is_lost=case.is_lost)]
            for stage, case in zip(stages, cases, strict=True)
        }


class Machine:
    """One gateway's machine, probe and link; it is the cases' `Stage` and a context manager."""

    def __init__(self, line: Line, gateway: str, kind: Kind = AS_SHIPPED) -> None:
        self.trouble: list[str] = []
        self._line = line
        self._gateway = gateway
        self._folder = line.folder / f"{gateway}-machine"
        self._folder.mkdir()
        self._link = Wire(line.broker_port)
        self._probe = TickingProbe(self._folder / "w1")
        self._cold: list[tuple[int, int]] = []
        self._lie_file = self._folder / "clock.json"
        self._lie = Lie(0, 0)
        log = line.folder / f"{gateway}.log"
        settings = line.folder / f"{gateway}-lying.toml"
        settings.write_text(self._settings(kind.synchronised))
        self._process = Child(
            [sys.executable, "-m", kind.program, "run", "--config", str(settings)],
            log,
            lambda: log.exists() and log.read_text().count("ready") >= self._starts,
            {"FAULT_CLOCK": str(self._lie_file)},
        )
        self._starts = 0
        self._pause = threading.Event()

    def play(self, case: Case) -> None:
        """Plays a case and lets the gateway send what it kept."""
        with self._probe:
            case.play(self)
            last = self._last_item()
            if not wait_for(lambda: self._is_drained(last), DRAIN_SECONDS_MAX, 0.2):
                self.trouble.append(f"not drained in {DRAIN_SECONDS_MAX:.0f} s")
            self._process.stop()

    def seen(self, ear: Ear) -> Seen:
        """What each witness says."""
        query = (
            "SELECT item.boot, sequence, kind, measured_at_ms, value, state, os_boot <> ? FROM item "
            "JOIN boot USING (boot) WHERE kind IN ('row', 'unplaced') ORDER BY item.boot, sequence"
        )
        with closing(sqlite3.connect(self._line.outbox(self._gateway))) as outbox:
            found = outbox.execute(query, (self._lie.os_boot,)).fetchall()
        with closing(sqlite3.connect(self._line.telemetry_file)) as telemetry:
            asked = "SELECT boot, sequence FROM unplaced_row WHERE sensor_id = ?"
            unplaced = telemetry.execute(asked, (self._sensor,)).fetchall()
        items = [Item(*row[:-1], is_before_the_cut=bool(row[-1])) for row in found]
        stored = [one for one in self._line.stored() if one.sensor == self._sensor]
        alarms = [one for one in ear.alarms if one.gateway == self._gateway]
        return Seen(self._probe.truth(), self._cold, items, stored, unplaced, alarms)

    # What a case can do

    def start(self, *, wall_off_ms: int | None = 0, rate: float = 1.0) -> None:
        """Boots the machine and the gateway."""
        off_ms = -true_ms() if wall_off_ms is None else wall_off_ms
        self._tell(Lie(off_ms, true_ms() - BOOTED_BEFORE_MS, rate, f"{self._gateway}-1"))
        self._start()

    def link(self) -> None:
        """From now on the broker can be reached."""
        self._link.open()

    def kill(self) -> None:
        """Kills the gateway's process and starts another."""
        self._process.kill()
        self._start()

    def cut_power(self) -> None:
        """Kills the process; the machine boots anew."""
        self._process.kill()
        self._tell(
            msgspec.structs.replace(self._lie, booted_ms=true_ms() - BOOTED_BEFORE_MS, os_boot=f"{self._gateway}-2")
        )
        self._start()

    def set_wall(self, off_ms: int) -> None:
        """Sets the wall clock."""
        self._tell(msgspec.structs.replace(self._lie, wall_off_ms=off_ms))

    def calm(self, seconds: float) -> None:
        """The refrigerator is well for so long."""
        if self._probe.is_cold:
            self._probe.thaw()
            self._cold[-1] = (self._cold[-1][0], true_ms())
        self._pause.wait(seconds)

    def cold(self, seconds: float) -> None:
        """It freezes for so long."""
        if not self._probe.is_cold:
            self._probe.freeze()
            self._cold.append((true_ms(), 0))
        self._pause.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._link.close()

    @property
    def _sensor(self) -> str:
        return f"{self._gateway}.p0"

    def _settings(self, synchronised: str) -> str:
        return f"""
[gateway]
id = "{self._gateway}"
key_file = "{self._gateway}.key"
outbox = "{self._gateway}.outbox"
broker_url = "mqtt://127.0.0.1:{self._link.port}"
[clock]
system_is_synchronised = "{synchronised}"
ask_seconds = 1
ask_unanchored_seconds = 1
[uplink]
message_age_seconds = 0.5
resend_seconds = 2
resend_jitter_seconds = 0.5
reconnect_seconds_max = 1
[[source]]
kind = "one_wire"
root = "{self._gateway}-machine/w1"
[[source.probe]]
probe = "p0"
device = "{DEVICE}"
interval_ms = 1000
freeze_alarm_minutes = 1
"""

    def _tell(self, lie: Lie) -> None:
        self._lie = lie
        lying_gateway.tell(self._lie_file, lie)

    def _start(self) -> None:
        self._starts += 1
        self._process.start().wait_until_ready()

    def _last_item(self) -> tuple[int, int]:
        found = self._line.ask(
            self._gateway, "SELECT boot, sequence FROM item ORDER BY boot DESC, sequence DESC LIMIT 1"
        )
        return (int(str(found[0][0])), int(str(found[0][1]))) if found else (0, 0)

    def _is_drained(self, last: tuple[int, int]) -> bool:
        boot, sequence = last
        waiting = f"SELECT count(*) FROM item WHERE state IN (0, 3) AND (boot, sequence) <= ({boot}, {sequence})"  # noqa: S608 - numbers of our own
        alarms = "SELECT count(*) FROM alarm WHERE settled_at_ms IS NULL"
        return all(self._line.ask(self._gateway, query) == [(0,)] for query in (waiting, alarms))


class Wire:
    """The way from one gateway to the broker: refused until `open`; a plain TCP relay."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._server: socket.socket | None = None

    def open(self) -> None:
        """Lets connections through from now on."""
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        if self._server is not None:
            with suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


class Ear:
    """Hears and acknowledges alarms, as the alerts service does."""

    def __init__(self, port: int) -> None:
        self.alarms: list[DeviceAlarm] = []
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="ear", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._hear
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        self._client.subscribe(of_every_gateway(Channel.ALARM), qos=1)
        self._client.loop_start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        topic = parse(message.topic)
        if topic is None:
            return
        key = key_of(topic.gateway)
        alarm = unseal(open_envelope(bytes(message.payload)), Channel.ALARM, topic.gateway, key, ALARMS)
        self.alarms.append(alarm)
        answer = AlarmAck(gateway=topic.gateway, alarms=[(alarm.alarm, alarm.cleared_at_ms is not None)])
        sealed = seal(Channel.ALARM_ACK, topic.gateway, key, answer)
        self._client.publish(of_gateway(topic.gateway, Channel.ALARM_ACK), sealed, qos=1)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
