"""The gateway's duty on the spot: a thread that watches for silence and calls for help, network or not."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.local.bell import IDENTIFY, SHOWN_SECONDS, TEST, Bell, Call, Standing
from edge_agent.local.hook import run_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
REST_SECONDS = 10.0
"""A chore that failed is left alone for so long, so that a broken disk does not fill the log."""
CALLS_MAX = 8
STOP_SECONDS_MAX = 2.0


class DutyView(NamedTuple):
    """What the page shows: seconds of silence left, a test or identification going on, the last trouble."""

    silent_seconds: int = 0
    shown: str = ""
    problem: str = ""


class Duty:
    """Calls the alarm command; every method may be called from any thread and returns at once.

    `chores` are done about once a second in a thread of their own, each with the monotonic milliseconds; `standing`
    says which device alarms stand. One command runs at a time, in another thread: a hanging one delays nothing else.
    """

    def __init__(
        self,
        command: Sequence[str],
        standing: Callable[[], Sequence[Standing]],
        chores: Sequence[Callable[[int], None]] = (),
        run: Callable[[Sequence[str], Mapping[str, str]], str] = run_hook,
    ) -> None:
        self._command = tuple(command)
        self._standing = standing
        self._chores = tuple(chores)
        self._run = run
        self._bell = Bell()
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._shown = ("", 0.0)
        self._problem = ""
        self._stopping = threading.Event()
        self._called = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._watch, "duty"), (self._call, "alarm-command"))[: 2 if command else 1]
        ]

    def start(self) -> None:
        """Begins; returns at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends; a command that still runs is left to its own end."""
        self._stopping.set()
        self._called.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(STOP_SECONDS_MAX / len(self._threads))

    def sound_test_alarm(self) -> None:
        """Runs the alarm command as a test and says so on the page for a minute."""
        self._show(TEST)

    def identify(self) -> None:
        """Says on the page for a minute that this is the gateway that is meant, and runs the command so."""
        self._show(IDENTIFY)

    def silence(self) -> None:
        """Keeps the bell from repeating for 15 min; a new alarm still calls."""
        with self._lock:
            self._bell.silence(time.monotonic())
        _log.info("the bell was silenced from the page")

    def view(self) -> DutyView:
        """How the duty stands."""
        now = time.monotonic()
        with self._lock:
            state, until = self._shown
            silent = max(0, round(self._bell.silent_until_seconds - now))
            return DutyView(silent, state if now < until else "", self._problem)

    def _show(self, state: str) -> None:
        with self._lock:
            self._shown = (state, time.monotonic() + SHOWN_SECONDS)
            self._put([Call(state)])

    def _watch(self) -> None:
        rests_until = [0.0] * (len(self._chores) + 1)
        while not self._stopping.wait(TICK_SECONDS):
            for place, chore in enumerate((*self._chores, self._ring)):
                now = time.monotonic()
                if now >= rests_until[place] and not _done(chore):
                    rests_until[place] = now + REST_SECONDS

    def _ring(self, monotonic_ms: int) -> None:
        standing = self._standing()
        with self._lock:
            self._put(self._bell.due(standing, monotonic_ms / 1_000))

    def _put(self, calls: Sequence[Call]) -> None:
        if self._command and calls:
            self._calls = [*self._calls, *calls][:CALLS_MAX]
            self._called.set()

    def _call(self) -> None:
        while not self._stopping.is_set():
            self._called.wait()
            with self._lock:
                call = self._calls.pop(0) if self._calls else None
                if not self._calls:
                    self._called.clear()
            if call is None or self._stopping.is_set():
                continue
            problem = self._run(self._command, call.facts)
            if problem:
                _log.error("the alarm command failed: %s", problem)
            with self._lock:
                self._problem = problem


def _done(chore: Callable[[int], None]) -> bool:
    try:
        chore(time.monotonic_ns() // 1_000_000)
    except sqlite3.Error as error:
        _log.warning("the outbox cannot be used now: %s", error)
        return False
    except Exception:  # noqa: BLE001 - a chore that fails must not end the watch over the others
        _log.exception("a chore failed")
        return False
    return True
