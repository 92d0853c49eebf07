"""Reads a logger's CSV: a time column and one temperature column (pure).

Times are ISO 8601 with a zone, or the logger's wall clock, which needs the facility's zone; a column with a zone is
preferred. A row that cannot be read becomes a problem that names its line; the others are kept.
"""

from __future__ import annotations

import csv
import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.sources.local_time import RawRow, place_rows
from edge_agent.sources.logged_file import NO_VALUE, LoggedFile, Note, bounded, centi_celsius_of, problem
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from sheetal.contracts.problem import FileProblem

KIND = "csv"
SAMPLE_LINES = 50
DELIMITERS = ",;\t"
_NEWLINE = re.compile(r"\r\n|\n|\r")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?\s?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_NAMES = re.compile(r"(^|[^a-z])(celsius|fahrenheit|temp|temps|temperature|temperatur|tvc|tfrz|°c|°f|value)([^a-z]|$)")


class CsvOptions(NamedTuple):
    """What the person said about the file."""

    zone: ZoneInfo
    column: str | None = None
    fahrenheit: bool = False


class _Table(NamedTuple):
    """Cells with their line numbers; `names` stand above the columns, made up where the file has no header."""

    names: list[str]
    lines: list[tuple[int, list[str]]]
    delimiter: str


class _Columns(NamedTuple):
    time: int
    temperature: int
    candidates: int


def parse_csv(data: bytes, options: CsvOptions) -> LoggedFile:
    """Everything good in the file, and its problems.

    Raises SettingProblem when the temperature column must be named, or the named one is not there.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    table, unread = _table(data.decode("utf-8-sig", errors="replace"))
    if not table.lines:
        return LoggedFile(kind=KIND, sha256=sha256, problems=bounded(unread or [problem(1, "no row below the header")]))
    columns = _columns(table, options.column)
    if columns is None:
        first = table.lines[0][0]
        return LoggedFile(kind=KIND, sha256=sha256, problems=[problem(first, "no column holds ISO 8601 times")])
    time, temperature = table.names[columns.time], table.names[columns.temperature]
    raw, problems = _raw_rows(table, columns, options)
    del table  # A third of all that stands in memory here, and a gateway has little.
    placed = place_rows(raw, options.zone)
    unit = "°F" if options.fahrenheit else "°C"
    chosen = Note(0, f"time from column {time!r}, {unit} from column {temperature!r}")
    return LoggedFile(
        kind=KIND,
        sha256=sha256,
        serial=None,
        column=temperature if columns.candidates > 1 else None,
        rows=placed.rows,
        problems=bounded(unread + problems + placed.problems),
        notes=[chosen, *placed.notes],
    )


def _table(text: str) -> tuple[_Table, list[FileProblem]]:
    """The filled lines, each read on its own: an open quotation mark must not swallow the rows behind it."""
    physical = [(number, line) for number, line in enumerate(_NEWLINE.split(text), start=1) if line.strip()]
    delimiter = max(DELIMITERS, key=physical[0][1].count) if physical else DELIMITERS[0]
    lines, problems = [], []
    for number, line in physical:
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
            lines.append((number, [cell.strip() for cell in cells]))
        except csv.Error as error:
            problems.append(problem(number, f"not CSV: {error}"))
    header = lines[0][1] if lines else []
    if any(_TIME.fullmatch(cell) for cell in header):
        return _Table([f"column {number}" for number in range(1, len(header) + 1)], lines, delimiter), problems
    return _Table(header, lines[1:], delimiter), problems


def _columns(table: _Table, wanted: str | None) -> _Columns | None:
    """The columns to read; None where no column holds times."""
    sample = [cells for _, cells in table.lines[:SAMPLE_LINES]]
    times = [n for n in range(len(table.names)) if _mostly([_cell(cells, n) for cells in sample], _is_time)]
    if not times:
        return None
    zoned = [n for n in times if _mostly([_cell(cells, n) for cells in sample], _has_zone)]
    time = (zoned or times)[0]
    others = [n for n in range(len(table.names)) if n not in times]
    candidates = [n for n in others if _numeric(sample, n, table.delimiter)] or others
    named = [n for n in candidates if _NAMES.search(table.names[n].lower())]
    if wanted is not None:
        return _Columns(time, _wanted(table.names, wanted), len(candidates))
    if len(named) == 1 or len(candidates) == 1:
        return _Columns(time, (named or candidates)[0], 1)
    choice = ", ".join(table.names[n] for n in candidates)
    raise SettingProblem(f"which column is the temperature? name one with --column: {choice}", variable="--column")


def _wanted(names: list[str], wanted: str) -> int:
    if wanted not in names:
        raise SettingProblem(f"--column {wanted!r} is not there; the file has: {', '.join(names)}", variable="--column")
    return names.index(wanted)


def _raw_rows(table: _Table, columns: _Columns, options: CsvOptions) -> tuple[list[RawRow], list[FileProblem]]:
    rows, problems = [], []
    for number, cells in table.lines:
        try:
            rows.append(_raw_row(number, cells, columns, table.delimiter, fahrenheit=options.fahrenheit))
        except ValueError as error:
            problems.append(problem(number, str(error)))
    return rows, problems


def _raw_row(number: int, cells: list[str], columns: _Columns, delimiter: str, *, fahrenheit: bool) -> RawRow:
    """One row; raises ValueError saying what is wrong with it."""
    text = _cell(cells, columns.time)
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is not a date and time")
    stamp = datetime.fromisoformat(text.replace(",", "."))
    if len(cells) <= columns.temperature:
        raise ValueError("the row has no temperature")
    value = _plain(_cell(cells, columns.temperature), delimiter)
    return RawRow(number, stamp, centi_celsius_of(value, fahrenheit=fahrenheit, of_row=True))


def _cell(cells: Sequence[str], number: int) -> str:
    return cells[number] if number < len(cells) else ""


def _plain(text: str, delimiter: str) -> str:
    """A decimal comma is a point where commas do not part the columns."""
    return text.replace(",", ".") if delimiter != "," else text


def _is_time(cell: str) -> bool:
    return _TIME.fullmatch(cell) is not None


def _has_zone(cell: str) -> bool:
    found = _TIME.fullmatch(cell)
    return found is not None and found.group(3) is not None


def _mostly(cells: list[str], test: Callable[[str], bool]) -> bool:
    return sum(map(test, cells)) * 2 > len(cells)


def _numeric(sample: list[list[str]], number: int, delimiter: str) -> bool:
    """Whether a column holds numbers, at least one, and little else."""
    cells = [_plain(_cell(cells, number), delimiter) for cells in sample]
    filled = [cell for cell in cells if cell.lower() not in NO_VALUE]
    return bool(filled) and _mostly(filled, _is_number)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None
