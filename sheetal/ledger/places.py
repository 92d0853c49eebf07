"""States and districts by CoWIN's ids, from catalogue/places.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheetal.contracts.problem import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ["state_id", "state_name", "district_id", "district_name"]


@dataclass(frozen=True, slots=True)
class State:
    """A state or union territory."""

    state_id: int
    state_name: str


@dataclass(frozen=True, slots=True)
class District:
    """A district (or what the portal took for one) in its state."""

    district_id: int
    district_name: str
    state_id: int
    state_name: str


@dataclass(frozen=True, slots=True)
class Places:
    """All districts, in order of state id, then of name as the file has them."""

    districts: tuple[District, ...]

    def states(self) -> list[State]:
        """The states that have a district, in order of id."""
        return [State(*pair) for pair in sorted({(one.state_id, one.state_name) for one in self.districts})]

    def districts_of(self, state_id: int) -> list[District]:
        """The districts of a state; an empty list for an unknown one."""
        return [one for one in self.districts if one.state_id == state_id]

    def district(self, district_id: int) -> District | None:
        """One district; None for an unknown id."""
        return next((one for one in self.districts if one.district_id == district_id), None)


def load_places(path: Path) -> Places:
    """The places of a CSV file; raises FileProblem that names the line."""
    try:
        with path.open(encoding="utf-8", newline="") as text:
            rows = list(csv.reader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileProblem(f"{path.name} cannot be read", line=0, file=str(path)) from error
    if not rows or rows[0] != COLUMNS:
        raise FileProblem(f"{path.name}: line 1 is not {','.join(COLUMNS)}", line=1, file=str(path))
    districts = tuple(_district(path, line, row) for line, row in enumerate(rows[1:], start=2))
    if len({one.district_id for one in districts}) != len(districts):
        raise FileProblem(f"{path.name} has a district id twice", line=0, file=str(path))
    return Places(districts)


def _district(path: Path, line: int, row: list[str]) -> District:
    try:
        state_id, state_name, district_id, district_name = row
        return District(int(district_id), district_name, int(state_id), state_name)
    except ValueError as error:
        raise FileProblem(f"{path.name}: line {line} is not a district", line=line, file=str(path)) from error
