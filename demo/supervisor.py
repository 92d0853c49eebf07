"""Starts the demo's processes, watches them, and stops all of them whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from demo.guard import Guard
from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

STOP_SECONDS = 8.0
READY_SECONDS = 60.0
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process: its command, what it needs in its environment, and how to tell that it is ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = field(default=lambda: True)


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs one of our own modules under this interpreter."""
    return (sys.executable, "-m", module, *arguments)


class Supervisor:
    """Runs processes with one log file each; `stop` ends them in reverse order, first asked, then forced.

    If this process dies before it could stop them, a guard does so within seconds.
    """

    def __init__(self, log_folder: Path, working_folder: Path) -> None:
        self._logs = log_folder
        self._working_folder = working_folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._specs: dict[str, ProcessSpec] = {}
        self._guard = Guard()
        log_folder.mkdir(parents=True, exist_ok=True)

    def start(self, spec: ProcessSpec) -> None:
        """Start one process in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        self._specs[spec.name] = spec
        command, pipe = self._guard.announced(spec.command)
        with (self._logs / f"{spec.name}.log").open("ab") as log:
            self._running[spec.name] = subprocess.Popen(
                command,
                env=_environment(spec),
                cwd=self._working_folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(pipe,),
            )

    def restart(self, name: str) -> None:
        """Start a stopped process again as it was first started, and wait until it is ready."""
        self.start(self._specs[name])
        self.wait_ready([name])

    def wait_ready(self, names: list[str], seconds: float = READY_SECONDS) -> None:
        """Return when all named processes are ready; raises Unavailable with the log's end when one dies or dawdles."""
        deadline = time.monotonic() + seconds
        waiting = list(names)
        while waiting:
            waiting = [name for name in waiting if not self._specs[name].is_ready()]
            self.raise_if_any_died()
            if waiting and time.monotonic() > deadline:
                raise Unavailable(
                    f"{waiting[0]} was not ready within {seconds:.0f} s", next_step=self.log_tail(waiting[0])
                )
            time.sleep(POLL_SECONDS)

    def raise_if_any_died(self) -> None:
        """Raises Unavailable naming the first process that ended by itself, with the end of its log."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise Unavailable(
                    f"{name} ended by itself with code {process.returncode}", next_step=self.log_tail(name)
                )

    def log_tail(self, name: str) -> str:
        """The last lines a process wrote."""
        lines = (self._logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def pid_of(self, name: str) -> int:
        """The process id of a running process."""
        return self._running[name].pid

    def is_running(self, name: str) -> bool:
        """Whether a process was started, not stopped, and has not ended by itself."""
        return name in self._running and self._running[name].poll() is None

    def stop_one(self, name: str, signal_number: int = signal.SIGTERM) -> int:
        """Stop one process: the given signal, then, when it does not end in time, SIGKILL; gives its exit code."""
        process = self._running.pop(name)
        if process.poll() is None:
            process.send_signal(signal_number)
        return self._wait_or_kill(process, STOP_SECONDS)

    def stop(self) -> None:
        """Stop all, last started first; returns when none is left."""
        for process in reversed(list(self._running.values())):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for name in reversed(list(self._running)):
            self._wait_or_kill(self._running[name], max(0.1, deadline - time.monotonic()))
            del self._running[name]
        self._guard.close()

    def _wait_or_kill(self, process: subprocess.Popen[bytes], seconds: float) -> int:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self._guard.forget(process.pid)
        return code


def _environment(spec: ProcessSpec) -> dict[str, str]:
    """Ours, without settings that a person has in the shell for other purposes, and what the process needs."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
    return {**plain, **spec.environment}
