from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from ingest.patience import Patience, Stopped
from sheetal.contracts.problem import Problem, Rejected, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable


def failing(times: int, problem: Problem) -> Callable[[], str]:
    left = [problem] * times

    def step() -> str:
        if left:
            raise left.pop()
        return "done"

    return step


@pytest.mark.parametrize("problem", [Unavailable("away", retry_after_seconds=0), Rejected("no right to write")])
def test_a_step_is_repeated_until_it_is_done(problem: Problem) -> None:
    assert Patience(threading.Event()).insist("write", failing(2, problem)) == "done"


def test_the_problem_is_named_while_it_lasts() -> None:
    patience = Patience(threading.Event())
    seen: list[str | None] = []

    def step() -> None:
        seen.append(patience.problem)
        if len(seen) < 3:
            raise Unavailable("the disk is full", retry_after_seconds=0)

    patience.insist("write", step)
    assert seen == [None, "write: the disk is full", "write: the disk is full"]
    assert patience.problem is None


class ClearedMeanwhile(dict[str, str]):
    """Problems that another thread clears as soon as they were looked for."""

    def __contains__(self, what: object) -> bool:
        return self.pop(str(what), None) is not None


def test_two_stages_may_wait_for_one_store_under_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(threading.Event())
    monkeypatch.setattr(patience, "_problems", ClearedMeanwhile())
    assert patience.insist("write", failing(1, Unavailable("away", retry_after_seconds=0))) == "done"
    assert patience.problem is None


def test_a_stop_ends_the_wait_at_once() -> None:
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        Patience(stop).insist("write", failing(10**6, Unavailable("away", retry_after_seconds=60)))
    assert time.monotonic() - began < 20
    timer.join()


def test_the_stores_wish_to_wait_is_heard_within_bounds() -> None:
    began = time.monotonic()
    Patience(threading.Event()).insist("write", failing(1, Unavailable("busy", retry_after_seconds=0.5)))
    assert 0.35 < time.monotonic() - began < 20


def test_a_wrong_program_is_not_waited_for() -> None:
    def step() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Patience(threading.Event()).insist("write", step)
