"""Sense, keep, send: the parts of a running gateway, started and stopped together, and its regular chores."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge_agent.keeper.sensing import Sensing
from edge_agent.outbox.outbox import Intake
from edge_agent.watchdog import Systemd, Watchdog

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from edge_agent.keeper.keeper import Keeper
    from edge_agent.outbox.ballast import Ballast
    from edge_agent.outbox.outbox import Outbox
    from edge_agent.sample import Sink
    from edge_agent.sources.port import Source
    from edge_agent.uplink.uplink import Uplink
    from edge_agent.watchdog import Check

_log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
TICKS_A_LOOK = 5
TICKS_A_PRUNE = 3_600
"""Once an hour."""
OPEN_AGAIN_SECONDS = 5.0
STARTED_BY_HAND = Systemd()


class Parts(NamedTuple):
    """What a gateway is made of; the sources bring to `sink`, which ends at the keeper, or straight to the keeper."""

    sources: Sequence[Source]
    keeper: Keeper
    outbox: Outbox
    uplink: Uplink
    ballast: Ballast
    sink: Sink | None = None


class Time(Protocol):
    """What of the timekeeper is needed here."""

    @property
    def is_anchored(self) -> bool:
        """Whether the time is believed."""

    def look(self) -> None:
        """Compares with the wall clock."""


def _as_they_are(parts: Parts) -> Parts:
    return parts


def run(
    parts: Parts,
    stopping: threading.Event,
    time: Time,
    manage: Callable[[Parts], Parts] = _as_they_are,
    systemd: Systemd = STARTED_BY_HAND,
) -> None:
    """Runs the parts until `stopping` is set; whatever ends it, what is held back is committed.

    `manage` is asked every second for the parts to go on with; it has stopped what ends and started what is new.
    """
    watchdog = Watchdog(systemd, checks(lambda: parts), lambda: status(parts))
    parts.ballast.lay()
    start(parts)
    watchdog.begin()
    ticks = 0
    try:
        while not stopping.wait(TICK_SECONDS):
            ticks += 1
            parts = manage(parts)
            _carry_on(parts)
            if ticks % TICKS_A_LOOK:
                continue
            time.look()
            _tidy(parts, prunes=ticks % TICKS_A_PRUNE == 0 and time.is_anchored)
            watchdog.look()
    finally:
        watchdog.end()
        stop(parts)


def start(parts: Parts) -> None:
    """Begins to send, then to bring."""
    parts.uplink.start()
    for source in parts.sources:
        source.start(parts.sink or parts.keeper.keep)


def stop(parts: Parts) -> None:
    """Ends first what brings, then what sends; what the keeper held back is committed between."""
    for source in parts.sources:
        source.stop()
    try:
        parts.keeper.commit()
    except sqlite3.Error as error:
        _log.error("what was held back cannot be committed: %s", error)
    parts.uplink.stop()


def checks(now: Callable[[], Parts]) -> list[Check]:
    """What must get on for the gateway to do its work; a device or a broker that is away is no reason to start anew."""
    sensing = Sensing()

    def senses() -> bool:
        keeper = now().keeper
        return sensing.gets_on(keeper.view(), keeper.local_sensors(), now().outbox.counts().intakes_refused)

    def keeps() -> bool:
        # It takes the lock and the file's, and writes nothing.
        return now().outbox.add(Intake()) == 0

    def sends() -> bool:
        return now().uplink.is_alive()

    return [
        ("a polled probe stands still", senses),
        ("the outbox cannot be written", keeps),
        ("the uplink has ended", sends),
    ]


def status(parts: Parts) -> str:
    """One line for whoever asks systemd."""
    answering = sum(source.is_connected() for source in parts.sources)
    link = "connected to" if parts.uplink.status().connected else "without"
    return f"{answering} of {len(parts.sources)} sources answer; {link} the broker"


def relieve(ballast: Ballast, outbox: Outbox) -> None:
    """Makes room on a full disk; what is not settled stays. To be asked at every commit that finds it full."""
    try:
        gone = outbox.free_space(urgent=ballast.drop())
    except sqlite3.Error as error:
        _log.debug("nothing can be freed: %s", error)
    else:
        if gone:
            _log.error("the disk is full: %d delivered items were forgotten before their time", gone)


def open_patiently(make: Callable[[], Outbox], ballast: Ballast, stopping: threading.Event) -> Outbox | None:
    """The outbox, however long its disk is full, read-only or failing; None where the gateway is to stop before.

    Raises SettingProblem where the file cannot be an outbox on any disk.
    """
    told = False
    while not stopping.is_set():
        try:
            return make()
        except sqlite3.Error as error:
            if not told:
                _log.error("the outbox cannot be opened, trying until it can: %s", error)
            told = True
            if not ballast.drop():
                stopping.wait(OPEN_AGAIN_SECONDS)
    return None


def _carry_on(parts: Parts) -> None:
    """What is due every second; a disk that fails is told of by the keeper."""
    with suppress(sqlite3.Error):
        parts.keeper.commit_due()
    with suppress(sqlite3.Error):
        parts.outbox.carry_on()


def _tidy(parts: Parts, *, prunes: bool) -> None:
    """What is due every few seconds on the disk."""
    if prunes:
        _prune(parts.outbox)
    parts.ballast.lay()
    with suppress(OSError, sqlite3.Error):
        parts.outbox.grow_again()


def _prune(outbox: Outbox) -> None:
    try:
        outbox.prune()
    except sqlite3.Error as error:
        _log.warning("the outbox cannot be pruned now: %s", error)
