"""Readings a second that the gateway's outbox keeps and settles, against bare SQLite that only keeps them.

Both write the same readings in the same groups, each group its own commit with WAL and synchronous=FULL: groups of
five, as the gateway writes what it polls, eight probes at 10 s. The outbox then also settles each message of ten by its
ack, keeps two indexes, judges its bounds and counts; the limit is stdlib `sqlite3` with the columns of a reading, its
key and nothing else, and no ack at all. `python -m benchmarks.outbox_ratio [readings]` prints each repeat, and the same
for other groups.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.record import Figure
from edge_agent.outbox.outbox import Intake, Outbox
from edge_agent.sample import Sample
from sheetal.contracts.batch import Ack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READINGS = 10_000
REPEATS = 9
SLICES = 40
GOAL = 0.5
PROBES = 8
INTERVAL_MS = 10_000
START_MS = 1_795_425_631_000
OTHER_SHAPES = ((1, 10), (10, 10), (100, 100), (500, 500))

_TABLE = """
CREATE TABLE reading (
    boot INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    sensor TEXT NOT NULL,
    measured_at_ms INTEGER NOT NULL,
    centi_celsius INTEGER,
    quality INTEGER NOT NULL,
    PRIMARY KEY (boot, sequence)
) WITHOUT ROWID
"""


class Shape(NamedTuple):
    """How many readings one commit writes, and how many one ack settles."""

    group: int = 5
    message: int = 10


class Repeat(NamedTuple):
    """The two rates of one repeat, in readings a second."""

    outbox: float
    bare: float


def measure(readings: int = READINGS, shape: Shape = Shape()) -> Figure:  # noqa: B008 - immutable
    """The figure `edge.outbox_over_sqlite_full`: median of the repeats."""
    repeats = list(run(readings, shape))
    ratios = [one.outbox / one.bare for one in repeats]
    return Figure(
        value=statistics.median(ratios),
        unit=f"× ({statistics.median(one.outbox for one in repeats):,.0f} readings/s kept and settled)",
        limit=f"the same readings kept by bare sqlite3 in the same commits of {shape.group}, readings/s",
        limit_value=statistics.median(one.bare for one in repeats),
        goal=GOAL,
        better="higher",
        runs=[round(ratio, 3) for ratio in ratios],
        when=datetime.now(UTC).date().isoformat(),
    )


def run(readings: int, shape: Shape, repeats: int = REPEATS) -> Iterator[Repeat]:
    """The repeats, each over new files; a machine that is busy for a moment is so for both."""
    groups = grouped(readings, shape.group)
    for number in range(repeats):
        with (
            tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name,
            closing(OutboxWriter(Path(name), shape.message)) as outbox,
            closing(BareWriter(Path(name))) as bare,
        ):
            yield take_turns(groups, outbox, bare, outbox_first=number % 2 == 0)


def take_turns(
    groups: Sequence[Sequence[Sample]], outbox: OutboxWriter, bare: BareWriter, *, outbox_first: bool
) -> Repeat:
    """Both write the same slices, one after the other, and each is first in every second one."""
    seconds = {outbox: 0.0, bare: 0.0}
    slice_groups = max(1, len(groups) // SLICES)
    order: list[OutboxWriter | BareWriter] = [outbox, bare] if outbox_first else [bare, outbox]
    for first in range(0, len(groups), slice_groups):
        for writer in order:
            began = time.perf_counter()
            writer.write(groups[first : first + slice_groups])
            seconds[writer] += time.perf_counter() - began
        order.reverse()
    readings = sum(map(len, groups))
    for writer in order:
        if writer.kept() != readings:
            message = f"{type(writer).__name__} kept {writer.kept()} of {readings}"
            raise RuntimeError(message)
    return Repeat(readings / seconds[outbox], readings / seconds[bare])


def grouped(readings: int, group: int) -> list[list[Sample]]:
    """What eight probes say, in the groups in which it is committed: successive readings of one probe together."""
    told = []
    for number in range(readings):
        turn, place = divmod(number, PROBES * group)
        probe, tick = divmod(place, group)
        at_ms = START_MS + (turn * group + tick) * INTERVAL_MS + probe
        told.append(Sample(f"gw-01.ilr{probe}-tvc", at_ms, 400 + number % 60, 0, local=True))
    return [told[first : first + group] for first in range(0, readings, group)]


class OutboxWriter:
    """The real outbox: committed group by group, settled message by message."""

    def __init__(self, folder: Path, message: int) -> None:
        self._box = Outbox(folder / "outbox.db")
        self._message = message
        self._kept = 0
        self._settled = 0

    def write(self, groups: Sequence[Sequence[Sample]]) -> None:
        """Keeps the groups and settles every message that is whole."""
        for group in groups:
            self._kept += self._box.add(Intake(rows=group))
            while self._kept - self._settled >= self._message:
                last = self._settled + self._message
                self._box.apply_ack(Ack(gateway="gw-01", boot=self._box.boot, stored=[(self._settled + 1, last)]))
                self._settled = last

    def kept(self) -> int:
        """How many readings it has, settled ones too."""
        counts = self._box.counts()
        return counts.pending + counts.delivered

    def close(self) -> None:
        """Ends it."""
        self._box.close()


class BareWriter:
    """The stdlib driver alone: the same groups, the same commits, no ack."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_TABLE)
        self._sequence = 0

    def write(self, groups: Sequence[Sequence[Sample]]) -> None:
        """Keeps the groups."""
        for group in groups:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO reading VALUES (1, ?, ?, ?, ?, ?)",
                [(number, row[0], row[1], row[2], row[3]) for number, row in enumerate(group, self._sequence + 1)],
            )
            self._connection.execute("COMMIT")
            self._sequence += len(group)

    def kept(self) -> int:
        """How many readings it has."""
        return int(self._connection.execute("SELECT count(*) FROM reading").fetchone()[0])

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


def main(arguments: list[str]) -> int:
    """Print every repeat, then the medians of other shapes."""
    readings = int(arguments[0]) if arguments else READINGS
    for one in run(readings, Shape()):
        print(f"outbox {one.outbox:>9,.0f}/s   bare {one.bare:>9,.0f}/s   {one.outbox / one.bare:.2f}")
    for shape in map(Shape._make, OTHER_SHAPES):
        repeats = list(run(readings, shape, 3))
        ratio = statistics.median(one.outbox / one.bare for one in repeats)
        rate = statistics.median(one.outbox for one in repeats)
        print(f"commits of {shape.group:>3}, acks of {shape.message:>3}: outbox {rate:>9,.0f}/s, {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
