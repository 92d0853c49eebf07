from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import ingest_store_down, outage
from benchmarks.faults.fleet_line import FleetLine, Parts
from benchmarks.faults.ingest_store_down import FULL, FULL_PLAN, SMALL_PLAN, WAYS, run
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from pathlib import Path

STACK_PLAN = FULL_PLAN._replace(resend_seconds=5)


@pytest.mark.parametrize("way", ["readings locked", "telemetry locked"])
def test_an_embedded_store_that_is_away_costs_nothing(way: str) -> None:
    assert run(0, 1, [way], 6, SMALL_PLAN) == 0


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_an_influxdb_that_hangs_while_ten_thousand_gateways_wait() -> None:
    assert run(0, 1, ["hung"], 20, STACK_PLAN) == 0


@pytest.mark.stack
@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["refusing", "slow"])
def test_an_influxdb_that_is_gone_or_slow_costs_nothing(way: str) -> None:
    assert run(1, 1, [way], 15, SMALL_PLAN) == 0


@pytest.mark.stack
def test_an_ingest_that_acknowledges_without_the_store_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "SAID_SECONDS_MAX", 10.0)
    plan = SMALL_PLAN._replace(starts_at_ms=now_ms() - 22 * HOUR_MS, gateways=100)
    line = FleetLine(tmp_path, plan, Parts(ingest="tests.benchmarks.faults.planted_ack_first"))
    found = ingest_store_down.outage(line, WAYS["readings locked"], 8)
    assert any("acknowledged" in problem for problem in found.problems), found.problems


def test_the_full_count_tries_each_way_that_a_server_can_be_away() -> None:
    servers = [name for name, way in WAYS.items() if way.parts.store == "influxd"]
    assert len(servers) == FULL


def test_the_embedded_store_has_no_process_to_stop(tmp_path: Path) -> None:
    line = FleetLine(tmp_path, SMALL_PLAN._replace(gateways=1))
    with pytest.raises(ValueError, match="no process"), WAYS["hung"].away(line):
        pass


def test_a_locked_file_takes_no_writes_and_is_free_afterwards(tmp_path: Path) -> None:
    line = FleetLine(tmp_path, SMALL_PLAN._replace(gateways=1))
    with closing(sqlite3.connect(line.telemetry_file, timeout=0, isolation_level=None)) as other:
        with WAYS["telemetry locked"].away(line), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM dirty_hour")
        other.execute("DELETE FROM dirty_hour")
