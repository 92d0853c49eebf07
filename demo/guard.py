"""Ends the demo's processes when the supervisor died before it could (SIGKILL, a crash); works wherever pipes do.

A process of its own hears by a pipe, a line each, which processes have begun (`+pid`) and ended (`-pid`). When the
pipe breaks, what is left is asked to stop, then forced. Each pid leads a process group; only such groups are signalled.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ASKED_SECONDS_MAX = 3.0
POLL_SECONDS = 0.05
CLOSE_SECONDS_MAX = 2.0


class Guard:
    """The supervisor's end of the pipe; the process starts with the first `watch`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """The guarding process, None before the first `watch` and after `close`."""
        return self._process.pid if self._process else None

    def watch(self, pid: int) -> None:
        """From now on the leader of this process group does not outlive us for long."""
        if self._process is None:
            # Run as a file, isolated: it needs nothing of the project and starts in a few milliseconds.
            command = [sys.executable, "-I", __file__]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        """This process has ended and was waited for; its number may be another's soon."""
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End the guard; whatever it still watches goes with it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(ASKED_SECONDS_MAX + CLOSE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        # Somebody may have killed the guard: the demo goes on without it.
        with suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()


def watched_at_the_end(lines: Iterable[str]) -> list[int]:
    """The pids that began and did not end, the last begun first; other lines say nothing."""
    watched: dict[int, None] = {}
    for line in lines:
        sign, number = line[:1], line[1:].strip()
        if sign == "+" and number.isascii() and number.isdigit() and int(number) > 1:
            watched[int(number)] = None
        elif sign == "-" and number.isascii() and number.isdigit():
            watched.pop(int(number), None)
    return list(reversed(watched))


def end(groups: list[int]) -> None:
    """Ask every process group to stop; force those still there after three seconds."""
    left = [group for group in groups if _signalled(group, signal.SIGTERM)]
    deadline = time.monotonic() + ASKED_SECONDS_MAX
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [group for group in left if _signalled(group, 0)]
    for group in left:
        _signalled(group, signal.SIGKILL)


def _signalled(group: int, number: int) -> bool:
    """Whether anybody was there; macOS says "not permitted" of a group of which only the remains are left."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    end(watched_at_the_end(sys.stdin))
