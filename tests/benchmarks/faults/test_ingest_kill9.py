from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import ingest_kill9
from benchmarks.faults.failpoint import POINTS
from benchmarks.faults.fleet_line import ALL_EMBEDDED, ALL_SERVERS, FleetLine, Parts
from benchmarks.faults.ingest_kill9 import ANY_MOMENT, WAYS, group, plan_of
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path

PLANTED = "tests.benchmarks.faults.planted_"


def test_nothing_is_lost_or_doubled_by_kill_9() -> None:
    assert ingest_kill9.run(0, plain(ingest_kill9.FULL), [ALL_EMBEDDED]) == 0


@pytest.mark.stack
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_by_kill_9_over_real_servers() -> None:
    assert ingest_kill9.run(1_000, stack(ingest_kill9.FULL), [ALL_SERVERS]) == 0


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("ack_before_record", "hours are not dirty"),
        pytest.param("ack_first", "acknowledged and not stored", marks=pytest.mark.stack),
    ],
)
def test_an_ack_before_a_commit_is_caught(fault: str, words: str, tmp_path: Path) -> None:
    line = FleetLine(tmp_path, plan_of(7), Parts(ingest=PLANTED + fault))
    found = group(line, 0, 3, [ANY_MOMENT], seconds=60)
    assert any(words in problem for problem in found.problems), found.problems


def test_half_of_the_kills_fall_at_a_chosen_point() -> None:
    chance = random.Random(1)
    drawn = [chance.choice(WAYS) for _ in range(400)]
    assert 120 < drawn.count(ANY_MOMENT) < 280
    assert set(drawn) == {ANY_MOMENT, *POINTS}


def test_each_message_has_an_hour_of_its_own() -> None:
    plan = plan_of(1)
    hours = [{plan.reading(0, message * 10 + row).measured_at_ms // 3_600_000 for row in (1, 10)} for message in (0, 1)]
    assert max(hours[0]) - min(hours[0]) >= 1
    assert len(hours[0] & hours[1]) <= 1
