from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from pymodbus.client import ModbusTcpClient

from demo.broker import EmbeddedBroker
from firmware_sim.protocols.ds18b20 import device_id
from firmware_sim.protocols.modbus import UNIT
from firmware_sim.truth import read_truth
from tests.edge_agent.kit import SENSOR, FakeIngest, until, write_settings
from tests.firmware_sim.given import DISTRICT, SMALL
from tests.firmware_sim.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 20.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "firmware_sim", *arguments]


class Running:
    def __init__(self, folder: Path, *arguments: str, scenario: str = SMALL) -> None:
        self.scenario = folder / "small.toml"
        self.scenario.write_text(scenario)
        self.truth = folder / "truth.jsonl"
        self.port = free_ports(2)
        self.process = subprocess.Popen(
            command(
                "--scenario", str(self.scenario), "--ports-from", str(self.port), "--truth", str(self.truth), *arguments
            ),
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.said = [self.process.stderr.readline()]
        while not self.said[-1].endswith("ready\n"):
            assert self.said[-1], self.said
            self.said.append(self.process.stderr.readline())

    def records(self, hub: int, count: int) -> list[dict[str, object]]:
        decoder = msgspec.json.Decoder(dict[str, object])
        with socket.create_connection(("127.0.0.1", self.port + hub), timeout=SECONDS_MAX) as connection:
            file = connection.makefile("rb")
            with file:
                return [decoder.decode(file.readline()) for _ in range(count)]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS_MAX)
        if self.process.stderr is not None:
            self.process.stderr.close()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.end()


def test_each_hub_streams_its_own_appliances_history_first_then_the_story(simulator: Running) -> None:
    first, second = simulator.records(0, 61), simulator.records(1, 50)
    assert {record["ASER"] for record in first} == {"ILR-1"}
    assert {record["ASER"] for record in second} == {"DF-2"}
    stamps = [str(record["ABST"]) for record in first]
    assert stamps == sorted(set(stamps))
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    assert stamps[0] < now
    assert stamps[-1] <= now, "the present was met after two seconds"
    assert all(isinstance(record["TFRZ"], float) for record in second)


def test_the_truth_holds_every_record_that_went_on_the_wire(simulator: Running) -> None:
    wire = [record["TVC"] for record in simulator.records(0, 55)]
    truth = [one for one in read_truth(simulator.truth) if one.appliance == "ILR-1"][:55]
    assert [one.reported_centi_celsius for one in truth] == [round(float(str(value)) * 100) for value in wire]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_with_a_client(simulator: Running, number: signal.Signals) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=SECONDS_MAX) as connection:
        assert connection.recv(10)
        asked = time.monotonic()
        simulator.process.send_signal(number)
        assert simulator.process.wait(SECONDS_MAX) == 0
        assert time.monotonic() - asked < 3


def test_a_taken_port_is_one_line_that_names_it(simulator: Running, tmp_path: Path) -> None:
    again = subprocess.run(
        command("--scenario", str(simulator.scenario), "--ports-from", str(simulator.port - 1)),
        cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
    )  # fmt: skip
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert str(simulator.port) in again.stderr
    assert str(tmp_path) not in again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--scenario", "nowhere.toml"), "nowhere.toml"),
        (("--scenario", str(DISTRICT), "--ports-from", "65533"), "--ports-from"),
        (("--scenario", str(DISTRICT), "--ports-from", "0"), "--ports-from"),
        (("--scenario", str(DISTRICT), "--truth", "/nowhere/at/all"), "truth log"),
        (("--scenario", "one_wire"), "needs --folder"),
        (("--scenario", "one_wire", "--folder", "/dev/null"), "gw-21 cannot speak one_wire"),
        (("--scenario", "load", "--appliances", "200", "--ports-from", "65530"), "leaves no room"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_two(arguments: tuple[str, ...], says: str) -> None:
    told = subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert says in told.stderr


def test_another_seed_tells_another_story(simulator: Running, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = Running(folder, "--seed", "8")
    try:
        assert [r["TVC"] for r in simulator.records(0, 50)] != [r["TVC"] for r in other.records(0, 50)]
    finally:
        other.end()


PROTOCOLS = SMALL.replace("longitude = 73.6\n", 'longitude = 73.6\nprotocol = "modbus"\n').replace(
    "longitude = 73.7\n", 'longitude = 73.7\nprotocol = "one_wire"\n'
)


def test_one_process_speaks_several_protocols_and_says_where(tmp_path: Path) -> None:
    running = Running(tmp_path, "--folder", str(tmp_path / "buses"), scenario=PROTOCOLS)
    try:
        bus = tmp_path / "buses" / "gw-02" / "sys"
        assert any(f"gw-01 speaks modbus at 127.0.0.1:{running.port}" in line for line in running.said)
        assert any(f"gw-02 speaks one_wire at {bus}" in line for line in running.said)
        with ModbusTcpClient("127.0.0.1", port=running.port, timeout=SECONDS_MAX) as client:
            word = client.read_input_registers(0, count=16, device_id=UNIT).registers[0]
        shown = (bus / "bus" / "w1" / "devices" / device_id("DF-2", "df1-tfrz") / "temperature").read_text()
        truth = {one.sensor: one.reported_centi_celsius or 0 for one in read_truth(running.truth)}
        assert word * 10 == truth["gw-01.ilr1-tvc"]
        assert round(int(shown) / 10) == truth["gw-02.df1-tfrz"]
    finally:
        running.process.terminate()
        assert running.process.wait(SECONDS_MAX) == 0
        running.end()


def test_a_scenario_by_name_is_multiplied_and_each_copy_has_its_port() -> None:
    port = free_ports(3)
    process = subprocess.Popen(
        command("--scenario", "load", "--appliances", "45", "--ports-from", str(port)),
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stderr.readline().endswith("ready\n")
        with socket.create_connection(("127.0.0.1", port + 2), timeout=SECONDS_MAX) as connection:
            file = connection.makefile("rb")
            with file:
                serials = {msgspec.json.decode(file.readline())["ASER"] for _ in range(50)}
        assert serials == {f"ILR-{number}-0003" for number in range(1, 6)}
    finally:
        process.terminate()
        assert process.wait(SECONDS_MAX) == 0
        if process.stderr is not None:
            process.stderr.close()


def test_what_a_real_gateway_delivers_is_what_the_probe_could_say(tmp_path: Path) -> None:
    fault = 'faults = [{ kind = "open_circuit", begins_minutes_before_now = 40, lasts_minutes = 12 }]'
    scenario = SMALL.replace('probe = "ilr1-tvc"', f'probe = "ilr1-tvc"\n{fault}')
    with EmbeddedBroker(tmp_path / "broker") as broker, FakeIngest(broker.port) as ingest:
        simulator = Running(tmp_path, scenario=scenario)
        settings = write_settings(tmp_path, broker.url, hub_port=simulator.port)
        gateway = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "run", "--config", str(settings)], cwd=ROOT, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: len(ingest.stored) >= 60, SECONDS_MAX)
        finally:
            gateway.terminate()
            gateway.wait(SECONDS_MAX)
            simulator.end()
        truth = {one.at_ms: one.reported_centi_celsius for one in read_truth(simulator.truth)}
    delivered = {at_ms: told[2] for (sensor, at_ms), told in ingest.stored.items() if sensor == SENSOR}
    assert len(delivered) >= 60
    assert sum(value is None for value in delivered.values()) == 12
    assert delivered == {at_ms: truth[at_ms] for at_ms in delivered}
