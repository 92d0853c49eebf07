from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import alerts_kill9
from benchmarks.faults.alerts_failpoint import POINTS
from benchmarks.faults.alerts_kill9 import ANY_MOMENT, WAYS, group
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path

PLANTED = "tests.benchmarks.faults.planted_remember_first"


@pytest.mark.timeout(300)
def test_nothing_is_half_done_and_somebody_is_told() -> None:
    assert alerts_kill9.run(0, plain(alerts_kill9.FULL)) == 0


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_nothing_is_half_done_in_more_tries() -> None:
    assert alerts_kill9.run(1_000, stack(alerts_kill9.FULL)) == 0


@pytest.mark.timeout(300)
def test_remembering_before_sending_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group(tmp_path, 0, 1, ["sending"], PLANTED) == 1
    assert "was told 0 times" in capsys.readouterr().out


def test_every_point_is_tried_and_a_third_falls_at_any_moment() -> None:
    chance = random.Random(1)
    drawn = [chance.choice(WAYS) for _ in range(1_000)]
    assert set(drawn) == {ANY_MOMENT, *POINTS}
    assert 200 < drawn.count(ANY_MOMENT) < 450
