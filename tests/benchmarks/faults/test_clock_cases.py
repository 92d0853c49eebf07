from __future__ import annotations

import pytest

from benchmarks.faults.clock_cases import CASES, COLD_SECONDS, Case
from benchmarks.faults.lying_gateway import MINUTE_MS


class Notes:
    """A stage that writes down what is done on it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.off_ms: int | None = 0
        self.cold_seconds = 0.0

    def start(self, *, wall_off_ms: int | None = 0, rate: float = 1.0) -> None:
        self.off_ms = wall_off_ms
        self.done.append("start" if rate == 1.0 else "start with drift")

    def link(self) -> None:
        self.done.append("link")

    def kill(self) -> None:
        self.done.append("kill")

    def cut_power(self) -> None:
        self.done.append("cut")

    def set_wall(self, off_ms: int) -> None:
        assert off_ms
        self.done.append("set")

    def calm(self, seconds: float) -> None:
        assert seconds > 0

    def cold(self, seconds: float) -> None:
        self.cold_seconds += seconds


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_boots_once_freezes_long_enough_to_alarm_and_ends_with_a_link(case: Case) -> None:
    stage = Notes()
    case.play(stage)
    assert stage.done.count("link") == 1
    assert sum(word.startswith("start") for word in stage.done) == 1
    assert stage.cold_seconds == pytest.approx(COLD_SECONDS)
    assert stage.cold_seconds * 1_000 > MINUTE_MS + 2_000
    assert not case.is_lost or "cut" in stage.done


def test_the_matrix_has_what_clocks_are_known_to_do() -> None:
    played: list[Notes] = []
    for case in CASES:
        played.append(Notes())
        case.play(played[-1])
    words = {word for stage in played for word in stage.done}
    assert words == {"start", "start with drift", "link", "kill", "cut", "set"}
    offsets = {stage.off_ms for stage in played}
    assert {None, 0, 7_200_000, 259_200_000, -31_536_000_000} <= offsets
    assert len({case.name for case in CASES}) == len(CASES) >= 6
