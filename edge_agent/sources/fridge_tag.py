"""Reads a Fridge-tag's text export: settings, day summaries and, where the model stores them, readings (pure).

The format is science.md section 5. Times are the device's wall clock, so the facility's zone is needed. Whatever is
wrong becomes a problem that names its line; everything else is kept.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.sources.fridge_tag_days import DayReader
from edge_agent.sources.fridge_tag_lines import Node, others_of, pairs_of, read_tree
from edge_agent.sources.local_time import RawRow, instant, place_rows
from edge_agent.sources.logged_file import (
    AlarmSetting,
    LoggedFile,
    LoggerSettings,
    Note,
    bounded,
    centi_celsius_of,
    problem,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sheetal.contracts.problem import FileProblem

KIND = "fridge_tag"
LOW_DEFAULT = AlarmSetting(-50, 60)
HIGH_DEFAULT = AlarmSetting(800, 600)
"""The 30-day refrigerator logger's own defaults: `T AL: -0.5, t AL: 60` and `T AL: +8.0, t AL: 600`."""

_USED = frozenset({"Device", "Vers", "Fw Vers", "Conf/Serial", "Conf/Alarm"})
_STAMP_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_TABLE_HEADER = "yyyy-MM-dd"
_WHOLE_MINUTES = re.compile(r"[0-9]{1,6}")


def is_fridge_tag(text: str) -> bool:
    """Whether the text begins as this export does, however damaged the rest is."""
    for line in text.split("\n", 50)[:50]:
        if line.strip():
            return line.strip().startswith("Device:")
    return False


def parse_fridge_tag(data: bytes, zone: ZoneInfo) -> LoggedFile:
    """Everything good in the file, and its problems; never raises for what the file holds."""
    return _Reader(data, zone).read()


class _Whole(NamedTuple):
    """The text without a last line that was cut, and the number of that line (0: none was)."""

    text: str
    cut_line: int


