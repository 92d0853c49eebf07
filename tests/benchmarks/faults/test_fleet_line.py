from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.fleet_line import ALL_EMBEDDED, ALL_SERVERS, FleetLine, Parts
from benchmarks.faults.fleet_plan import Plan
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from pathlib import Path


def plan_of() -> Plan:
    return Plan(now_ms() - 22 * HOUR_MS, gateways=50, messages_per_second=100, resend_seconds=1)


@pytest.mark.parametrize("parts", [ALL_EMBEDDED, pytest.param(ALL_SERVERS, marks=pytest.mark.stack)])
def test_an_undisturbed_line_stores_each_row_once(parts: Parts, tmp_path: Path) -> None:
    with FleetLine(tmp_path, plan_of(), parts) as line:
        line.fleet.make()
        assert line.flows(100)
        assert line.health()["ok"] is True
        assert line.memory_bytes() > 10_000_000
        found = line.settle()
        assert found.held, found.problems
        assert found.stored == found.sent > 1_000
    assert line.health() == {}


def test_files_may_stand_elsewhere(tmp_path: Path) -> None:
    readings, telemetry = tmp_path / "a", tmp_path / "b"
    readings.mkdir()
    telemetry.mkdir()
    parts = Parts(readings_folder=readings, telemetry_folder=telemetry)
    with FleetLine(tmp_path, plan_of(), parts) as line:
        line.fleet.make()
        assert line.flows(1)
        assert line.settle().held
    assert (readings / "readings.db").stat().st_size > 0
    assert (telemetry / "telemetry.db").stat().st_size > 0


def test_what_does_not_drain_is_told(tmp_path: Path) -> None:
    with FleetLine(tmp_path, plan_of()) as line:
        line.ingest_broker = "mqtt://127.0.0.1:1"
        line.ingest.stop()
        line.fleet.make()
        assert not line.flows(1, 0.5)
        line.ingest.environment = {}
        line.ingest.ready = lambda: True
        found = line.settle(0.5)
    assert "not drained in 0 s" in " ".join(found.problems)
    assert "never settled" in " ".join(found.problems)
