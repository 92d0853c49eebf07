"""The real series of `../shared/data` (or `$SHEETAL_SHARED`/data) that say enough for a forecast, with their limits.

Left out, and why: the plain Fridge-tag 2 exports hold no readings; the Fridge-tag 2 L excerpt is 31 rows in two pieces
that begin beyond the limit; the hourly room temperature has one reading in an hour and no appliance behind it.
"""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record import ROOT
from benchmarks.warning_score import Trace
from sheetal.contracts.limits import Side
from sheetal.thermal.runs import Limit

if TYPE_CHECKING:
    from sheetal.thermal.runs import Sample

HEAT = Limit(Side.HOT, 800, inclusive=False)
FREEZE = Limit(Side.COLD, -50, inclusive=True)
THAW = Limit(Side.HOT, -1500, inclusive=False)
LIMITS = {"heat": HEAT, "freeze": FREEZE, "thaw": THAW}
"""The programme's own limits: +8.0 °C for refrigerated, −0.5 °C for freeze-sensitive, −15 °C for frozen stock."""

YEAR = "coldstore-15min.csv"
SERIES = (
    (YEAR, "local_time", "platform_1", ("heat", "freeze")),
    (YEAR, "local_time", "cooling_2", ("heat", "freeze")),
    (YEAR, "local_time", "freezer_2", ("thaw",)),
    ("freezer-1min.csv", "iso_utc", "celsius", ("thaw",)),
    ("transport-logger-5min.csv", "time_utc_approximate", "celsius", ("heat", "freeze")),
)


def folder() -> Path:
    """Where the real files are."""
    return Path(os.environ.get("SHEETAL_SHARED", str(ROOT.parent / "shared"))) / "data"


def real_traces() -> list[Trace]:
    """Every usable series against each limit that its appliance would be judged by; the year in two halves."""
    return [
        Trace(f"{name} {column}{part}, {word}", samples, samples, LIMITS[word])
        for name, time_column, column, words in SERIES
        for part, samples in parts_of(name, read(folder() / name, time_column, column))
        for word in words
    ]


def parts_of(name: str, samples: list[Sample]) -> list[tuple[str, list[Sample]]]:
    """A series with its name's ending; of the year, the half by which the rule of warning was chosen, and the other."""
    if name != YEAR:
        return [("", samples)]
    half = len(samples) // 2
    return [(" (chosen by)", samples[:half]), (" (held out)", samples[half:])]


def read(path: Path, time_column: str, column: str) -> list[Sample]:
    """A column as samples. Local times are read as if they were UTC; what a clock set back repeats is left out."""
    samples: list[Sample] = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            told = datetime.fromisoformat(row[time_column])
            at_ms = round((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * 1_000)
            if row[column] and (not samples or at_ms > samples[-1][0]):
                samples.append((at_ms, round(100 * float(row[column]))))
    return samples
