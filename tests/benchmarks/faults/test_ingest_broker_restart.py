from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import fleet_line, ingest_broker_restart
from benchmarks.faults.fleet_line import FleetLine
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.ingest_broker_restart import FULL, restart
from benchmarks.faults.line import EMBEDDED, SERVER
from benchmarks.faults.link import Link
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    import random
    from pathlib import Path


def test_a_broker_that_is_killed_loses_nothing() -> None:
    assert ingest_broker_restart.run(0, 1, EMBEDDED, kills=3) == 0


@pytest.mark.stack
@pytest.mark.timeout(240)
def test_mosquitto_killed_under_load_loses_nothing() -> None:
    assert ingest_broker_restart.run(100, 1, SERVER) == 0


@pytest.mark.stack
def test_an_ingest_that_does_not_come_back_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its way to the broker goes dark with the kill and never heals."""
    monkeypatch.setattr(fleet_line, "WELL_SECONDS_MAX", 1.0)
    plan = Plan(now_ms() - 22 * HOUR_MS, gateways=50, messages_per_second=100, resend_seconds=1)
    line = FleetLine(tmp_path, plan)
    with Link(line.broker_port) as link:
        line.ingest_broker = link.url
        kill_broker = ingest_broker_restart._kill_broker

        def kill_and_cut(line: FleetLine, chance: random.Random) -> bool:
            flowed = kill_broker(line, chance)
            link.go_dark()
            return flowed

        monkeypatch.setattr(ingest_broker_restart, "_kill_broker", kill_and_cut)
        found = restart(line, 1, seconds=3)
    assert any("not drained" in problem for problem in found.problems), found.problems
    assert any("not well again" in problem for problem in found.problems), found.problems


def test_five_restarts_are_the_full_count() -> None:
    assert FULL == 5
