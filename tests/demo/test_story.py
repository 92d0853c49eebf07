"""How steps are played; that they come true on real processes is tests/journeys' matter."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from demo import story
from demo.story import STEPS, Memory, Played, Step, play
from sheetal.contracts.problem import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.district import District

WITHIN_SECONDS = 300


class Watched:
    """A district of which only the supervisor's watch is looked at."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.looks = 0
        self.dies_after = dies_after
        self.supervisor = SimpleNamespace(raise_if_any_died=self._look)

    def _look(self) -> None:
        self.looks += 1
        if self.dies_after is not None and self.looks > self.dies_after:
            raise Unavailable("ingest ended by itself with code -9")


def district(dies_after: int | None = None) -> District:
    return cast("District", Watched(dies_after))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(story, "POLL_SECONDS", 0.01)

    def replace(*replaced: Step) -> None:
        monkeypatch.setattr(story, "STEPS", replaced)

    return replace


def fine(_district: District, _memory: Memory) -> str:
    return "seen"


def never(_district: District, _memory: Memory) -> str:
    raise Unavailable("not yet", next_step="wait")


def test_every_step_is_told_as_it_comes_true(steps: Callable[..., None]) -> None:
    steps(Step("One", fine, 5), Step("Two", fine, 5))
    told: list[Played] = []
    played = play(district(), told.append)
    assert [(one.sentence, one.ok, one.detail) for one in played] == [("One", True, "seen"), ("Two", True, "seen")]
    assert told == played


def test_a_step_is_tried_until_it_comes_true(steps: Callable[..., None]) -> None:
    tries = iter((Unavailable("later"), Refused("closed"), None))

    def third_time(_district: District, _memory: Memory) -> str:
        problem = next(tries)
        if problem is not None:
            raise problem
        return "at last"

    steps(Step("One", third_time, 5))
    (played,) = play(district(), lambda _played: None)
    assert (played.ok, played.detail) == (True, "at last")


def test_the_story_ends_at_the_first_step_that_does_not(steps: Callable[..., None]) -> None:
    steps(Step("One", fine, 5), Step("Two", never, 0.05), Step("Three", fine, 5))
    told: list[Played] = []
    played = play(district(), told.append)
    assert [one.ok for one in played] == [True, False]
    assert told[-1].detail == "not yet wait"
    assert 0.05 <= played[-1].seconds < 2


def test_what_one_step_leaves_the_next_one_finds(steps: Callable[..., None]) -> None:
    def give(_district: District, memory: Memory) -> str:
        memory.dose_before = {"dose": "d1"}
        return ""

    def find(_district: District, memory: Memory) -> str:
        return str(memory.dose_before["dose"])

    steps(Step("One", give, 5), Step("Two", find, 5))
    assert play(district(), lambda _played: None)[-1].detail == "d1"


def test_a_process_that_dies_ends_the_waiting_at_once(steps: Callable[..., None]) -> None:
    steps(Step("One", never, 60))
    with pytest.raises(Unavailable, match="ended by itself"):
        play(district(dies_after=2), lambda _played: None)


def test_a_mistake_in_a_step_is_not_taken_for_patience(steps: Callable[..., None]) -> None:
    def wrong(_district: District, _memory: Memory) -> str:
        raise KeyError("holding")

    steps(Step("One", wrong, 60))
    with pytest.raises(KeyError):
        play(district(), lambda _played: None)


def test_the_story_is_the_whole_way_in_order_and_in_time() -> None:
    told = [step.play.__name__ for step in STEPS]
    assert told == [
        "readings_flow",
        "freeze_begins",
        "dose_before_hold",
        "device_alarm",
        "engine_holds",
        "verdict_found_again",
        "gate_refuses",
        "another_passes",
        "recall_lists_dose",
        "certificate_has_advisory",
        "certificate_without_portal",
    ]
    assert len({step.sentence for step in STEPS}) == len(STEPS)
    expected_seconds = sum(step.seconds for step in STEPS if step.play.__name__ != "device_alarm") / 2
    assert expected_seconds < WITHIN_SECONDS
