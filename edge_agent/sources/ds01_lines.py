"""DS01 as JSON lines from any line of bytes: cutting, bad lines, and which record is of this moment.

A hub streams its stored records and then each new one as it is made. So a record is live when it came after a pause,
with at most one record an appliance, and nothing more behind it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from edge_agent.sources import ds01_values
from edge_agent.sources.ds01_reader import Heard
from sheetal.contracts.problem import WireProblem

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge_agent.sample import Observation
    from edge_agent.sources.ds01_reader import Ds01Reader

_log = logging.getLogger(__name__)

LINE_BYTES_MAX = 16 * 1024
QUIET_SECONDS = 5.0
"""A line after so long a pause may have been made now."""
SILENT_SECONDS_MAX = 3_600.0
"""A hub silent for so long is called again: the connection may be dead without either side knowing."""
LIVE_LINES_MAX = 64
"""A hub has no more appliances; more lines at once come from its memory."""


class LineSplitter:
    """Cuts bytes into lines of a bounded length; a longer one is let go whole, counted and told of when it is known."""

    def __init__(self, bytes_max: int = LINE_BYTES_MAX, too_long: Callable[[], object] = bool) -> None:
        self._bytes_max = bytes_max
        self._too_long = too_long
        self._rest = b""
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends and without empty ones."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        lines = []
        for line in complete:
            if self._skipping:
                self._skipping = False
            elif len(line) > self._bytes_max:
                self._let_go()
            elif line.strip():
                lines.append(line.strip())
        if len(self._rest) > self._bytes_max:
            if not self._skipping:
                self._let_go()
            self._skipping = True
            self._rest = b""
        return lines

    def _let_go(self) -> None:
        self.dropped += 1
        self._too_long()


class Ds01Lines:
    """Listens to one hub; `anchored` is the gateway's clock, None while it cannot be trusted."""

    def __init__(self, reader: Ds01Reader, anchored: Callable[[], int | None]) -> None:
        self._reader = reader
        self._anchored = anchored
        self._bad_lines = 0

    def listen(
        self,
        receive: Callable[[], bytes | None],
        deliver: Callable[[list[Observation]], object],
        stopping: threading.Event,
        rest: Callable[[], bytes] = bytes,
    ) -> None:
        """Reads until the hub hangs up, falls silent or the gateway stops; then the `rest` that has come is read too.

        `receive` gives the bytes that came, None after a pause without any, b"" at the end; it may raise OSError.
        `deliver` is called after each, also with nothing.
        """
        splitter = LineSplitter(too_long=lambda: self._tell_bad(f"longer than {LINE_BYTES_MAX:,} bytes"))
        fresh: list[bytes] | None = None
        then = Heard()
        heard_seconds = time.monotonic()
        self._reader.begin()
        while not stopping.is_set():
            silent_seconds = time.monotonic() - heard_seconds
            data = receive()
            if data is None:
                deliver(self._read(fresh or [], then._replace(is_live=is_live(fresh or []))))
                fresh = None
                if silent_seconds > SILENT_SECONDS_MAX:
                    return
                continue
            lines = splitter.feed(data)
            if data and fresh is None and silent_seconds > QUIET_SECONDS:
                fresh, then = lines, self._heard()
            elif data and fresh is not None and len(fresh) <= LIVE_LINES_MAX:
                fresh += lines
            else:
                deliver(self._read((fresh or []) + lines, self._heard()))
                fresh = None
            if not data:
                return
            heard_seconds = time.monotonic()
        deliver(self._read((fresh or []) + splitter.feed(rest()), self._heard()))

    def _heard(self) -> Heard:
        return Heard(self._anchored(), at_seconds=time.monotonic())

    def _read(self, lines: list[bytes], heard: Heard) -> list[Observation]:
        observations: list[Observation] = []
        for line in lines:
            try:
                observations += self._reader.read(line, heard)
            except WireProblem as problem:
                self._tell_bad(problem.message)
        return observations

    def _tell_bad(self, why: str) -> None:
        """One line in the log for the first, the tenth, the hundredth: a broken hub must not fill the disk."""
        self._bad_lines += 1
        if str(self._bad_lines).strip("0") == "1":
            _log.warning("bad line number %d from the logger hub: %s", self._bad_lines, why)


def is_live(lines: list[bytes]) -> bool:
    """Whether lines that came after a pause and before another can be of this moment: one an appliance (pure)."""
    serials = []
    for line in lines:
        try:
            serials.append(ds01_values.text(ds01_values.parse_record(line).get("ASER")))
        except WireProblem:
            continue
    return len(set(serials)) == len(serials)
