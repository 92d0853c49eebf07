"""From a logger's wall clock to UTC: a stamp is placed only where the zone and its neighbours leave no doubt (pure).

A wall clock shows some local times twice (when summer time ends), some never (when it begins), and jumps when a person
sets it. Nothing is shifted silently: what cannot be placed is left out and named.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from itertools import pairwise
from statistics import median_low
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.sources.logged_file import LoggedRow, Note, problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from sheetal.contracts.problem import FileProblem

MINUTE_MS = 60_000


class How(Enum):
    """How a stamp was placed, or why it was not; the value says so to a person."""

    PLAIN = ""
    BY_ORDER = "in an hour that the clock showed twice: placed by the order of the rows"
    SAME = "the same time and value as the row before: taken once"
    AMBIGUOUS = "the clock showed this hour twice, and nothing says which is meant"
    SKIPPED = "this local time never was: the clock went forward"
    BACKWARDS = "time goes back, and nothing says how far the clock was set"
    CONFLICTING = "the same time as another row, but another value"


_PLACED = {How.PLAIN, How.BY_ORDER}
_NOTED = {How.BY_ORDER, How.SAME}


class RawRow(NamedTuple):
    """A row with its stamp as the file gives it: with a zone, or a bare local time."""

    line: int
    stamp: datetime
    centi_celsius: int | None


class PlacedRows(NamedTuple):
    """Rows with instants, in the order of time, and what became of the others."""

    rows: list[LoggedRow]
    problems: list[FileProblem]
    notes: list[Note]


class _Outcome(NamedTuple):
    line: int
    how: How


def instants(local: datetime, zone: ZoneInfo) -> list[int]:
    """Every instant (epoch ms) at which a clock of this zone showed this local time: none, one or two."""
    found = set()
    for fold in (0, 1):
        stamped = local.replace(tzinfo=zone, fold=fold)
        if stamped.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local:
            found.add(round(stamped.timestamp() * 1_000))
    return sorted(found)


def instant(local: datetime, zone: ZoneInfo) -> int:
    """The one instant of a local time on its own; the first of two, and across a skipped hour by the old offset."""
    return round(local.replace(tzinfo=zone, fold=0).timestamp() * 1_000)


def place_rows(raw: Sequence[RawRow], zone: ZoneInfo, interval_minutes: int | None = None) -> PlacedRows:
    """The rows with their instants; stamps that carry a zone are taken as they are, in any order."""
    if all(row.stamp.tzinfo is not None for row in raw):
        return _place_absolute(raw)
    notes = []
    if _newest_first(raw):
        raw = list(reversed(raw))
        notes.append(Note(0, "rows stand newest first; read from the end"))
    step_ms = interval_minutes * MINUTE_MS if interval_minutes else _usual_step_ms(raw)
    rows: list[LoggedRow] = []
    outcomes: list[_Outcome] = []
    for row in raw:
        at_ms, how = _place(row, zone, rows[-1] if rows else None, step_ms)
        if at_ms is None and outcomes and outcomes[-1].how is How.BACKWARDS:
            how = How.BACKWARDS
        outcomes.append(_Outcome(row.line, how))
        if at_ms is not None and how in _PLACED:
            rows.append(LoggedRow(row.line, at_ms, row.centi_celsius))
    problems, more = _told(outcomes)
    return PlacedRows(rows, problems, notes + more)


def _place(row: RawRow, zone: ZoneInfo, last: LoggedRow | None, step_ms: int) -> tuple[int | None, How]:
    bare = row.stamp.tzinfo is None
    candidates = instants(row.stamp, zone) if bare else [round(row.stamp.timestamp() * 1_000)]
    if not candidates:
        return None, How.SKIPPED
    if len(candidates) > 1:
        return _place_by_order(candidates, last, step_ms)
    if last is None or candidates[0] > last.measured_at_ms:
        return candidates[0], How.PLAIN
    if candidates[0] == last.measured_at_ms:
        return None, How.SAME if row.centi_celsius == last.centi_celsius else How.CONFLICTING
    return None, How.BACKWARDS


def _place_by_order(candidates: list[int], last: LoggedRow | None, step_ms: int) -> tuple[int | None, How]:
    """Of two instants the one that follows the row before by one usual step; neither where both or none do."""
    if last is None:
        return None, How.AMBIGUOUS
    fitting = [at_ms for at_ms in candidates if 2 * abs(at_ms - last.measured_at_ms - step_ms) < step_ms]
    return (fitting[0], How.BY_ORDER) if len(fitting) == 1 else (None, How.AMBIGUOUS)


def _place_absolute(raw: Sequence[RawRow]) -> PlacedRows:
    known: dict[int, LoggedRow] = {}
    outcomes = []
    for row in raw:
        at_ms = round(row.stamp.timestamp() * 1_000)
        first = known.setdefault(at_ms, LoggedRow(row.line, at_ms, row.centi_celsius))
        how = How.PLAIN
        if first.line != row.line:
            how = How.SAME if first.centi_celsius == row.centi_celsius else How.CONFLICTING
        outcomes.append(_Outcome(row.line, how))
    problems, notes = _told(outcomes)
    return PlacedRows(sorted(known.values(), key=lambda row: row.measured_at_ms), problems, notes)


def _told(outcomes: Sequence[_Outcome]) -> tuple[list[FileProblem], list[Note]]:
    """One sentence for each stretch of rows with the same fate."""
    problems, notes = [], []
    for first, last, how, count in _stretches(outcomes):
        low, high = min(first, last), max(first, last)
        rows = "1 row" if count == 1 else f"{count} rows"
        if how in _NOTED:
            notes.append(Note(low, f"{how.value} ({rows})"))
        elif how is not How.PLAIN:
            problems.append(problem(low, f"{how.value} ({rows} left out, all others kept)", last_line=high))
    return problems, notes


def _stretches(outcomes: Sequence[_Outcome]) -> list[tuple[int, int, How, int]]:
    stretches: list[tuple[int, int, How, int]] = []
    for outcome in outcomes:
        if stretches and stretches[-1][2] is outcome.how:
            first, _, how, count = stretches[-1]
            stretches[-1] = (first, outcome.line, how, count + 1)
        else:
            stretches.append((outcome.line, outcome.line, outcome.how, 1))
    return stretches


def _newest_first(raw: Sequence[RawRow]) -> bool:
    bare = [row.stamp.replace(tzinfo=None) for row in raw]
    back = sum(later < earlier for earlier, later in pairwise(bare))
    return back * 2 > len(bare) - 1 > 0


def _usual_step_ms(raw: Sequence[RawRow]) -> int:
    bare = [row.stamp.replace(tzinfo=None) for row in raw]
    steps = [round((later - earlier).total_seconds() * 1_000) for earlier, later in pairwise(bare) if later > earlier]
    return median_low(steps) if steps else 0
