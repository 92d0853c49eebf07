"""A logger that speaks DS01 as JSON lines over a serial line, such as a USB cable.

The line itself keeps nothing: what comes while the disk fails waits in a bounded memory.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING

from edge_agent.sources.ds01_lines import Ds01Lines
from edge_agent.sources.ds01_reader import Ds01Reader
from edge_agent.sources.handing import Outgoing
from edge_agent.sources.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    import serial

    from edge_agent.sample import Recall, Sink
    from edge_agent.settings.source import Ds01SerialSetting

_log = logging.getLogger(__name__)

READ_BYTES = 4_096
READ_SECONDS = 0.5
PAUSE_SECONDS = 2.0
"""A cable that was pulled is looked for so often."""


class Ds01SerialSource:
    """One line, in a thread of its own; `anchored` is the gateway's clock, None while it cannot be trusted."""

    def __init__(
        self, gateway: str, setting: Ds01SerialSetting, recall: Recall, anchored: Callable[[], int | None]
    ) -> None:
        self._setting = setting
        self._lines = Ds01Lines(Ds01Reader(gateway, setting, recall), anchored)
        self._connected = threading.Event()
        self._worker: Worker | None = None
        self._is_away = False

    def start(self, sink: Sink) -> None:
        """Begins to listen; returns at once."""
        outgoing = Outgoing(sink)
        self._worker = Worker(f"ds01 {self._setting.device}", lambda stopping: self._run(stopping, outgoing))
        self._worker.start()

    def stop(self) -> None:
        """Lets go of the line and ends the thread."""
        if self._worker is not None:
            self._worker.stop()

    def is_connected(self) -> bool:
        """Whether the line is open now."""
        return self._connected.is_set()

    def _run(self, stopping: threading.Event, outgoing: Outgoing) -> None:
        import serial  # noqa: PLC0415 - only a configured driver is loaded

        while not stopping.is_set():
            try:
                setting = self._setting
                with serial.Serial(
                    setting.device, setting.baud_rate, parity=setting.parity, timeout=READ_SECONDS, exclusive=True
                ) as line:
                    _log.info("listening to %s", setting.device)
                    self._is_away = False
                    self._connected.set()
                    self._lines.listen(partial(_receive, line), outgoing.put, stopping, partial(_rest, line))
            except (OSError, ValueError) as error:
                if not self._is_away:
                    _log.warning("%s cannot be read: %s", self._setting.device, error)
                self._is_away = True
            finally:
                self._connected.clear()
                outgoing.flush()
            stopping.wait(PAUSE_SECONDS)


def _rest(line: serial.Serial) -> bytes:
    """What has come and was not yet read: the line keeps nothing."""
    try:
        waiting: bytes = line.read(min(line.in_waiting, READ_BYTES))
    except OSError:
        return b""
    return waiting


def _receive(line: serial.Serial) -> bytes | None:
    first: bytes = line.read(1)
    return first + line.read(min(line.in_waiting, READ_BYTES)) if first else None
