from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.faults.lying_gateway import Lie, read, tell
from benchmarks.record import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SAYS = """
import sys, pathlib
from benchmarks.faults import lying_gateway
lying_gateway.deceive(pathlib.Path(sys.argv[1]))
from edge_agent.outbox import schema as outbox_schema
from edge_agent.clock import system as system_clock
from edge_agent.timekeeper import Machine
from sheetal.thermal.device_alarm import MINUTE_MS
import time
machine = Machine("never")
off_ms = machine.wall().at_ms - time.time_ns() // 1_000_000
print(off_ms, machine.monotonic_ms(), outbox_schema.os_boot_now(), MINUTE_MS)
"""


def test_a_lie_says_what_the_clocks_say() -> None:
    lie = Lie(wall_off_ms=-500, booted_ms=1_000, rate=0.5)
    assert (lie.wall_ms(3_000), lie.monotonic_ms(3_000)) == (2_500, 1_000)


def test_it_can_be_told_anew_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    for off_ms in (1, 2):
        tell(path, Lie(off_ms, 0))
        assert read(path) == Lie(off_ms, 0)


def test_every_clock_that_the_gateway_reads_lies(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    tell(path, Lie(-1_000_000_000, 0, rate=0.0, os_boot="monday"))
    said = subprocess.run(
        [sys.executable, "-c", SAYS, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert abs(int(said[0]) + 1_000_000_000) < 1_000
    assert said[1:] == ["0", "monday", "5000"]
