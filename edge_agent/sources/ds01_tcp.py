"""A logger hub that speaks DS01 as JSON lines over TCP; it is asked again for ever, and it is the buffer.

On each connection the hub streams its stored records, then live ones. Lines are read only as fast as the sink commits
them, so nothing piles up here.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from edge_agent.sources.ds01_lines import Ds01Lines
from edge_agent.sources.ds01_reader import Ds01Reader
from edge_agent.sources.handing import hand_over
from edge_agent.sources.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.sample import Recall, Sink
    from edge_agent.settings.source import Ds01TcpSetting

_log = logging.getLogger(__name__)

READ_BYTES = 64 * 1024
READ_SECONDS = 0.5
REST_BYTES_MAX = 256 * 1024
"""Some 500 records: what a stop can still commit in its time."""
CONNECT_SECONDS_MAX = 1.5
"""Shorter than a stop may last; a hub stands in the same room."""
PAUSE_SECONDS_MIN = 1.0
PAUSE_SECONDS_MAX = 30.0


class Ds01TcpSource:
    """One hub, in a thread of its own; `anchored` is the gateway's clock, None while it cannot be trusted."""

    def __init__(
        self, gateway: str, setting: Ds01TcpSetting, recall: Recall, anchored: Callable[[], int | None]
    ) -> None:
        self._address = (setting.host, setting.port)
        self._lines = Ds01Lines(Ds01Reader(gateway, setting, recall), anchored)
        self._connected = threading.Event()
        self._worker: Worker | None = None

    def start(self, sink: Sink) -> None:
        """Begins to call the hub; returns at once."""
        self._worker = Worker("ds01 {}:{}".format(*self._address), lambda stopping: self._run(stopping, sink))
        self._worker.start()

    def stop(self) -> None:
        """Hangs up and ends the thread."""
        if self._worker is not None:
            self._worker.stop()

    def is_connected(self) -> bool:
        """Whether the hub's port is open to us now."""
        return self._connected.is_set()

    def _run(self, stopping: threading.Event, sink: Sink) -> None:
        pause_seconds = PAUSE_SECONDS_MIN
        while not stopping.is_set():
            try:
                with socket.create_connection(self._address, timeout=CONNECT_SECONDS_MAX) as hub:
                    _log.info("connected to the logger hub at %s:%d", *self._address)
                    pause_seconds = PAUSE_SECONDS_MIN
                    self._connected.set()
                    hub.settimeout(READ_SECONDS)
                    self._lines.listen(
                        partial(_receive, hub),
                        partial(hand_over, sink=sink, stopping=stopping),
                        stopping,
                        partial(_rest, hub),
                    )
                _log.warning("the logger hub at %s:%d hung up", *self._address)
            except OSError as error:
                _log.warning("the logger hub at %s:%d does not answer: %s", *self._address, error)
            finally:
                self._connected.clear()
            stopping.wait(pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads calls, no secret
            pause_seconds = min(pause_seconds * 2, PAUSE_SECONDS_MAX)


def _receive(hub: socket.socket) -> bytes | None:
    try:
        return hub.recv(READ_BYTES)
    except TimeoutError:
        return None


def _rest(hub: socket.socket) -> bytes:
    """What has come and was not yet read; a hub that does not tell it again would never say it again."""
    data = bytearray()
    hub.settimeout(0)
    with suppress(OSError):
        while len(data) < REST_BYTES_MAX and (part := hub.recv(READ_BYTES)):
            data += part
    return bytes(data)
