from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import workers
from benchmarks.faults.crew import Crew
from benchmarks.faults.fleet_line import ALL_EMBEDDED, ALL_SERVERS, Parts
from benchmarks.faults.workers import kill_one, plan_of, settled_through
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_MAX = 60.0


@pytest.mark.timeout(240)
def test_the_others_take_over_what_a_killed_worker_had() -> None:
    assert workers.run(0, plain(workers.FULL), [ALL_EMBEDDED]) == 0


@pytest.mark.stack
@pytest.mark.timeout(300)
def test_the_others_take_over_what_a_killed_worker_had_over_real_servers() -> None:
    assert workers.run(100, stack(workers.FULL), [ALL_SERVERS]) == 0


def test_what_nobody_takes_over_is_caught(tmp_path: Path) -> None:
    with Crew(tmp_path, plan_of(1), workers=1) as crew:
        crew.fleet.make()
        assert any("did not settle" in problem for problem in kill_one(crew, random.Random(1), 4.0))


@pytest.mark.stack
def test_a_worker_that_answers_before_it_stores_is_caught(tmp_path: Path) -> None:
    parts = Parts(ingest="tests.benchmarks.faults.planted_ack_first")
    found = workers.group(Crew(tmp_path, plan_of(2), parts, workers=2), 2, 2, 20)
    assert any("acknowledged and not stored" in problem for problem in found.problems)


def test_settled_through_looks_at_the_first_messages_of_the_fleet_alone(tmp_path: Path) -> None:
    with Crew(tmp_path, plan_of(3)._replace(gateways=7), workers=1) as crew:
        assert settled_through(crew, 0)
        assert not settled_through(crew, 1)
        crew.fleet.make()
        assert crew.flows(20, SECONDS_MAX)
        assert crew.fleet.drained(SECONDS_MAX)
        made = crew.fleet.outboxes.made
        assert settled_through(crew, made)
        assert not settled_through(crew, made + 7)
