from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from edge_agent.sources import worker
from edge_agent.sources.worker import Worker
from tests.edge_agent.kit import until

if TYPE_CHECKING:
    import pytest


def test_an_error_is_told_and_the_task_begins_anew(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AFTER_ERROR_SECONDS", 0.01)
    calls: list[int] = []

    def task(_stopping: threading.Event) -> None:
        calls.append(1)
        raise RuntimeError("the driver lost its mind")

    worked = Worker("poll X", task)
    with caplog.at_level(logging.ERROR):
        worked.start()
        until(lambda: len(calls) >= 3)
        worked.stop()
    assert "poll X failed and begins anew" in caplog.text
    assert "the driver lost its mind" in caplog.text
    count = len(calls)
    time.sleep(0.05)
    assert len(calls) == count


def test_stopping_interrupts_the_pause_after_an_error() -> None:
    failed = threading.Event()

    def task(_stopping: threading.Event) -> None:
        failed.set()
        raise RuntimeError("no")

    worked = Worker("poll X", task)
    worked.start()
    assert failed.wait(5)
    began = time.monotonic()
    worked.stop()
    assert time.monotonic() - began < 1.0


def test_a_task_that_does_not_end_does_not_hold_the_stop_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "STOP_SECONDS_MAX", 0.1)
    never = threading.Event()
    worked = Worker("poll X", lambda _stopping: never.wait(5) and None)
    worked.start()
    began = time.monotonic()
    worked.stop()
    assert time.monotonic() - began < 1.0
    never.set()


def test_a_task_that_returns_is_called_again() -> None:
    calls: list[int] = []
    worked = Worker("poll X", lambda stopping: calls.append(1) or (stopping.wait(0.01) and None))  # type: ignore[func-returns-value]
    worked.start()
    until(lambda: len(calls) >= 2)
    worked.stop()
