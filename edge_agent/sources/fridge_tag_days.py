"""The history of a Fridge-tag export: one block a day, newest first (pure).

A day is kept when its date and its minutes beyond both limits are there; a temperature that cannot be read is named
and left out of it.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from edge_agent.sources.local_time import instant, instants
from edge_agent.sources.logged_file import LoggedDay, LoggerSettings, Note, problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from edge_agent.sources.fridge_tag_lines import Node
    from sheetal.contracts.problem import FileProblem

MINUTES_MAX = 1_500
"""The longest day: 25 hours, when summer time ends."""
CLOCK_CHANGED = 2
"""The bit of `Events` that says the clock or date was set that day; 8 and 16 are the two checks."""

_NEEDED = ("Date", "Min T", "Max T", "Avrg T", "Alarm")
_LAST = "Events"
_CLOCK = re.compile(r"([0-2][0-9]):([0-5][0-9])")
_FULL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-2][0-9]):([0-5][0-9])")


class DayReader:
    """Reads the days of one file; `cut_line` is a line already known to be cut (0: none).

    `cut_named` tells whether a problem has named the cut.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        settings: LoggerSettings,
        centi_celsius: Callable[[Node, str], int | None],
        cut_line: int,
    ) -> None:
        self._zone = zone
        self._settings = settings
        self._centi_celsius = centi_celsius
        self._cut_line = cut_line
        self.cut_named = False
        self.problems: list[FileProblem] = []
        self.notes: list[Note] = []

    def read(self, history: Node, *, at_end: bool) -> list[LoggedDay]:
        """The good days, newest first; `at_end` says that nothing follows the history."""
        days: list[LoggedDay] = []
        blocks = [node for node in history.children if node.key.isdecimal()]
        for node in blocks:
            day = self._day(node, is_end=at_end and node is blocks[-1])
            if day is None:
                continue
            if any(day.date == other.date for other in days):
                self.problems.append(problem(node.line, f"day {day.date} stands twice; the first is taken"))
                continue
            self._follow(days, day)
            days.append(day)
        return days

    def _day(self, node: Node, *, is_end: bool) -> LoggedDay | None:
        needed = (*_NEEDED, _LAST) if is_end else _NEEDED
        missing = [key for key in needed if node.child(key) is None]
        low, high = self._alarm(node, "0"), self._alarm(node, "1")
        missing += [f"t Acc of alarm {number}" for number, side in (("0", low), ("1", high)) if side is None]
        if missing:
            self._name_missing(node, missing, is_end=is_end)
            return None
        on = self._date(node)
        below, above = self._minutes(low, "t Acc"), self._minutes(high, "t Acc")
        if on is None or below is None or above is None or low is None or high is None:
            return None
        starts_at_ms, ends_at_ms = self._bounds(on)
        events = self._events(node)
        if events & CLOCK_CHANGED:
            self.notes.append(Note(node.line, f"the clock or date was changed on {on.isoformat()}"))
        return LoggedDay(
            line=node.line,
            date=on.isoformat(),
            starts_at_ms=starts_at_ms,
            ends_at_ms=ends_at_ms,
            centi_celsius_min=self._temperature(node, "Min T"),
            centi_celsius_max=self._temperature(node, "Max T"),
            centi_celsius_average=self._temperature(node, "Avrg T"),
            minutes_below=below,
            minutes_above=above,
            minutes_unknown=self._unknown(node),
            low_alarm_at_ms=self._time(low, "TS A", on),
            high_alarm_at_ms=self._time(high, "TS A", on),
            low_alarm_checked=low.pairs.get("C A", "0") != "0",
            high_alarm_checked=high.pairs.get("C A", "0") != "0",
            events=events,
            checks_ms=self._checks(node, on),
        )

    def _name_missing(self, node: Node, missing: list[str], *, is_end: bool) -> None:
        """An incomplete block at the end of the file was cut; elsewhere lines are missing from it."""
        if is_end:
            self.cut_named = True
            line = self._cut_line or node.last_line
            self.problems.append(problem(line, f"the file is cut inside day block {node.key}: no {', '.join(missing)}"))
        else:
            self.problems.append(problem(node.line, f"day block {node.key} has no {', '.join(missing)}"))

    def _alarm(self, node: Node, number: str) -> Node | None:
        block = node.child("Alarm")
        side = block.child(number) if block else None
        return side.child("t Acc") if side else None

    def _date(self, node: Node) -> date | None:
        line = node.child("Date")
        try:
            return date.fromisoformat(line.value if line else "")
        except ValueError:
            where = line or node
            self.problems.append(problem(where.line, f"Date: {where.value!r} is not a date"))
            return None

    def _minutes(self, node: Node | None, key: str) -> int | None:
        """A count of minutes, or None with a problem."""
        if node is None:
            return None
        text = node.pairs.get(key, "")
        if not text.isdecimal() or int(text) > MINUTES_MAX:
            self.problems.append(problem(node.line, f"{key}: {text!r} is not a number of minutes in a day"))
            return None
        return int(text)

    def _unknown(self, node: Node) -> int:
        """Minutes without a sensor; of two sensors the worse."""
        counts = [0]
        for name in ("Int Sensor timeout", "Ext Sensor timeout"):
            block = node.child(name)
            line = block.child("t AccST") if block else None
            counts.append(self._minutes(line, "t AccST") or 0)
        return max(counts)

    def _temperature(self, node: Node, key: str) -> int | None:
        line = node.child(key)
        return None if line is None else self._centi_celsius(line, line.value)

    def _events(self, node: Node) -> int:
        line = node.child("Events")
        if line is None:
            return 0
        if not line.value.isdecimal():
            self.problems.append(problem(line.line, f"Events: {line.value!r} is not a number"))
            return 0
        return int(line.value)

    def _checks(self, node: Node, on: date) -> tuple[int, ...]:
        block = node.child("Checked")
        times = [self._time(line, line.key, on) for line in block.children] if block else []
        return tuple(at_ms for at_ms in times if at_ms is not None)

    def _time(self, node: Node, key: str, on: date) -> int | None:
        """`hh:mm` of the block's date, or a full date and time; None where there is none."""
        text = node.pairs.get(key, "")
        if not text.strip("-.: "):
            return None
        if full := _FULL.fullmatch(text):
            day, hour, minute = full.group(1), full.group(2), full.group(3)
        elif clock := _CLOCK.fullmatch(text):
            day, hour, minute = on.isoformat(), clock.group(1), clock.group(2)
        else:
            self.problems.append(problem(node.line, f"{key}: {text!r} is not a time"))
            return None
        try:
            local = datetime.fromisoformat(f"{day} {hour}:{minute}")
        except ValueError:
            self.problems.append(problem(node.line, f"{key}: {text!r} is not a time"))
            return None
        if len(instants(local, self._zone)) != 1:
            self.notes.append(
                Note(node.line, f"{key}: the clock showed {text} twice or never on {day}; the first is taken")
            )
        return instant(local, self._zone)

    def _bounds(self, on: date) -> tuple[int, int]:
        """Midnight to midnight; the first day begins at the activation, the last ends with the report."""
        starts_at_ms = instant(datetime.combine(on, time()), self._zone)
        ends_at_ms = instant(datetime.combine(on + timedelta(days=1), time()), self._zone)
        activated, reported = self._settings.activated_at_ms, self._settings.reported_at_ms
        if activated is not None and starts_at_ms < activated < ends_at_ms:
            starts_at_ms = activated
        if reported is not None and starts_at_ms < reported < ends_at_ms:
            ends_at_ms = reported
        return starts_at_ms, ends_at_ms

    def _follow(self, days: list[LoggedDay], day: LoggedDay) -> None:
        if not days:
            return
        newer, older = date.fromisoformat(days[-1].date), date.fromisoformat(day.date)
        if newer - older != timedelta(days=1):
            self.notes.append(Note(day.line, f"{days[-1].date} is not the day after {day.date}"))
