"""A real gateway with eight probes at ten seconds, between real processes: simulator, broker and ingest.

`python -m benchmarks.edge_rig [modbus|one_wire]` runs it for a minute and prints what the gateway's process weighs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.record import ROOT
from demo.broker import EmbeddedBroker, free_port
from firmware_sim.protocols.ds18b20 import device_id
from firmware_sim.protocols.modbus import REGISTERS
from firmware_sim.scenario import load_scenario, named_scenario
from sheetal.ledger.schema import upgrade
from tests.ingest.enrolled import enrol
from tests.ingest.process import IngestProcess
from tests.stack.servers import mosquitto_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firmware_sim.scenario import ApplianceSpec

KEY = bytes(range(32))
INTERVAL_MS = 10_000
READY_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

RANGES = {"TVC": (200, 800), "TFRZ": (-2_500, -1_500), "TAMB": (-1_000, 5_000)}
"""What keeps the idle probes idle: each stays inside its own range."""


class Rig(NamedTuple):
    """Everything that stands around the gateway; `settings` is its file."""

    folder: Path
    settings: Path
    broker_url: str
    gateway: str
    sensors: list[str]


class Weight(NamedTuple):
    """What the kernel says of one process: resident set in MB, processor time in seconds since it began."""

    rss_mb: float
    cpu_seconds: float


@contextmanager
def rig(protocol: str) -> Iterator[Rig]:
    """Starts simulator, broker and ingest and writes the gateway's settings; ends them again."""
    scenario = load_scenario(named_scenario(protocol))
    (hub,) = scenario.hubs
    with tempfile.TemporaryDirectory(prefix="sheetal-edge-") as name, ExitStack() as stack:
        folder = Path(name)
        broker_url = _broker(folder, stack)
        stack.enter_context(_ingest(folder, broker_url, hub.gateway))
        port = free_port()
        stack.enter_context(_simulator(protocol, port, folder))
        text = _head(hub.gateway, broker_url) + _source(protocol, hub.appliances, port, folder)
        settings = folder / "gateway.toml"
        settings.write_text(text)
        key = folder / "gateway.key"
        key.touch(mode=0o600)
        key.write_text(KEY.hex())
        sensors = [f"{hub.gateway}.{probe}" for one in hub.appliances for probe in one.probes]
        yield Rig(folder, settings, broker_url, hub.gateway, sensors)


@contextmanager
def gateway(rig_of: Rig) -> Iterator[subprocess.Popen[bytes]]:
    """The gateway itself, as the shipped unit runs it."""
    with (rig_of.folder / "gateway.log").open("ab") as log:
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(rig_of.settings)]
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "1"}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        _end(process)


def weigh(process: subprocess.Popen[bytes]) -> Weight:
    """What the process weighs now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    kilobytes = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
    # After the command's name in brackets, which may hold blanks: state is field 3, utime 14 and stime 15.
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return Weight(kilobytes / 1_024, (int(fields[11]) + int(fields[12])) / CLOCK_TICKS)


def _broker(folder: Path, stack: ExitStack) -> str:
    place = folder / "broker"
    place.mkdir()
    if shutil.which("mosquitto"):
        return stack.enter_context(mosquitto_server(place))
    return stack.enter_context(EmbeddedBroker(place)).url


def _ingest(folder: Path, broker_url: str, gateway_id: str) -> IngestProcess:
    place = folder / "ingest"
    place.mkdir()
    ledger, telemetry = f"sqlite:///{place}/ledger.db", f"sqlite:///{place}/telemetry.db"
    upgrade(ledger, telemetry)
    enrol(ledger, place / "keys", {gateway_id: KEY})
    environment = {
        "SHEETAL_LEDGER_URL": ledger,
        "SHEETAL_TELEMETRY_URL": telemetry,
        "SHEETAL_READINGS_URL": f"sqlite:///{place}/readings.db",
        "SHEETAL_FIELD_KEY_FILE": str(place / "keys"),
        "SHEETAL_BROKER_URL": broker_url,
    }
    return IngestProcess(environment, place)


@contextmanager
def _simulator(protocol: str, port: int, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "firmware_sim", "--scenario", protocol, "--ports-from", str(port)]
    command += ["--folder", str(folder / "sim"), "--truth", str(folder / "truth.jsonl")]
    with (folder / "simulator.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stderr=log)
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while "ready" not in (folder / "simulator.log").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"the simulator did not start: {(folder / 'simulator.log').read_text()}"
                raise RuntimeError(message)
            time.sleep(0.02)
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _head(gateway_id: str, broker_url: str) -> str:
    return (
        f'[gateway]\nid = "{gateway_id}"\nkey_file = "gateway.key"\noutbox = "gateway.outbox"\n'
        f'broker_url = "{broker_url}"\nlocal_page_port = {free_port()}\n'
    )


def _source(protocol: str, appliances: list[ApplianceSpec], port: int, folder: Path) -> str:
    if protocol == "modbus":
        lines = [f'[[source]]\nkind = "modbus_tcp"\nport = {port}']
    else:
        root = next((folder / "sim").iterdir()) / "sys" / "bus" / "w1" / "devices"
        lines = [f'[[source]]\nkind = "one_wire"\nroot = "{root}"']
    for position, one in enumerate(appliances):
        fields = [one.field, *(extra.field for extra in one.extra_probes)]
        for number, (probe, field) in enumerate(zip(one.probes, fields, strict=True)):
            where = f'device = "{device_id(one.serial, probe)}"'
            if protocol == "modbus":
                where = f"register = {{ address = {position * REGISTERS + number} }}"
            lines.append(_probe(one, probe, field, where))
    return "\n".join(lines) + "\n"


def _probe(one: ApplianceSpec, probe: str, field: str, where: str) -> str:
    frozen = one.field == "TFRZ"
    low, high = RANGES["TAMB" if field == "TAMB" else "TFRZ" if frozen else "TVC"]
    alarms = "" if field == "TVC" else "freeze_alarm_minutes = 0\nheat_alarm_minutes = 0\n"
    return (
        f'[[source.probe]]\nprobe = "{probe}"\nappliance = "{one.serial}"\nfield = "{field}"\n{where}\n'
        f"interval_ms = {INTERVAL_MS}\nrange_min_centi_celsius = {low}\nrange_max_centi_celsius = {high}\n{alarms}"
    )


def main(arguments: list[str]) -> int:
    """Print the weight of one gateway once every ten seconds for a minute."""
    with rig(arguments[0] if arguments else "modbus") as made, gateway(made) as process:
        before = weigh(process)
        for _ in range(6):
            time.sleep(10)
            now = weigh(process)
            print(f"{now.rss_mb:.1f} MB, {(now.cpu_seconds - before.cpu_seconds) * 10:.2f} % of a core", flush=True)
            before = now
        print((made.folder / "gateway.log").read_text()[-3_000:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
