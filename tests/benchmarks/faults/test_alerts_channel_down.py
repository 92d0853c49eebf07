from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import alerts_channel_down
from benchmarks.faults.alerts_channel_down import KINDS, attempt, broken
from benchmarks.faults.stub_channels import BROKEN, Mode
from tests.benchmarks.faults.tiers import plain

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)
def test_a_broken_channel_keeps_nobody_from_being_told() -> None:
    """Each kind and each way at least once; the full count plays every pair."""
    tries = [0, 5, 10, 15, 8][: plain(alerts_channel_down.FULL)]
    with ThreadPoolExecutor(len(tries)) as pool:
        assert list(pool.map(attempt, tries)) == [True] * len(tries)


@pytest.mark.stack
@pytest.mark.timeout(300)
def test_each_kind_that_is_down_keeps_nobody_from_being_told() -> None:
    assert alerts_channel_down.run(0, len(KINDS)) == 0


@pytest.mark.timeout(300)
def test_trying_one_channel_alone_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_channel_down, "SECOND_SECONDS_MAX", 6.0)
    problems = broken(tmp_path, "sms", Mode.DOWN, "tests.benchmarks.faults.planted_one_channel")
    assert problems[0] == "the second channel did not tell in two minutes"


def test_the_full_count_is_every_kind_in_every_way() -> None:
    full = range(alerts_channel_down.FULL)
    pairs = {(KINDS[number % len(KINDS)], BROKEN[number // len(KINDS)]) for number in full}
    assert len(pairs) == len(KINDS) * len(BROKEN) == alerts_channel_down.FULL
