from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from edge_agent.local import duty as module
from edge_agent.local.bell import Standing
from edge_agent.local.duty import CALLS_MAX, Duty, DutyView
from sheetal.contracts.device_alarm import AlarmKind
from tests.edge_agent.kit import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FREEZE = Standing(AlarmKind.FREEZE, "g.a", -90)


class Program:
    """What would be the buzzer: remembers its calls, hangs while told to, fails with `problem`."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, str]] = []
        self.problem = ""
        self.running = 0
        self.most_at_once = 0
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self, _command: Sequence[str], facts: Mapping[str, str]) -> str:
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        self.calls.append(facts)
        self.may_end.wait(10)
        self.running -= 1
        return self.problem

    @property
    def states(self) -> list[str]:
        return [facts["ALARM_STATE"] for facts in self.calls]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)


@contextmanager
def running(duty: Duty) -> Iterator[Duty]:
    duty.start()
    try:
        yield duty
    finally:
        duty.stop()


def test_an_alarm_calls_and_so_does_its_end() -> None:
    program, standing = Program(), [FREEZE]
    with running(Duty(["buzz"], lambda: list(standing), run=program)):
        until(lambda: program.states == ["alarm"])
        standing.clear()
        until(lambda: program.states == ["alarm", "cleared"])
    assert program.calls[0]["ALARM_SENSOR"] == "g.a"


def test_a_test_and_an_identification_are_run_and_shown_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program()
    with running(Duty(["buzz"], list, run=program)) as duty:
        duty.sound_test_alarm()
        assert duty.view() == DutyView(0, "test", "")
        until(lambda: program.states == ["test"])
        duty.identify()
        assert duty.view().shown == "identify"
        until(lambda: program.states == ["test", "identify"])
        monkeypatch.setattr(module, "SHOWN_SECONDS", 0.0)
        duty.identify()
        assert duty.view().shown == ""


def test_a_hanging_command_runs_alone_and_delays_nothing_else() -> None:
    program, done = Program(), [0]
    program.may_end.clear()

    def chore(_monotonic_ms: int) -> None:
        done[0] += 1

    with running(Duty(["buzz"], lambda: [FREEZE], [chore], program)) as duty:
        until(lambda: program.running == 1)
        before = done[0]
        for _ in range(50):
            duty.sound_test_alarm()
        until(lambda: done[0] > before + 10)
        assert len(duty._calls) == CALLS_MAX
        program.may_end.set()
        until(lambda: len(program.calls) == 1 + CALLS_MAX)
    assert program.most_at_once == 1


def test_a_failing_command_is_told_until_it_works(caplog: pytest.LogCaptureFixture) -> None:
    program = Program()
    program.problem = "buzz: ended with 1"
    with running(Duty(["buzz"], list, run=program)) as duty, caplog.at_level(logging.ERROR):
        duty.sound_test_alarm()
        until(lambda: duty.view().problem == "buzz: ended with 1")
        program.problem = ""
        duty.sound_test_alarm()
        until(lambda: duty.view().problem == "")
    assert "the alarm command failed: buzz: ended with 1" in caplog.text


def test_silence_is_shown_in_seconds() -> None:
    duty = Duty(["buzz"], list)
    duty.silence()
    assert 890 <= duty.view().silent_seconds <= 900


def test_a_failing_chore_ends_no_other(caplog: pytest.LogCaptureFixture) -> None:
    done = [0]

    def full(_monotonic_ms: int) -> None:
        raise sqlite3.OperationalError("disk is full")

    def broken(_monotonic_ms: int) -> None:
        raise ValueError("odd")

    def good(_monotonic_ms: int) -> None:
        done[0] += 1

    with caplog.at_level(logging.WARNING), running(Duty((), list, [full, broken, good])):
        until(lambda: done[0] > 20)
    assert caplog.text.count("the outbox cannot be used now: disk is full") == 1
    assert "a chore failed" in caplog.text


def test_a_failed_chore_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST_SECONDS", 0.05)
    tried = [0]

    def once_broken(_monotonic_ms: int) -> None:
        tried[0] += 1
        if tried[0] == 1:
            raise sqlite3.OperationalError("disk is full")

    with running(Duty((), list, [once_broken])):
        until(lambda: tried[0] > 3)


def test_without_a_command_nothing_is_queued_and_it_stops_at_once() -> None:
    with running(Duty((), lambda: [FREEZE])) as duty:
        duty.sound_test_alarm()
        assert duty.view().shown == "test"
        assert duty._calls == []
        assert len(duty._threads) == 1
        began = time.monotonic()
    assert time.monotonic() - began < 1


def test_it_stops_in_time_though_a_command_hangs() -> None:
    program = Program()
    program.may_end.clear()
    with running(Duty(["buzz"], lambda: [FREEZE], run=program)):
        until(lambda: program.running == 1)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    program.may_end.set()
