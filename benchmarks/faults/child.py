"""A real process that a suite starts, kills by its process id and starts again on the same files."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from benchmarks.record import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

READY_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
POLL_SECONDS = 0.01
LOG_TAIL_LETTERS = 2_000


@dataclass(slots=True)
class Child:
    """One process; `ready` says whether it serves, `environment` comes on top of ours without its SHEETAL_ names."""

    command: list[str]
    log: Path
    ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The running process; raises RuntimeError while there is none."""
        if self.process is None:
            raise RuntimeError(f"{self.command} was not started")
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended by itself."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> Self:
        """Starts the process and returns at once; a second call while it runs does nothing."""
        if self.is_running:
            return self
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**plain, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def wait_until_ready(self) -> Self:
        """Returns when it serves; raises RuntimeError with the end of its log when it ended or takes too long."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.ready():
            if not self.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command} did not come up:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)
        return self

    def kill(self) -> None:
        """SIGKILL, by its process id; returns when it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL when that takes too long."""
        self._end(signal.SIGTERM)

    def wait(self, seconds: float) -> bool:
        """Whether it ended by itself within so many seconds."""
        if self.process is None:
            return True
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def ended_with(self) -> int | None:
        """The code it ended with by itself, minus the signal's number where one ended it; None while it runs."""
        return self.process.poll() if self.process else None

    def log_tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-LOG_TAIL_LETTERS:] if self.log.exists() else ""

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
