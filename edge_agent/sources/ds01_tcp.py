"""A logger hub that speaks DS01 as JSON lines over TCP; it is asked again for ever, and it is the buffer.

On each connection the hub streams its stored records, then live ones. Lines are read only as fast as the sink commits
them, so nothing piles up here.
"""

from __future__ import annotations

import logging
import random
import socket
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from edge_agent.sources.ds01_reader import Ds01Reader
from sheetal.contracts.problem import WireProblem

if TYPE_CHECKING:
    from edge_agent.sample import Observation, Recall, Sink
    from edge_agent.source_settings import Ds01TcpSetting
    from sheetal.contracts.clock import Clock

_log = logging.getLogger(__name__)

LINE_BYTES_MAX = 16 * 1024
READ_BYTES = 64 * 1024
READ_SECONDS = 0.5
CONNECT_SECONDS_MAX = 5.0
PAUSE_SECONDS_MIN = 1.0
PAUSE_SECONDS_MAX = 30.0
QUIET_SECONDS = 5.0
"""A line after so long a pause was made now; it may anchor a logger without absolute time."""
SILENT_SECONDS_MAX = 3_600.0
"""A hub silent for so long is called again: the connection may be dead without either side knowing."""
COMMIT_AGAIN_SECONDS = 2.0
STOP_SECONDS_MAX = 2.0


class LineSplitter:
    """Cuts bytes into lines of a bounded length; a longer one is let go whole and counted."""

    def __init__(self, bytes_max: int = LINE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._rest = b""
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends and without empty ones."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        lines = []
        for line in complete:
            if self._skipping or len(line) > self._bytes_max:
                self._skipping = False
                self.dropped += 1
            elif line.strip():
                lines.append(line.strip())
        if len(self._rest) > self._bytes_max:
            self._skipping = True
            self._rest = b""
        return lines


class Ds01TcpSource:
    """One hub, in a thread of its own."""

    def __init__(self, gateway: str, setting: Ds01TcpSetting, recall: Recall, clock: Clock) -> None:
        self._setting = setting
        self._clock = clock
        self._reader = Ds01Reader(gateway, setting, recall)
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._thread: threading.Thread | None = None
        self._bad_lines = 0

    def start(self, sink: Sink) -> None:
        """Begins to call the hub; returns at once."""
        name = f"ds01 {self._setting.host}:{self._setting.port}"
        self._thread = threading.Thread(target=self._run, args=(sink,), name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hangs up and ends the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS_MAX)

    def is_connected(self) -> bool:
        """Whether the hub's port is open to us now."""
        return self._connected.is_set()

    def _run(self, sink: Sink) -> None:
        pause_seconds = PAUSE_SECONDS_MIN
        address = (self._setting.host, self._setting.port)
        while not self._stopping.is_set():
            try:
                with socket.create_connection(address, timeout=CONNECT_SECONDS_MAX) as hub:
                    _log.info("connected to the logger hub at %s:%d", *address)
                    pause_seconds = PAUSE_SECONDS_MIN
                    self._connected.set()
                    self._listen(hub, sink)
                _log.warning("the logger hub at %s:%d hung up", *address)
            except OSError as error:
                _log.warning("the logger hub at %s:%d does not answer: %s", *address, error)
            finally:
                self._connected.clear()
            self._stopping.wait(pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads calls, no secret
            pause_seconds = min(pause_seconds * 2, PAUSE_SECONDS_MAX)

    def _listen(self, hub: socket.socket, sink: Sink) -> None:
        """Reads until the hub hangs up, falls silent or the gateway stops."""
        hub.settimeout(READ_SECONDS)
        splitter = LineSplitter()
        heard_seconds = time.monotonic()
        while not self._stopping.is_set():
            silent_seconds = time.monotonic() - heard_seconds
            if silent_seconds > SILENT_SECONDS_MAX:
                return
            try:
                data = hub.recv(READ_BYTES)
            except TimeoutError:
                continue
            if not data:
                return
            live_at_ms = self._clock() if silent_seconds > QUIET_SECONDS else None
            self._hand_over(self._read(splitter.feed(data), live_at_ms), sink)
            heard_seconds = time.monotonic()

    def _read(self, lines: list[bytes], live_at_ms: int | None) -> list[Observation]:
        observations: list[Observation] = []
        for line in lines:
            try:
                observations += self._reader.read(line, live_at_ms)
            except WireProblem as problem:
                self._bad_lines += 1
                # One line in the log for the first, the tenth, the hundredth: a broken hub must not fill the disk.
                if str(self._bad_lines).strip("0") == "1":
                    _log.warning("bad line number %d from the logger hub: %s", self._bad_lines, problem.message)
        return observations

    def _hand_over(self, observations: list[Observation], sink: Sink) -> None:
        """Waits until they are on the disk; while the disk fails the hub keeps the rest."""
        while observations and not self._stopping.is_set():
            try:
                sink(observations)
            except sqlite3.Error as error:
                _log.error("the outbox cannot be written, trying again: %s", error)
                self._stopping.wait(COMMIT_AGAIN_SECONDS)
            else:
                return