class _Reader:
    """Works through one file and collects its problems and notes."""

    def __init__(self, data: bytes, zone: ZoneInfo) -> None:
        whole = _whole_lines(data.decode("utf-8-sig", errors="replace"))
        self._sha256 = hashlib.sha256(data).hexdigest()
        self._zone = zone
        self._cut_line = whole.cut_line
        self._text = whole.text
        self._root, self._problems = read_tree(whole.text)
        self._notes: list[Note] = []
        self._conf = self._root.child("Conf") or Node("Conf", "", 0)
        self._unit = self._conf.text("Temp unit") or "C"

    def read(self) -> LoggedFile:
        """The file, all of it."""
        settings = self._settings(self._conf)
        days = DayReader(self._zone, settings, self._centi_celsius, self._cut_line)
        history = self._root.child("Hist")
        at_end = history is not None and history is self._root.children[-1]
        found = days.read(history, at_end=at_end) if history else []
        raw = self._raw_rows()
        placed = place_rows(raw, self._zone, settings.interval_minutes)
        if self._cut_line and not days.cut_named:
            self._problems.append(problem(self._cut_line, "the file is cut inside this line"))
        if history is None and not raw:
            self._problems.append(problem(self._root.last_line, "the file ends before any history"))
        return LoggedFile(
            kind=KIND,
            sha256=self._sha256,
            serial=self._serial(self._conf),
            settings=settings,
            days=found,
            rows=placed.rows,
            problems=bounded([*self._problems, *days.problems, *placed.problems]),
            notes=[*self._notes, *days.notes, *placed.notes],
        )

    def _serial(self, conf: Node) -> str | None:
        serial = conf.text("Serial")
        if not serial and not any("'Serial:" in one.message for one in self._problems):
            self._problems.append(problem(conf.line, "no Serial below Conf: the device is not known"))
        return serial or None

    def _settings(self, conf: Node) -> LoggerSettings:
        if self._unit not in {"C", "F"}:
            self._problems.append(problem(conf.line, f"Temp unit {self._unit!r} is neither C nor F"))
        history = self._root.child("Hist") or Node("Hist", "", 0)
        return LoggerSettings(
            device=self._root.text("Device") or "",
            format_version=self._root.text("Vers") or "",
            firmware=self._root.text("Fw Vers") or "",
            low=self._limit(conf, "0", LOW_DEFAULT),
            high=self._limit(conf, "1", HIGH_DEFAULT),
            interval_minutes=self._interval(conf),
            activated_at_ms=self._stamp(history.child("TS Actv")),
            reported_at_ms=self._stamp(history.child("TS Report Creation")),
            others=others_of(self._root, _USED),
        )

    def _limit(self, conf: Node, number: str, default: AlarmSetting) -> AlarmSetting:
        """The device's own limit; where the file has none the usual one, and a note that says so."""
        block = conf.child("Alarm")
        side = block.child(number) if block else None
        line = side.child("T AL") if side else None
        celsius = self._centi_celsius(line, line.pairs["T AL"]) if line else None
        minutes = line.pairs.get("t AL", "") if line else ""
        if celsius is None or not _WHOLE_MINUTES.fullmatch(minutes):
            usual = f"the usual {default.centi_celsius / 100:+.1f} °C, {default.minutes} min is taken"
            self._notes.append(
                Note(line.line if line else conf.line, f"no limit of alarm {number} in the file: {usual}")
            )
            return default
        return AlarmSetting(celsius, int(minutes))

    def _interval(self, conf: Node) -> int | None:
        line = conf.child("Logging Interval")
        if line is None:
            return None
        if not _WHOLE_MINUTES.fullmatch(line.value) or int(line.value) == 0:
            self._problems.append(problem(line.line, f"Logging Interval {line.value!r} is not a number of minutes"))
            return None
        return int(line.value)

    def _centi_celsius(self, node: Node, text: str) -> int | None:
        """The temperature, or None with a problem."""
        try:
            return centi_celsius_of(text, fahrenheit=self._unit == "F")
        except ValueError as error:
            self._problems.append(problem(node.line, f"{node.key}: {error}"))
            return None

    def _stamp(self, node: Node | None) -> int | None:
        if node is None or not node.value.strip("-. "):
            return None
        local = _local(pairs_of(f"{node.key}:{node.value}")[node.key])
        if local is None:
            self._problems.append(problem(node.line, f"{node.key}: {node.value!r} is not a date and time"))
            return None
        return instant(local, self._zone)

    def _raw_rows(self) -> list[RawRow]:
        data = self._root.child("Data")
        rows = []
        for number, line in data.rows if data else []:
            cells = line.split("\t")[1:]
            if cells[0].startswith(_TABLE_HEADER):
                continue
            row = self._raw_row(number, cells)
            if isinstance(row, RawRow):
                rows.append(row)
            else:
                self._problems.append(row)
        return rows

    def _raw_row(self, number: int, cells: list[str]) -> RawRow | FileProblem:
        local = _local(cells[0])
        if local is None:
            return problem(number, f"{cells[0]!r} is not a date and time")
        if len(cells) == 1:
            return problem(number, "the row has no temperature")
        try:
            return RawRow(number, local, centi_celsius_of(cells[1], fahrenheit=self._unit == "F", of_row=True))
        except ValueError as error:
            return problem(number, str(error))


def _local(text: str) -> datetime | None:
    for pattern in _STAMP_FORMATS:
        try:
            return datetime.strptime(text.strip(), pattern)  # noqa: DTZ007 the file's wall clock has no zone
        except ValueError:
            continue
    return None


def _whole_lines(text: str) -> _Whole:
    """An export ends with a newline: a nested last line without one was cut and cannot be trusted."""
    before, newline, last = text.rpartition("\n")
    if last[:1] in {" ", "\t"}:
        return _Whole(before + newline, before.count("\n") + 2 if newline else 1)
    return _Whole(text, 0)
