"""The simulator's loggers with wrong clocks, over TCP.

With a gateway that knows the time each record stands where it was made; without one a clock's word is all there is.
"""

from __future__ import annotations

import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import firmware_sim
from edge_agent.settings.source import Ds01TcpSetting, ProbeSetting
from edge_agent.sources.ds01_tcp import Ds01TcpSource
from firmware_sim.truth import read_truth
from tests.edge_agent.kit import until
from tests.edge_agent.sources.rigs import KeepingSink
from tests.firmware_sim.test_app import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIO = Path(firmware_sim.__file__).parent / "scenarios" / "faults.toml"
GATEWAY = "gw-41"
RECORDS_MIN = 700
WRONG_CLOCKS = {"clock-ahead-tvc", "clock-steps-tvc"}


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, "--folder", str(tmp_path / "buses"), scenario=SCENARIO.read_text())
    yield running
    running.end()


@pytest.mark.parametrize("knows_the_time", [True, False])
def test_each_record_stands_where_it_was_made(simulator: Running, knows_the_time: bool) -> None:  # noqa: FBT001 - a case
    appliances = tomllib.loads(SCENARIO.read_text())["hubs"][0]["appliances"]
    probes = tuple(ProbeSetting(probe=one["probe"], appliance=one["serial"]) for one in appliances)
    setting, sink = Ds01TcpSetting(port=simulator.port, probe=probes), KeepingSink()

    def anchored() -> int | None:
        return time.time_ns() // 1_000_000 if knows_the_time else None

    source = Ds01TcpSource(GATEWAY, setting, lambda _name: None, anchored)
    source.start(sink)
    until(lambda: len(sink.seen) > RECORDS_MIN * len(probes))
    source.stop()
    true: defaultdict[str, list[int]] = defaultdict(list)
    for one in read_truth(simulator.truth):
        true[one.sensor].append(one.at_ms)
    misplaced: defaultdict[str, int] = defaultdict(int)
    told: defaultdict[str, list[int]] = defaultdict(list)
    for sample in sink.samples():
        told[sample.sensor].append(sample.measured_at_ms)
    for sensor, stamps in told.items():
        off = sum(abs(at_ms - true_ms) > 1_000 for at_ms, true_ms in zip(stamps, true[sensor], strict=False))
        misplaced[sensor.partition(".")[2]] = off
    assert len(misplaced) == len(probes)
    assert {name for name, count in misplaced.items() if count} == (set() if knows_the_time else WRONG_CLOCKS)
