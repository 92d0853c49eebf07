"""The twice-daily record of lowest and highest, as a health worker would keep it: closed in time, changed openly.

It is kept durably for 60 days. When late readings reach into a closed period, the entry says so and keeps what it said
first.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.local.days import Rule, Story, periods, tell
from sheetal.contracts.limits import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo

    from edge_agent.local.access import Marks
    from edge_agent.local.memory import Memory

_log = logging.getLogger(__name__)

DAY_MS = 86_400_000
KEEP_MS = 60 * DAY_MS
GRACE_MS = 5 * MINUTE_MS
"""The last readings of a period are let come before it is closed."""
ROWS_MAX = 100_000
CLOSE_EVERY_MS = 30_000
LOOK_AGAIN_EVERY_MS = 30_000


class Entry(NamedTuple):
    """One period; `low` and `high` are None when nothing was measured in it.

    `revised_at_ms` says that late readings changed it after it was closed; `first_low` and `first_high` are then what
    it said before.
    """

    from_ms: int
    until_ms: int
    low: int | None
    high: int | None
    unknown_ms: int
    rows: int
    closed_at_ms: int
    revised_at_ms: int | None = None
    first_low: int | None = None
    first_high: int | None = None


_entries = msgspec.json.Decoder(list[Entry])


class Record:
    """Closes periods and looks again at closed ones, a little work at each turn; thread-safe.

    `rules` are the sensors that are watched now. `now_ms` answers None while the clock is not worth a record.
    """

    def __init__(
        self,
        memory: Memory,
        marks: Marks,
        rules: Callable[[], Mapping[str, Rule]],
        hours: tuple[int, int],
        zone: tzinfo,
        now_ms: Callable[[], int | None],
    ) -> None:
        self._memory = memory
        self._marks = marks
        self._rules = rules
        self._hours = hours
        self._zone = zone
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._kept: dict[str, list[Entry]] = {}
        self._next_close_ms = self._next_look_ms = 0
        self._turn = 0
        self._first: dict[str, int] = {}

    def entries(self, sensor: str) -> list[Entry]:
        """The record of one sensor, oldest first."""
        with self._lock:
            if sensor not in self._kept:
                self._kept[sensor] = _recalled(self._marks.mark(_mark(sensor)))
            return list(self._kept[sensor])

    def work(self, monotonic_ms: int) -> None:
        """One turn, to be given about once a second. Raises sqlite3.Error."""
        at_ms = self._now_ms()
        if at_ms is None:
            return
        rules = self._rules()
        if monotonic_ms >= self._next_close_ms:
            if any(self._close_next(sensor, rule, at_ms) for sensor, rule in rules.items()):
                return
            self._next_close_ms = monotonic_ms + CLOSE_EVERY_MS
        if monotonic_ms >= self._next_look_ms:
            self._next_look_ms = monotonic_ms + LOOK_AGAIN_EVERY_MS
            self._look_again(rules, at_ms)

    def _close_next(self, sensor: str, rule: Rule, at_ms: int) -> bool:
        """Closes the oldest period that is over; a sensor that never spoke before it has no period there."""
        kept = self.entries(sensor)
        since_ms = max(kept[-1].until_ms, at_ms - KEEP_MS) if kept else self._first_ms(sensor, at_ms)
        if since_ms is None:
            return False
        due = periods(self._hours, since_ms, at_ms - GRACE_MS, self._zone)
        due = [period for period in due if not kept or period[0] >= kept[-1].until_ms]
        if not due:
            return False
        entry = self._entry(sensor, rule, due[0], at_ms)
        self._keep(sensor, [one for one in kept if one.until_ms > at_ms - KEEP_MS] + [entry])
        return True

    def _first_ms(self, sensor: str, at_ms: int) -> int | None:
        if sensor in self._first:
            return self._first[sensor]
        for start_ms in range(at_ms - KEEP_MS, at_ms, DAY_MS):
            rows = self._memory.history(sensor, start_ms, min(start_ms + DAY_MS, at_ms), ROWS_MAX)
            if rows:
                return self._first.setdefault(sensor, rows[0].measured_at_ms)
        return None

    def _entry(self, sensor: str, rule: Rule, period: tuple[int, int], at_ms: int) -> Entry:
        story = read(self._memory, sensor, *period, rule)
        return Entry(*period, story.low, story.high, story.unknown_ms, story.rows, at_ms)

    def _look_again(self, rules: Mapping[str, Rule], at_ms: int) -> None:
        """The newest two of a sensor at every other turn, at the others one of all, in a circle."""
        self._turn += 1
        sensors = list(rules)
        if not sensors:
            return
        sensor = sensors[self._turn // 2 % len(sensors)]
        kept = self.entries(sensor)
        if not kept:
            return
        places = [-1, -2] if self._turn % 2 else [self._turn // 2 // len(sensors) % len(kept)]
        for place in places[: len(kept)]:
            was = kept[place]
            entry = self._entry(sensor, rules[sensor], (was.from_ms, was.until_ms), at_ms)
            # Fewer rows are readings that were forgotten after their time, not news.
            if entry.rows > was.rows:
                kept[place] = revised(was, entry, at_ms)
                _log.warning("late readings of %s reached into a closed record", sensor)
                self._keep(sensor, kept)

    def _keep(self, sensor: str, entries: Sequence[Entry]) -> None:
        self._marks.remember(_mark(sensor), msgspec.json.encode(entries).decode())
        with self._lock:
            self._kept[sensor] = list(entries)


def revised(was: Entry, now: Entry, at_ms: int) -> Entry:
    """What an entry says after late readings came: the new extremes, and what it said first."""
    first = (was.low, was.high) if was.revised_at_ms is None else (was.first_low, was.first_high)
    return now._replace(
        low=_lower(was.low, now.low),
        high=_higher(was.high, now.high),
        closed_at_ms=was.closed_at_ms,
        revised_at_ms=at_ms,
        first_low=first[0],
        first_high=first[1],
    )


def read(memory: Memory, sensor: str, from_ms: int, until_ms: int, rule: Rule) -> Story:
    """The story of a span as it is kept, thinned readings included in its extremes. Raises sqlite3.Error."""
    rows = memory.history(sensor, from_ms - rule.cap_ms, until_ms + rule.cap_ms, ROWS_MAX)
    story = tell(rows, from_ms, until_ms, rule)
    found = memory.extremes(sensor, from_ms, until_ms)
    if found is None:
        return story
    return story._replace(low=_lower(story.low, found[0]), high=_higher(story.high, found[1]))


def _lower(first: int | None, second: int | None) -> int | None:
    return min((value for value in (first, second) if value is not None), default=None)


def _higher(first: int | None, second: int | None) -> int | None:
    return max((value for value in (first, second) if value is not None), default=None)


def _recalled(text: str | None) -> list[Entry]:
    try:
        return _entries.decode(text or "[]")
    except msgspec.DecodeError:
        _log.exception("the record of lowest and highest cannot be read back; it begins anew")
        return []


def _mark(sensor: str) -> str:
    return f"record/{sensor}"
