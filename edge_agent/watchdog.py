"""Tells systemd that the gateway is up and, again and again, that it gets on: by datagrams to the socket it names.

The words are those of sd_notify(3). `WATCHDOG=1` goes only after every check has passed, and the checks run in the
gateway's own main loop: where it stands still, or the outbox cannot be written, nothing is said and systemd starts the
gateway again. Without systemd nothing happens at all.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_log = logging.getLogger(__name__)

PETS_A_PERIOD = 3
"""How often `WATCHDOG=1` is said in the time that systemd allows; twice is its own advice, sd_watchdog_enabled(3)."""
STATUS_SECONDS = 60.0

Check = tuple[str, "Callable[[], bool]"]
"""What is looked at, for the log, and whether it gets on; a sqlite3.Error means that it does not."""


class Systemd(NamedTuple):
    """Where systemd listens, and how often it wants to hear; both None where the gateway was started by hand."""

    address: str | None = None
    period_seconds: float | None = None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Systemd:
        """What systemd said when it started this process; a watchdog meant for another process is not ours."""
        told = environment.get("NOTIFY_SOCKET", "")
        if told[:1] not in {"/", "@"}:
            return cls()
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period = environment.get("WATCHDOG_USEC", "") if mine else ""
        # "@" stands for the zero byte of Linux's abstract names.
        address = "\0" + told[1:] if told[0] == "@" else told
        return cls(address, int(period) / 1_000_000 if period.isdecimal() and int(period) else None)

    def say(self, *words: str) -> None:
        """Sends one datagram; one that cannot be sent is let go, the next one says the same."""
        if self.address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto("\n".join(words).encode(), self.address)
        except OSError as error:
            _log.warning("systemd cannot be told %s: %s", words[0], error)


class Watchdog:
    """Looks at the checks whenever `look` is called and it is time; `status` is one line for people."""

    def __init__(
        self,
        systemd: Systemd,
        checks: Sequence[Check],
        status: Callable[[], str],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._systemd = systemd
        self._checks = checks
        self._status = status
        self._seconds = seconds
        self._due_seconds = 0.0
        self._stuck: list[str] = []

    def begin(self) -> None:
        """The gateway is up."""
        self._systemd.say("READY=1", f"STATUS={self._status()}")
        self._due_seconds = self._seconds() + self._every_seconds()

    def look(self) -> None:
        """Says that the gateway gets on, if it does; to be called every few seconds."""
        if self._systemd.address is None or self._seconds() < self._due_seconds:
            return
        stuck = [name for name, check in self._checks if not _passes(check)]
        if stuck != self._stuck:
            self._tell(stuck)
        if stuck:
            self._systemd.say(f"STATUS=stuck: {', '.join(stuck)}")
            return
        self._due_seconds = self._seconds() + self._every_seconds()
        self._systemd.say("WATCHDOG=1", f"STATUS={self._status()}")

    def end(self) -> None:
        """The gateway begins to stop."""
        self._systemd.say("STOPPING=1")

    def _every_seconds(self) -> float:
        period = self._systemd.period_seconds
        return STATUS_SECONDS if period is None else period / PETS_A_PERIOD

    def _tell(self, stuck: list[str]) -> None:
        self._stuck = stuck
        if stuck:
            _log.error("the gateway does not get on: %s", ", ".join(stuck))
        else:
            _log.info("the gateway gets on again")


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except sqlite3.Error:
        return False
