"""Sense, keep, send: the parts of a running gateway, started and stopped together, and its regular chores."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from edge_agent.ballast import Ballast
    from edge_agent.keeper import Keeper
    from edge_agent.outbox import Outbox
    from edge_agent.sources.port import Source
    from edge_agent.uplink import Uplink

_log = logging.getLogger(__name__)

TICK_SECONDS = 5.0
TICKS_A_PRUNE = 720
"""Once an hour."""


class Parts(NamedTuple):
    """What a gateway is made of."""

    sources: Sequence[Source]
    keeper: Keeper
    outbox: Outbox
    uplink: Uplink
    ballast: Ballast


class Time(Protocol):
    """What of the timekeeper is needed here."""

    @property
    def is_anchored(self) -> bool:
        """Whether the time is believed."""

    def look(self) -> None:
        """Compares with the wall clock."""


def run(parts: Parts, stopping: threading.Event, time: Time) -> None:
    """Runs the parts until `stopping` is set, then ends them: first what brings, then what sends."""
    parts.ballast.lay()
    parts.uplink.start()
    for source in parts.sources:
        source.start(parts.keeper.keep)
    ticks = 0
    while not stopping.wait(TICK_SECONDS):
        ticks += 1
        time.look()
        if ticks % TICKS_A_PRUNE == 0 and time.is_anchored:
            _prune(parts.outbox)
        parts.ballast.lay()
    for source in parts.sources:
        source.stop()
    parts.uplink.stop()


def relieve(ballast: Ballast, outbox: Outbox) -> None:
    """Makes room on a full disk; what is not settled stays."""
    ballast.drop()
    try:
        gone = outbox.free_space()
    except sqlite3.Error as error:
        _log.error("the disk is full and nothing can be freed: %s", error)
    else:
        _log.error("the disk is full: %d delivered items were forgotten before their time", gone)


def _prune(outbox: Outbox) -> None:
    try:
        outbox.prune()
    except sqlite3.Error as error:
        _log.warning("the outbox cannot be pruned now: %s", error)
