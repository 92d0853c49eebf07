"""The real gateway at the simulator's real bus and real line: what is wrong there gets its name, nothing is made up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.broker import EmbeddedBroker
from firmware_sim.protocols.ds18b20 import device_id
from firmware_sim.scenario import load_scenario, named_scenario
from firmware_sim.truth import read_truth
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, FakeIngest, until, write_settings
from tests.firmware_sim.given import SMALL
from tests.firmware_sim.test_app import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 40.0
SYNCHRONISED = '[clock]\nsystem_is_synchronised = "always"\n'

APPLIANCE = """
[[hubs.appliances]]
serial = "{serial}"
appliance = "{serial}"
kind = "ilr"
name = "ILR"
model = "M"
field = "TVC"
probe = "{probe}"
thermostat = {{ on_above_celsius = 4.6, off_below_celsius = 3.4 }}
faults = [{faults}]
"""
TROUBLES = {
    "well": None,
    "gone": "open_circuit",
    "shorted": "short_circuit",
    "garbled": "crc_error",
    "frozen": "probe_stuck",
}


def scenario(protocol: str, interval_seconds: int = 10) -> str:
    """One hub whose appliances have one trouble each, from the beginning and for ever."""
    head = SMALL[: SMALL.index("[[hubs.appliances]]")].replace(
        "interval_seconds = 60", f"interval_seconds = {interval_seconds}"
    )
    head = head.replace("longitude = 73.6\n", f'longitude = 73.6\nprotocol = "{protocol}"\n')
    told = []
    for name, kind in TROUBLES.items():
        fault = f'{{ kind = "{kind}", begins_minutes_before_now = 50 }}' if kind else ""
        told.append(APPLIANCE.format(serial=name.upper(), probe=name, faults=fault))
    return head + "".join(told)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "broker") as made:
        yield made


@pytest.fixture
def ingest(broker: EmbeddedBroker) -> Iterator[FakeIngest]:
    with FakeIngest(broker.port) as made:
        yield made


def run_gateway(folder: Path, broker_url: str, uplink: str, source: str) -> subprocess.Popen[bytes]:
    settings = write_settings(folder, broker_url, uplink=uplink)
    settings.write_text(settings.read_text() + SYNCHRONISED + source)
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(settings)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def heard(ingest: FakeIngest) -> dict[str, set[tuple[int | None, int]]]:
    """Every value and quality that was sent, by probe."""
    found: dict[str, set[tuple[int | None, int]]] = {}
    for batch in list(ingest.batches):
        for row in batch.rows:
            found.setdefault(row.sensor.partition(".")[2], set()).add((row.centi_celsius, row.quality))
    return found


def by_probe(ingest: FakeIngest) -> dict[tuple[str, int], int | None]:
    """What was stored of each probe at each instant."""
    return {(sensor.partition(".")[2], at_ms): told[2] for (sensor, at_ms), told in dict(ingest.stored).items()}


def test_every_trouble_of_a_bus_reaches_ingest_under_its_name_and_never_as_a_temperature(
    tmp_path: Path, broker: EmbeddedBroker, ingest: FakeIngest
) -> None:
    buses = tmp_path / "buses"
    simulator = Running(tmp_path, "--folder", str(buses), scenario=scenario("one_wire"))
    probes = "".join(
        f'[[source.probe]]\nprobe = "{name}"\nappliance = "{name.upper()}"\ninterval_ms = 500\n'
        f'range_max_centi_celsius = 201\ndevice = "{device_id(name.upper(), name)}"\n'
        for name in TROUBLES
    )
    root = buses / "gw-01" / "sys" / "bus" / "w1" / "devices"
    gateway = run_gateway(tmp_path, broker.url, "", f'[[source]]\nkind = "one_wire"\nroot = "{root}"\n{probes}')
    try:
        until(lambda: set(heard(ingest)) == set(TROUBLES), SECONDS_MAX)
    finally:
        gateway.terminate()
        gateway.wait(SECONDS_MAX)
        simulator.end()
    found = heard(ingest)
    assert found["gone"] == {(None, Quality.DISCONNECTED)}
    assert found["shorted"] == found["garbled"] == {(None, Quality.NO_VALUE)}
    said = {
        (one.sensor.partition(".")[2], one.reported_centi_celsius, Quality.OK) for one in read_truth(simulator.truth)
    }
    for name in ("well", "frozen"):
        assert {(name, *pair) for pair in found[name]} <= said
    assert len(found["frozen"]) == 1


def test_a_serial_line_brings_the_past_and_then_the_present(
    tmp_path: Path, broker: EmbeddedBroker, ingest: FakeIngest
) -> None:
    lines = tmp_path / "lines"
    simulator = Running(tmp_path, "--folder", str(lines), scenario=scenario("ds01_serial", interval_seconds=60))
    source = f'[[source]]\nkind = "ds01_serial"\ndevice = "{lines / "gw-01" / "line"}"\nbaud_rate = 115200\n'
    source += "".join(
        f'[[source.probe]]\nprobe = "{name}"\nappliance = "{name.upper()}"\n' for name in ("well", "gone")
    )
    gateway = run_gateway(tmp_path, broker.url, "", source)
    try:
        until(lambda: len(ingest.stored) >= 100, SECONDS_MAX)
    finally:
        gateway.terminate()
        gateway.wait(SECONDS_MAX)
        simulator.end()
    truth = {(one.appliance, one.at_ms): one.reported_centi_celsius for one in read_truth(simulator.truth)}
    stored = {(sensor.partition(".")[2].upper(), at_ms): told[2] for (sensor, at_ms), told in ingest.stored.items()}
    assert {sensor.partition(".")[0] for sensor, _ in ingest.stored} == {GATEWAY}
    assert stored == {key: truth[key] for key in stored}
    assert None in stored.values()


def test_every_fault_of_the_faults_scenario_ends_as_the_truth_says_at_the_true_instant(
    tmp_path: Path, broker: EmbeddedBroker, ingest: FakeIngest
) -> None:
    """Clocks ahead, behind, stepping, at 1970 and missing, reboots and brown-outs among them."""
    text = named_scenario("faults").read_text()
    only_ds01 = text[: text.index("[[hubs]]", text.index("[[hubs]]") + 1)]
    simulator = Running(tmp_path, scenario=only_ds01)
    hub = load_scenario(simulator.scenario).hubs[0]
    source = f'[[source]]\nkind = "ds01_tcp"\nport = {simulator.port}\naux_fields = []\n'
    source += "".join(
        f'[[source.probe]]\nprobe = "{one.probe}"\nappliance = "{one.serial}"\n' for one in hub.appliances
    )
    said = read_truth(simulator.truth)
    wanted = {(one.sensor.partition(".")[2], one.at_ms): one.reported_centi_celsius for one in said}
    assert len({probe for probe, _ in wanted}) == len(hub.appliances) == 14
    gateway = run_gateway(tmp_path, broker.url, "backlog_rows_per_second = 10000\n", source)
    try:
        until(lambda: len(ingest.stored) >= len(wanted) and wanted.keys() <= by_probe(ingest).keys(), 2 * SECONDS_MAX)
    finally:
        gateway.terminate()
        gateway.wait(SECONDS_MAX)
        simulator.end()
    later = {
        (one.sensor.partition(".")[2], one.at_ms): one.reported_centi_celsius for one in read_truth(simulator.truth)
    }
    stored = by_probe(ingest)
    assert {key: stored.get(key, "missing") for key in wanted} == wanted
    assert {key: later[key] for key in stored} == stored, "nothing was stored at an instant that never was"
    assert ingest.clashes == []
