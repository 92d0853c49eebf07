from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.faults import storm_law
from benchmarks.faults.storm_law import CASES, RATES, play

if TYPE_CHECKING:
    import random

    import pytest


def at_once(_: int, chance: random.Random) -> float:
    """Half a second to a second after every loss: what the gateways' first try was before it was spread."""
    return chance.uniform(0.5, 1.0)


def test_a_broker_that_is_quick_enough_serves_all_with_their_first_tries() -> None:
    seen = play(1_000, 0.0, 100_000)
    assert seen.tries == 1_000
    assert seen.all_seconds < 8.1


def test_nobody_is_let_in_faster_than_the_broker_can() -> None:
    assert play(2_000, 3.0, 100).all_seconds >= 2_000 / 100


def test_a_slow_broker_still_serves_all() -> None:
    seen = play(5_000, 3.0, 50)
    assert seen.all_seconds >= 100
    assert seen.tries > 5_000


def test_after_a_long_absence_each_comes_within_its_longest_wait() -> None:
    assert play(2_000, 600.0, 10_000).all_seconds < 61


def test_the_shipped_law_comes_more_evenly_than_all_at_once() -> None:
    shipped, before = play(10_000, 0.0, 500), play(10_000, 0.0, 500, at_once)
    assert shipped.tries_a_second_max < before.tries_a_second_max / 3
    assert shipped.tries < before.tries


def test_the_table_has_a_row_for_each_case(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm_law, "CASES", ((100, 3.0), (200, 3.0)))
    assert storm_law.main() == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + 2 * len(RATES)
    assert len(CASES) == 3
