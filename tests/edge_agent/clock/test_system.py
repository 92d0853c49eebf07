from __future__ import annotations

import ctypes
import time
from typing import NoReturn

import pytest

from edge_agent.clock import system as system_clock
from sheetal.contracts import clock


def test_the_monotonic_clock_counts_milliseconds_since_the_boot() -> None:
    before_ms = system_clock.monotonic_ms()
    time.sleep(0.02)
    assert 15 <= system_clock.monotonic_ms() - before_ms < 5_000
    assert before_ms >= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000 - 5_000


def test_the_wall_clock_is_this_machine_s() -> None:
    assert abs(system_clock.wall("never").at_ms - clock.now_ms()) < 5_000


@pytest.mark.parametrize(("setting", "expected"), [("always", True), ("never", False)])
def test_a_setting_may_overrule_the_kernel(setting: system_clock.Synchronised, expected: bool) -> None:  # noqa: FBT001 - a table
    assert system_clock.wall(setting).is_synchronised is expected


class Kernel:
    def __init__(self, state: int, status: int) -> None:
        self._state = state
        self._status = status

    def adjtimex(self, asked: object) -> int:
        found = asked._obj  # type: ignore[attr-defined] # what byref refers to
        assert found.modes == 0, "it only asks"
        found.status = self._status
        return self._state


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [(0, 0x2001, True), (1, 0, True), (5, 0, False), (0, 0x2041, False), (5, 0x40, False), (-1, 0, False)],
)
def test_the_kernel_is_asked(monkeypatch: pytest.MonkeyPatch, *, state: int, status: int, expected: bool) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Kernel(state, status))
    assert system_clock.kernel_is_synchronised() is expected
    assert system_clock.wall().is_synchronised is expected


def test_a_system_that_cannot_be_asked_is_not_synchronised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert system_clock.kernel_is_synchronised() is False

    def no_library(_name: object) -> NoReturn:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    assert system_clock.kernel_is_synchronised() is False


def test_this_machine_s_kernel_answers_something() -> None:
    assert system_clock.kernel_is_synchronised() in {True, False}
