"""Ends the demo's processes when the supervisor died before it could (SIGKILL, a crash); works wherever pipes do.

A process of its own hears by a pipe, a line each, which processes have begun (`+pid`) and ended (`-pid`). When the pipe
breaks, what is left is asked to stop, then forced. Each pid leads a process group, and only such groups are signalled.

A process announces itself: it starts as this file, with the pipe, and becomes the command afterwards. The pipe breaks
only when all who hold it have let go, so none can begin unheard, whenever the supervisor dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ASKED_SECONDS_MAX = 3.0
POLL_SECONDS = 0.05
CLOSE_SECONDS_MAX = 2.0
CANNOT_START = 127
# Run as a file, isolated and without site-packages: it needs nothing of the project and starts in milliseconds.
OWN_COMMAND = (sys.executable, "-I", "-S", __file__)


class Guard:
    """The supervisor's end of the pipe; the process starts when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """The guarding process, None before it is needed and after `close`."""
        return self._process.pid if self._process else None

    def announced(self, command: Sequence[str]) -> tuple[tuple[str, ...], int]:
        """The command that announces itself before it becomes the given one, and the descriptor to pass to it."""
        if self._process is None:
            self._process = subprocess.Popen(
                OWN_COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdin is not None  # noqa: S101, asked for with PIPE
        pipe = self._process.stdin.fileno()
        return (*OWN_COMMAND, str(pipe), *command), pipe

    def forget(self, pid: int) -> None:
        """This process has ended and was waited for; its number may be another's soon."""
        if self._process is None or self._process.stdin is None:
            return
        # Somebody may have killed the guard: the demo goes on without it.
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"-{pid}\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """End the guard; whatever it still knows of goes with it."""
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


def left_at_the_end(lines: Iterable[str]) -> list[int]:
    """The pids that began and did not end, the last begun first; other lines say nothing."""
    begun: dict[int, None] = {}
    for line in lines:
        sign, number = line[:1], line[1:].strip()
        if not (number.isascii() and number.isdigit()):
            continue
        if sign == "+" and int(number) > 1:
            begun[int(number)] = None
        elif sign == "-":
            begun.pop(int(number), None)
    return list(reversed(begun))


def end(groups: list[int]) -> None:
    """Ask every process group to stop; force those still there after three seconds."""
    left = [group for group in groups if _signalled(group, signal.SIGTERM)]
    deadline = time.monotonic() + ASKED_SECONDS_MAX
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [group for group in left if _signalled(group, 0)]
    for group in left:
        _signalled(group, signal.SIGKILL)


def become(pipe: int, command: Sequence[str]) -> NoReturn:
    """Announce this process, then be the command; leaves with 127 and one line when there is no such program."""
    with suppress(BrokenPipeError):
        os.write(pipe, f"+{os.getpid()}\n".encode())
    os.close(pipe)
    # Python ignores a broken pipe, and what is ignored stays so in the command.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], list(command))  # noqa: S606, that no shell stands between is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        sys.exit(CANNOT_START)


def _signalled(group: int, number: int) -> bool:
    """Whether anybody was there; macOS says "not permitted" of a group of which only the remains are left."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    if len(sys.argv) > 1:
        become(int(sys.argv[1]), sys.argv[2:])
    end(left_at_the_end(sys.stdin))
