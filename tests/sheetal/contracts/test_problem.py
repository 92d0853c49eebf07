from __future__ import annotations

import pytest

from sheetal.contracts import problem
from sheetal.contracts.problem import Problem, Refused, Unavailable

ALL = [kind for kind in vars(problem).values() if isinstance(kind, type) and issubclass(kind, Problem)]


def test_each_problem_has_its_own_code() -> None:
    codes = [kind.code for kind in ALL]
    assert len(ALL) == 8
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", ALL)
def test_a_problem_carries_its_message_next_step_and_facts(kind: type[Problem]) -> None:
    raised = kind("the door is open", next_step="close it", reason="door", minutes=5)
    assert str(raised) == raised.message == "the door is open"
    assert raised.next_step == "close it"
    assert raised.facts == {"reason": "door", "minutes": 5}


def test_only_what_is_away_may_be_tried_again() -> None:
    assert [kind for kind in ALL if kind.retry] == [Unavailable]


def test_unavailable_says_when_to_come_back() -> None:
    assert Unavailable("away").retry_after_seconds == 1.0
    assert Unavailable("away", retry_after_seconds=30).retry_after_seconds == 30


def test_facts_are_never_in_the_message() -> None:
    assert "secret" not in str(Refused("no", reason="x", word="secret"))
