from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from alerts.counts import Counts
from alerts.drain import Work

if TYPE_CHECKING:
    from tests.alerts.given import World


def test_rounds_add_up() -> None:
    counts = Counts()
    counts.add(Work([], [], verdicts=Counter(hold=2, usable=1), held=3, failed={"H-9"}), 0.2)
    counts.add(Work([], [], verdicts=Counter(hold=1)), 0.1)
    assert counts.verdicts.items() == [(("hold",), 3), (("usable",), 1)]
    assert (counts.rounds, counts.holdings_held, counts.holdings_failed) == (2, 3, 1)
    assert (counts.round_seconds.count, round(counts.round_seconds.sum, 6)) == (2, 0.3)


def test_a_round_counts_its_verdicts_and_holds_once(world: World) -> None:
    world.receive()
    world.feed((0, 90, -180))
    work = world.drain(90)
    assert (dict(work.verdicts), work.held) == ({"hold": 1}, 1)
    counts = Counts()
    counts.add(work, 0.0)
    assert counts.hours_judged == 2
    counts.add(world.drain(91), 0.0)
    assert (counts.rounds, counts.hours_judged, counts.holdings_held) == (2, 2, 1)


def test_what_is_judged_anew_without_news_counts_no_verdict(world: World) -> None:
    world.receive()
    world.feed((0, 30, 450))
    world.drain(30)
    world.feed((0, 30, 450))
    assert dict(world.drain(31).verdicts) == {}
