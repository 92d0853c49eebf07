from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from benchmarks.faults.crew import Crew
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import wait_for
from sheetal.contracts.clock import now_ms
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.telemetry_tables import dirty_hour

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_MAX = 60.0


@pytest.fixture
def plan() -> Plan:
    return Plan(now_ms() - 3_600_000, gateways=20, messages_per_second=100, resend_seconds=2)


def test_every_worker_takes_some_and_what_they_stored_is_counted(tmp_path: Path, plan: Plan) -> None:
    with Crew(tmp_path, plan, workers=2) as crew:
        crew.fleet.make()
        assert crew.flows(100, SECONDS_MAX)
        assert wait_for(lambda: all(worker.messages() for worker in crew.workers), SECONDS_MAX)
        found = crew.settle(SECONDS_MAX)
        assert found.held, found
        assert sum(worker.messages() for worker in crew.workers) >= found.sent // plan.rows


def test_a_worker_that_is_dead_says_nothing_and_comes_back(tmp_path: Path, plan: Plan) -> None:
    with Crew(tmp_path, plan, workers=2) as crew:
        dead = crew.workers[1]
        dead.kill()
        assert dead.messages() == 0
        crew.join(dead)
        assert dead.is_running


def test_what_is_not_drained_in_time_is_a_problem(tmp_path: Path, plan: Plan) -> None:
    with Crew(tmp_path, plan, workers=1) as crew:
        crew.fleet.make()
        assert crew.flows(10, SECONDS_MAX)
        crew.workers[0].kill()
        assert wait_for(lambda: crew.fleet.outboxes.pending > 0, SECONDS_MAX)
        assert any("not drained" in problem for problem in crew.settle(0.5).problems)


def test_an_hour_that_is_not_marked_is_a_problem(tmp_path: Path, plan: Plan) -> None:
    with Crew(tmp_path, plan, workers=1) as crew:
        crew.fleet.make()
        assert crew.flows(10, SECONDS_MAX)
        assert crew.fleet.drained(SECONDS_MAX)
        crew.workers[0].stop()
        with closing(open_telemetry(crew.telemetry_url)) as telemetry, telemetry.write() as connection:
            connection.execute(delete(dirty_hour))
        assert any("not dirty" in problem for problem in crew.settle(1).problems)
