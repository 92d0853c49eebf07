from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts import turns
from alerts.evaluate import Judge
from alerts.known import Known
from alerts.turns import PROBLEM_CHARACTERS_MAX, judged_in_turn, named
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import histories
from tests.alerts.given import HOLDING, at

if TYPE_CHECKING:
    from collections.abc import Collection

    from alerts.evaluate import Judged
    from sheetal.ledger.histories import History
    from tests.alerts.given import World

THREE = [HOLDING, "H-2", "H-3"]


@pytest.fixture
def stocked(world: World) -> World:
    for label in THREE:
        world.receive(label)
    world.feed((0, 30, 450))
    return world


def judged(world: World, *labels: str) -> tuple[list[str], set[str]]:
    failed: set[str] = set()
    found = [one.verdict.holding for one in judged_in_turn(world.stores, labels or THREE, at(30), failed)]
    return found, failed


def test_each_is_judged_in_order_of_its_name(stocked: World) -> None:
    assert judged(stocked, "H-3", HOLDING, "H-2") == (THREE, set())
    assert judged(stocked, "H-2", "H-none") == (["H-2"], set())


@pytest.mark.parametrize("at_once", [1, 2])
def test_many_go_in_parts(stocked: World, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(histories, "IDS_A_QUERY", at_once)
    assert judged(stocked) == (THREE, set())


def test_one_that_cannot_be_judged_keeps_no_other_from_its_turn(
    stocked: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Judge.judge

    def judge(self: Judge, history: History) -> Judged:
        if history.holding.id == "H-2":
            raise ValueError("a fault in the data")
        return real(self, history)

    monkeypatch.setattr(Judge, "judge", judge)
    assert judged(stocked) == ([HOLDING, "H-3"], {"H-2"})


def test_one_of_which_nothing_can_be_learnt_keeps_no_other_from_being_learnt_of(
    stocked: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Known.learn

    def learn(self: Known, about: Collection[History]) -> None:
        if "H-2" in {one.holding.id for one in about}:
            raise TypeError("nobody thought of this")
        real(self, about)

    monkeypatch.setattr(Known, "learn", learn)
    assert judged(stocked) == ([HOLDING, "H-3"], {"H-2"})


@pytest.mark.parametrize("step", ["learn", "judge"])
def test_a_store_that_is_away_ends_the_round(stocked: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def away(*_: object) -> None:
        raise Unavailable("the ledger does not answer")

    monkeypatch.setattr(Judge, step, away)
    with pytest.raises(Unavailable):
        judged(stocked)


def test_a_store_that_goes_away_while_each_is_read_alone_ends_the_round(
    stocked: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def learn(self: Known, about: Collection[History]) -> None:
        del self
        if len(about) > 1:
            raise TypeError("nobody thought of this")
        raise Unavailable("the ledger does not answer")

    monkeypatch.setattr(Known, "learn", learn)
    with pytest.raises(Unavailable):
        judged(stocked)


def test_a_problem_is_named_in_one_bounded_line() -> None:
    assert named(ValueError("too cold")) == "ValueError: too cold"
    assert len(named(ValueError("x" * 10_000))) == PROBLEM_CHARACTERS_MAX
    assert turns.PROBLEM_CHARACTERS_MAX == 500
