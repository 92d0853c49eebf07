from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import power_cut
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.faults.promises import Promises


def test_no_power_cut_loses_what_was_kept() -> None:
    assert power_cut.run(0, plain(power_cut.FULL)) == 0


@pytest.mark.stack
def test_no_power_cut_loses_what_was_kept_in_other_lives() -> None:
    assert power_cut.run(100_000, stack(power_cut.FULL)) == 0


def test_an_outbox_that_does_not_sync_each_commit_is_caught() -> None:
    with power_cut.unsynced():
        lost = power_cut.cut(7, 60)
    assert len(lost) > 30
    assert all("kept and lost" in line or "not larger" in line for line in lost)
    assert power_cut.cut(7, 60) == []


def test_a_replay_that_finds_nothing_wrong_with_the_control_has_shown_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power_cut, "cut", lambda _seed, _cuts: [])
    assert power_cut.run(0, 10) == 10


def test_one_seed_tells_one_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power_cut, "STEPS", 40)
    tried: list[int] = []

    def boot(_folder: object, files: dict[str, bytes], promises: Promises) -> Iterator[str]:
        tried.append(len(promises.kept) + 1_000_000 * len(files))
        return iter(())

    monkeypatch.setattr(power_cut, "_boot", boot)
    power_cut.cut(3, 30)
    first = tried.copy()
    tried.clear()
    power_cut.cut(3, 30)
    assert tried == first
    assert len(set(first)) > 5
