"""The thread behind a source: it ends when it is told to, and by nothing else."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

STOP_SECONDS_MAX = 2.0
AFTER_ERROR_SECONDS = 5.0


class Worker:
    """Calls `task` again and again until it is stopped; the task looks at the event that it is given."""

    def __init__(self, name: str, task: Callable[[threading.Event], None]) -> None:
        self.name = name
        self._task = task
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and waits for it, but never for ever."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._task(self._stopping)
            except Exception:  # noqa: BLE001 - a source that died of one odd answer would be silent for ever
                _log.exception("%s failed and begins anew", self.name)
                self._stopping.wait(AFTER_ERROR_SECONDS)
