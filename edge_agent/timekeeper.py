"""One time for the whole gateway: reads the machine's clocks, takes ingest's answers, moves what was provisional.

A move is one transaction: the line that is remembered, the stamps, the alarms and the watches' memory, or nothing.
"""

from __future__ import annotations

import functools
import logging
import sqlite3
import threading
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from edge_agent.clock import system as system_clock
from edge_agent.clock.facts import ClockFacts
from edge_agent.clock.timeline import ClockSource, Timeline
from edge_agent.outbox import placing
from edge_agent.outbox.bounds import OutboxFull

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from edge_agent.clock.timeline import Answer, Line, Move, Wall
    from edge_agent.settings.clock import Synchronised

_log = logging.getLogger(__name__)

REMEMBER_MS = 600_000
"""While anchored, the newest instant known to be past is written down so often."""
STEP_MS_TOLD = 1_000
T = TypeVar("T")


class Memory(Protocol):
    """What of the outbox is needed here."""

    boot: int

    def change(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Runs one transaction."""


class Watches(Protocol):
    """What of the keeper is needed here: it dates alarms, and may hold back samples that are not committed yet."""

    def commit(self) -> None:
        """Commits what is held back; raises sqlite3.Error."""

    def local_sensors(self) -> Collection[str]:
        """The sensors whose readings the gateway stamps itself."""

    def begin(self, now_ms: int | None) -> None:
        """The operating system has booted: runs whose age is unknown begin anew; `now_ms` is None without any clock."""

    def shift(self, delta_ms: int, moved: Collection[str]) -> dict[str, str]:
        """Moves the watches of local sensors and those standing alarms that are named; returns the marks to keep."""

    def restore(self) -> None:
        """Takes the last shift back."""


class Stamp(NamedTuple):
    """An instant; `monotonic_ms` is given while it is provisional."""

    at_ms: int
    monotonic_ms: int | None


class Machine:
    """The clocks of the machine, as far as a gateway needs them."""

    def __init__(self, synchronised: Synchronised = "auto") -> None:
        self._synchronised = synchronised

    def monotonic_ms(self) -> int:
        """Ms since the operating system booted."""
        return system_clock.monotonic_ms()

    def wall(self) -> Wall:
        """The wall clock."""
        return system_clock.wall(self._synchronised)


class Timekeeper:
    """The timeline, kept over restarts in the outbox. Reading it takes no lock; `steady` holds it still.

    `steady` is held while something is stamped and committed, and taken before the keeper's and the outbox's own lock.
    `settle` must be called once before any source starts.
    """

    def __init__(self, machine: Machine, memory: Memory) -> None:
        self.steady = threading.RLock()
        self._machine = machine
        self._memory = memory
        self._watches: Watches | None = None
        self._unsettled: Watches | None = None
        self._has_shifted = False
        self._os_boot, kept, past_ms = memory.change(functools.partial(_recall, memory.boot))
        self._timeline = Timeline(machine.monotonic_ms(), past_ms, kept.line if kept else None)
        self._is_new_boot = kept is None
        self._remembered_ms = 0

    @property
    def source(self) -> ClockSource:
        """What the time stands on now."""
        return self._timeline.source

    @property
    def is_anchored(self) -> bool:
        """Whether stamps given now are final."""
        return self._timeline.line.is_anchored

    @property
    def offset_ms(self) -> int | None:
        """The gateway's clock minus ingest's at the last answer; None before the first."""
        return self._timeline.offset_ms

    def facts(self) -> ClockFacts:
        """What birth says of the clock."""
        return ClockFacts(self.source.word, self.offset_ms, self.is_anchored)

    def now_ms(self) -> int:
        """The instant by the best that is known."""
        return self._timeline.now_ms(self._machine.monotonic_ms())

    def anchored_now_ms(self) -> int | None:
        """The instant, None while it is only provisional."""
        return self._timeline.anchored_now_ms(self._machine.monotonic_ms())

    def monotonic_ms(self) -> int:
        """What local sources stamp with: it cannot be wrong, and `stamp` says which instant it was."""
        return self._machine.monotonic_ms()

    def stamp(self, monotonic_ms: int) -> Stamp:
        """The instant of a moment of this boot of the operating system."""
        line = self._timeline.line
        return Stamp(line.at(monotonic_ms), None if line.is_anchored else monotonic_ms)

    def settle(self, watches: Watches) -> None:
        """Looks at the clocks for the first time, and lets go what waited, as far as it can.

        Where the disk fails now, it is tried again at each later look.
        """
        with self.steady:
            self._unsettled = watches
            self._follow(self._look)

    def adopt(self, watches: Watches) -> None:
        """From now on moves these watches, which have taken over from those before."""
        with self.steady:
            if self._unsettled is None:
                self._watches = watches
            else:
                self._unsettled = watches

    def look(self) -> None:
        """Compares with the wall clock; to be asked every few seconds."""
        self._follow(self._look)

    def hear(self, answer: Answer) -> None:
        """Takes an answer of ingest to a question of this boot."""
        self._follow(functools.partial(self._timeline.hear, answer))

    def _look(self) -> Move:
        return self._timeline.look(self._machine.wall(), self._machine.monotonic_ms())

    def _follow(self, turn: Callable[[], Move]) -> None:
        """Takes a turn; where the disk fails nothing has happened, and the next turn finds the same again."""
        with self.steady:
            before, is_first = self._timeline.line, self._unsettled is not None
            move = turn()
            if self._timeline.line == before and not is_first and not self._is_due():
                return
            try:
                self._carry_out(before, move)
            except sqlite3.Error as error:
                self._timeline.line = before
                _log.error("the clock is not followed while the outbox cannot be written: %s", error)
                return
            after = self._timeline.line
        if not is_first and (after.source is not before.source or abs(move.delta_ms) >= STEP_MS_TOLD):
            _log.warning("the time now comes from %s; it moved by %d ms", after.source.word, move.delta_ms)

    def _carry_out(self, before: Line, move: Move) -> None:
        if self._unsettled is not None:
            self._take_in(self._unsettled, before, move)
            return
        watches = self._watches
        if watches is None or not move.is_rebased:
            self._memory.change(functools.partial(self._begin, before, move))
            return
        self._move_all(watches, before, move)

    def _take_in(self, watches: Watches, before: Line, move: Move) -> None:
        """The first turn of a process."""
        if self._is_new_boot or not move.is_rebased:
            if self._is_new_boot:
                # What is remembered stands on the last boot's time, so nothing of it moves with this one's.
                watches.begin(None if self.source is ClockSource.NONE else self.now_ms())
            self._memory.change(functools.partial(self._begin, before, move))
        else:
            self._move_all(watches, before, move)
        self._watches, self._unsettled = watches, None

    def _move_all(self, watches: Watches, before: Line, move: Move) -> None:
        self._commit_on(before, watches)
        self._has_shifted = False
        try:
            self._memory.change(functools.partial(self._move, before, move, watches))
        except sqlite3.Error:
            if self._has_shifted:
                watches.restore()
            raise

    def _commit_on(self, before: Line, watches: Watches) -> None:
        """What the keeper still holds back was judged on the line before, so it is committed on it."""
        after, self._timeline.line = self._timeline.line, before
        try:
            watches.commit()
        except OutboxFull:
            # What waits for the time can fill the outbox, and only placing it makes room; this is placed later.
            _log.warning("an outbox that is full takes nothing more before the time is followed")
        finally:
            self._timeline.line = after

    def _move(self, before: Line, move: Move, watches: Watches, connection: sqlite3.Connection) -> None:
        os_boots = [self._os_boot]
        if self.is_anchored and _battery_is_wrong(before, move):
            # The same battery clock stamped the alarms of earlier boots, so it was off by as much.
            os_boots += placing.boots_by_battery_clock(connection, self._os_boot)
        moved = placing.shift_alarms(connection, os_boots, watches.local_sensors(), move.delta_ms)
        self._has_shifted = True
        marks = watches.shift(move.delta_ms, moved)
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(marks.items()))
        self._begin(before, move, connection)

    def _begin(self, before: Line, move: Move, connection: sqlite3.Connection) -> None:
        """Remembers the line; on an anchored one all that waited goes, on a provisional one its stamps follow."""
        line, monotonic_ms = self._timeline.line, self._machine.monotonic_ms()
        seen_ms = line.at(monotonic_ms) if line.is_anchored else 0
        placing.remember(connection, self._os_boot, placing.Kept(line, seen_ms))
        self._remembered_ms = monotonic_ms
        if not line.is_anchored:
            if move.is_rebased:
                placing.rebase(connection, self._os_boot, line.base_ms)
            return
        placed = placing.place(connection, self._os_boot, line.base_ms)
        battery_error_ms = abs(move.delta_ms) if before.source is ClockSource.RTC and move.is_rebased else None
        settled = placing.settle_earlier(connection, self._os_boot, seen_ms, battery_error_ms)
        if placed or any(settled):
            _log.info("what waited for the time: %d placed, of earlier boots %s", placed, settled)

    def _is_due(self) -> bool:
        return self.is_anchored and self._machine.monotonic_ms() - self._remembered_ms >= REMEMBER_MS


def _battery_is_wrong(before: Line, move: Move) -> bool:
    return before.source is ClockSource.RTC and abs(move.delta_ms) > placing.BELIEVED_ERROR_MS_MAX


def _recall(boot: int, connection: sqlite3.Connection) -> tuple[str, placing.Kept | None, int]:
    os_boot = placing.os_boot_of(connection, boot)
    return os_boot, placing.recall(connection, os_boot), placing.newest_past_ms(connection)
