from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import alerts_takeover
from benchmarks.faults.alerts_stage import AlertsStage
from benchmarks.faults.alerts_takeover import FULL, Pair, group, holder
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)
def test_the_other_goes_on_in_time_and_the_stopped_one_writes_nothing() -> None:
    assert alerts_takeover.run(0, plain(FULL)) == 0


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_the_other_goes_on_in_more_tries() -> None:
    assert alerts_takeover.run(1_000, stack(FULL)) == 0


@pytest.mark.timeout(120)
def test_a_lease_that_outlives_its_holder_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted = [sys.executable, "-m", "tests.benchmarks.faults.planted_long_lease"]
    assert group(tmp_path, 1, 1, 9.0, planted) == 1
    out = capsys.readouterr().out
    assert "try 1: not held whole" in out or "try 1: the other judged after" in out


@pytest.mark.timeout(120)
def test_one_of_two_judges(tmp_path: Path) -> None:
    with AlertsStage(tmp_path) as stage, Pair(stage) as pair:
        leader = pair.leader()
        assert leader is not None
        assert [one.is_leader for one in pair.evaluators].count(True) == 1
        assert holder(stage) is not None
        assert leader.said()["problem"] is None
    assert leader.said() == {}
    assert not any(one.is_running for one in pair.evaluators)
