"""Ten thousand holdings of one cold room judged again after one late hour, against the bare INSERT of their verdicts.

A state's cold room takes a hundred deliveries of a hundred holdings each in three weeks, two sensors read every five
minutes. Then an hour that was missing comes late and shows twenty warm minutes, so that every holding gets a new
verdict, committed with its digest. The evaluator runs on, so it remembers the other hours; the stores are the embedded
ones. `python -m benchmarks.verdict_rejudge [holdings]` prints each repeat, and how long the first judging took.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alerts.drain import drain_once
from alerts.evaluate import Stores
from alerts.hours import Hours
from benchmarks.record import Figure
from benchmarks.rejudge_room import DELIVERIES, NOW_MS, furnish, hours_of, late_hour
from sheetal.ledger import telemetry_writes
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.contracts.reading import Reading
    from sheetal.readings.port import ReadingsStore

HOLDINGS = 10_000
REPEATS = 5
GOAL_SECONDS = 2.0
INSERT = (
    "INSERT INTO verdict (holding_id, finding, rule_version, judged_through_ms, known_through_ms, digest, evidence, "
    "found_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
NEWEST = (
    "SELECT holding_id, finding, rule_version, judged_through_ms, known_through_ms, digest, evidence, found_at_ms "
    "FROM verdict ORDER BY id DESC LIMIT ?"
)


class Repeat(NamedTuple):
    """The two times of one repeat, in seconds."""

    judging: float
    inserting: float


def measure(holdings: int = HOLDINGS) -> Figure:
    """The figure `verdict.rejudge_10000_seconds`: median of the repeats."""
    with tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name:
        repeats = list(run(Path(name), holdings))
    return Figure(
        value=statistics.median(one.judging for one in repeats),
        unit="s",
        limit="sqlite3's bare INSERT of the same verdicts, ms",
        limit_value=statistics.median(one.inserting for one in repeats) * 1_000,
        goal=GOAL_SECONDS,
        better="lower",
        runs=[round(one.judging, 2) for one in repeats],
        when=datetime.now(UTC).date().isoformat(),
    )


def run(folder: Path, holdings: int) -> Iterator[Repeat]:
    """The repeats in one room, each with another late hour; raises RuntimeError where a verdict is missing."""
    urls = [f"sqlite:///{folder}/{name}.db" for name in ("ledger", "telemetry", "readings")]
    upgrade(urls[0], urls[1])
    with ExitStack() as closing_all:
        ledger = closing_all.enter_context(closing(open_ledger(urls[0])))
        telemetry = closing_all.enter_context(closing(open_telemetry(urls[1])))
        readings = closing_all.enter_context(closing(open_readings(urls[2])))
        furnish(ledger, holdings // DELIVERIES)
        for rows in hours_of(REPEATS):
            readings.write(rows)
        stores = Stores(ledger, telemetry, Hours(readings))
        began = time.perf_counter()
        while drain_once(stores, NOW_MS).goes_on:
            pass
        print(f"  {holdings} holdings judged for the first time in {time.perf_counter() - began:.1f} s", flush=True)
        for number in range(REPEATS):
            yield Repeat(judge_again(stores, readings, late_hour(number), holdings), insert_bare(folder, holdings))


def judge_again(stores: Stores, readings: ReadingsStore, late: list[Reading], holdings: int) -> float:
    """Seconds from the hour's mark to the last verdict's commit."""
    readings.write(late)
    with stores.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(one.sensor, one.measured_at_ms // 3_600_000 * 3_600_000) for one in late})
    began = time.perf_counter()
    work = drain_once(stores, NOW_MS)
    seconds = time.perf_counter() - began
    if sum(work.verdicts.values()) != holdings:
        message = f"{dict(work.verdicts)} instead of {holdings} new verdicts"
        raise RuntimeError(message)
    return seconds


def insert_bare(folder: Path, holdings: int) -> float:
    """Seconds to write the same rows into a table like that of the verdicts, in one transaction."""
    with closing(sqlite3.connect(folder / "ledger.db")) as source:
        rows = source.execute(NEWEST, (holdings,)).fetchall()
        schema = source.execute("SELECT sql FROM sqlite_master WHERE name = 'verdict'").fetchone()[0]
    bare = folder / "bare.db"
    with closing(sqlite3.connect(bare)) as target:
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        target.execute(schema)
        began = time.perf_counter()
        with target:
            target.executemany(INSERT, rows)
        seconds = time.perf_counter() - began
    for path in folder.glob("bare.db*"):
        path.unlink()
    return seconds


def main(arguments: list[str]) -> int:
    """Print each repeat."""
    with tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name:
        for judging, inserting in run(Path(name), int(arguments[0]) if arguments else HOLDINGS):
            print(f"{judging:.2f} s judging again, {inserting:.2f} s the bare inserts", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
