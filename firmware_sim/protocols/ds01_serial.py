"""DS01 JSON lines over a serial line: a pseudo-terminal whose device stands under a name of its own.

As over TCP, whoever opens the line gets every stored record, oldest first, then live ones; nothing is read from it.
"""

from __future__ import annotations

import asyncio
import os
import select
import termios
import tty
from typing import TYPE_CHECKING

from firmware_sim.protocols.ds01 import LINES_PER_WRITE, encode

if TYPE_CHECKING:
    from pathlib import Path

    from firmware_sim.appliance import Sample
    from firmware_sim.backlog import Backlog
    from firmware_sim.scenario import ApplianceSpec

LOOK_SECONDS = 0.1
"""How often an unopened line is looked at, and a full one tried again."""
SETTLE_SECONDS = 0.5
"""Whoever opens a serial port throws away what is in it a moment later; what is told sooner is lost."""


class SerialVoice:
    """A hub that keeps its records and streams them into a pseudo-terminal, linked at `link`."""

    def __init__(self, backlog: Backlog, link: Path) -> None:
        self._backlog = backlog
        self._link = link
        self._line = -1
        self._sending: asyncio.Task[None] | None = None

    async def open(self) -> str:
        """Makes the line and its link; raises OSError where it cannot."""
        self._line, device = os.openpty()
        tty.setraw(device, termios.TCSANOW)
        name = os.ttyname(device)
        # With our own end of the device closed, a hang-up on the line says that nobody has it open.
        os.close(device)
        os.set_blocking(self._line, False)
        self._link.parent.mkdir(parents=True, exist_ok=True)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(name)
        self._sending = asyncio.create_task(self._send())
        return str(self._link)

    def tell(self, spec: ApplianceSpec, sample: Sample) -> None:
        """Adds a line; a logger that is restarting writes none."""
        if sample.recorded:
            self._backlog.append(encode(spec, sample))

    def announce(self) -> None:
        """Nothing to do: the line is looked at all the time."""

    async def close(self) -> None:
        """Takes the line away."""
        if self._sending is None:
            return
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)
        os.close(self._line)
        self._link.unlink(missing_ok=True)

    async def _send(self) -> None:
        position, rest = 0, b""
        settled = False
        while True:
            if not self._is_listened_to():
                position, rest, settled = 0, b"", False
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if not settled:
                settled = True
                await asyncio.sleep(SETTLE_SECONDS)
                continue
            if not rest:
                lines, position = self._backlog.since(position, LINES_PER_WRITE)
                rest = b"".join(lines)
            written = self._write(rest) if rest else 0
            rest = rest[written:]
            await asyncio.sleep(0 if written else LOOK_SECONDS)

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._line, data)
        except BlockingIOError:
            return 0

    def _is_listened_to(self) -> bool:
        poll = select.poll()
        poll.register(self._line, 0)
        return not poll.poll(0)
