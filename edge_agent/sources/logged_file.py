"""The words of a logger's file: what was good in it, what was not, and what was noteworthy (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

import msgspec

from edge_agent.sample import DaySummaryDraft, Sample
from edge_agent.sources.temperature import OPEN_CIRCUIT_CENTI_CELSIUS, named
from sheetal.contracts.problem import FileProblem
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN

NO_VALUE = frozenset({"", "-", "--", "---", "--.-", "nan", "null", "none", "n/a", "na"})
"""How files write a missing temperature: `--.-` and `---` are a Fridge-tag's (science.md section 5)."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,6}(\.[0-9]{1,18})?")
PROBLEMS_MAX = 200


class LoggedRow(NamedTuple):
    """One stored sample as it is written; `centi_celsius` is None where the logger had no value."""

    line: int
    measured_at_ms: int
    centi_celsius: int | None


class AlarmSetting(NamedTuple):
    """A device's limit and the unbroken minutes beyond it that make it alarm."""

    centi_celsius: int
    minutes: int


class LoggedDay(NamedTuple):
    """What a 30-day logger says of one local day; a checked alarm was seen by a person."""

    line: int
    date: str
    starts_at_ms: int
    ends_at_ms: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    centi_celsius_average: int | None
    minutes_below: int
    minutes_above: int
    minutes_unknown: int
    low_alarm_at_ms: int | None
    high_alarm_at_ms: int | None
    low_alarm_checked: bool
    high_alarm_checked: bool
    events: int
    checks_ms: tuple[int, ...]


class LoggerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of the device; `others` keeps every key we have no use for, under its path."""

    device: str
    format_version: str
    firmware: str
    low: AlarmSetting
    high: AlarmSetting
    interval_minutes: int | None
    activated_at_ms: int | None
    reported_at_ms: int | None
    others: dict[str, str]


class Note(NamedTuple):
    """Something a person should know that is no fault; line 0 is the file as a whole."""

    line: int
    text: str


class LoggedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file, read: everything good stands here, however much was not.

    `column` names the temperature column where the file has several, since each is a sensor of its own.
    """

    kind: str
    sha256: str
    serial: str | None = None
    column: str | None = None
    settings: LoggerSettings | None = None
    days: Sequence[LoggedDay] = ()
    rows: Sequence[LoggedRow] = ()
    problems: Sequence[FileProblem] = ()
    notes: Sequence[Note] = ()

    def samples(self, sensor: str) -> list[Sample]:
        """The rows as the outbox takes them, each fault under its name."""
        return [Sample(sensor, row.measured_at_ms, *named(row.centi_celsius)) for row in self.rows]

    def drafts(self, sensor: str) -> list[DaySummaryDraft]:
        """The day summaries as the outbox takes them."""
        if self.settings is None:
            return []
        low, high = self.settings.low, self.settings.high
        return [
            DaySummaryDraft(
                sensor=sensor,
                starts_at_ms=day.starts_at_ms,
                ends_at_ms=day.ends_at_ms,
                centi_celsius_min=day.centi_celsius_min,
                centi_celsius_max=day.centi_celsius_max,
                low_limit_centi_celsius=low.centi_celsius,
                low_limit_minutes=low.minutes,
                high_limit_centi_celsius=high.centi_celsius,
                high_limit_minutes=high.minutes,
                minutes_below=day.minutes_below,
                minutes_above=day.minutes_above,
                minutes_unknown=day.minutes_unknown,
                low_alarm_at_ms=day.low_alarm_at_ms,
                high_alarm_at_ms=day.high_alarm_at_ms,
            )
            for day in self.days
        ]


def centi_celsius_of(text: str, *, fahrenheit: bool = False, of_row: bool = False) -> int | None:
    """Hundredths of a degree Celsius, rounded half to even; None for a missing value.

    In a row of samples the -127 °C of an open circuit may stand too, for `samples` to name. Raises ValueError for
    anything but a plain decimal number that a probe can measure.
    """
    if text.strip().lower() in NO_VALUE:
        return None
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text.strip()!r} is not a temperature")
    degrees = Decimal(text.strip())
    if fahrenheit:
        degrees = (degrees - 32) * 5 / 9
    centi = int((degrees * 100).quantize(Decimal(1), ROUND_HALF_EVEN))
    is_open_circuit = of_row and centi == OPEN_CIRCUIT_CENTI_CELSIUS
    if not (is_open_circuit or CENTI_CELSIUS_MIN <= centi <= CENTI_CELSIUS_MAX):
        raise ValueError(f"{text.strip()} is beyond what a probe can measure")
    return centi


def problem(line: int, text: str, *, last_line: int | None = None, next_step: str = "") -> FileProblem:
    """A problem whose message begins with its line or lines; line 0 is the file as a whole."""
    last = last_line or line
    where = "" if line == 0 else f"line {line}: " if last == line else f"lines {line} to {last}: "
    return FileProblem(f"{where}{text}", next_step=next_step, line=line, last_line=last)


def bounded(problems: list[FileProblem]) -> list[FileProblem]:
    """At most `PROBLEMS_MAX` problems in the order of their lines; the last one counts those left out."""
    ordered = sorted(problems, key=lambda one: int(str(one.facts["line"])))
    if len(ordered) <= PROBLEMS_MAX:
        return ordered
    kept = ordered[: PROBLEMS_MAX - 1]
    return [*kept, problem(0, f"{len(ordered) - len(kept)} more problems are not listed")]
