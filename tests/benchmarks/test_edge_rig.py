from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.edge_rig import gateway, rig, weigh
from edge_agent.settings.file import load_settings
from firmware_sim.truth import read_truth
from sheetal.readings.sqlite import SqliteReadings

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_MAX = 40.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("protocol", ["modbus", "one_wire"])
def test_eight_probes_go_the_whole_way_and_arrive_as_the_simulator_said_them(protocol: str) -> None:
    with rig(protocol) as made:
        settings = load_settings(made.settings)
        assert settings.sensors == made.sensors
        assert len(made.sensors) == 8
        with gateway(made):
            store = SqliteReadings(made.folder / "ingest" / "readings.db")
            until(lambda: all(store.read(sensor, 0, 2**62) for sensor in made.sensors))
            arrived = {sensor: store.read(sensor, 0, 2**62) for sensor in made.sensors}
            store.close()
        truth = read_truth(made.folder / "truth.jsonl")
    for sensor, readings in arrived.items():
        said = {one.reported_centi_celsius for one in truth if one.sensor == sensor}
        assert {reading.centi_celsius for reading in readings} <= said, sensor


def test_a_process_is_weighed_as_the_kernel_sees_it() -> None:
    program = "import time; kept = bytearray(50 << 20); end = time.process_time() + 0.5\n"
    program += "while time.process_time() < end: pass\nprint('spent', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            rss_mb, cpu_seconds = weigh(process)  # type: ignore[arg-type] # its output is of no matter
        finally:
            process.kill()
    assert 50 < rss_mb < 90
    assert 0.4 < cpu_seconds < 2
    assert not Path(f"/proc/{process.pid}").exists()
