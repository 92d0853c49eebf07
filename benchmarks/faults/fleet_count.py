"""Counts what a store holds, straight from its file or by InfluxQL, and holds it against a fleet's truth."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from benchmarks.faults.fleet import Fleet

EXAMPLES_MAX = 3
QUERY_SECONDS_MAX = 120.0
READ_ONLY = "?mode=ro"


class Count(NamedTuple):
    """How many rows were sent, settled and stored, and one line for each way in which a promise was broken."""

    sent: int
    settled: int
    stored: int
    problems: list[str]

    @property
    def held(self) -> bool:
        """Whether every promise held."""
        return not self.problems

    def __str__(self) -> str:
        counts = f"{self.sent:,} rows sent, {self.settled:,} settled, {self.stored:,} stored"
        return "; ".join([counts, *self.problems])


class Tally:
    """Examples and numbers of each kind of disagreement."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, what: str, example: str) -> None:
        """One more of this kind."""
        self._numbers[what] += 1
        if self._numbers[what] <= EXAMPLES_MAX:
            self._examples.setdefault(what, []).append(example)

    def lines(self) -> list[str]:
        """One line for each kind."""
        return [f"{number:,} {what}, as {', '.join(self._examples[what])}" for what, number in self._numbers.items()]


def count(fleet: Fleet, stored: Iterable[Reading]) -> Count:
    """Exactly once, nothing lost, nothing changed, nothing settled that is not stored; the fleet must be at rest."""
    plan, outboxes = fleet.plan, fleet.outboxes
    seen = [bytearray(outboxes.messages(number) * plan.rows + 1) for number in range(plan.gateways)]
    tally, rows = Tally(), 0
    for reading in stored:
        rows += 1
        number = plan.number(reading.sensor)
        if number is None or not 0 < reading.sequence < len(seen[number]):
            tally.add("stored and never sent", f"{reading.sensor} at {reading.measured_at_ms}")
        elif seen[number][reading.sequence]:
            tally.add("stored more than once", f"{reading.sensor} at {reading.measured_at_ms}")
        else:
            seen[number][reading.sequence] = 1
            if reading != plan.reading(number, reading.sequence):
                tally.add("stored otherwise than sent", f"{reading}")
    settled = 0
    for number, flags in enumerate(seen):
        for message in range(outboxes.messages(number)):
            first = message * plan.rows + 1
            is_settled = outboxes.is_settled(number, message)
            settled += plan.rows * is_settled
            if is_settled and not all(flags[first : first + plan.rows]):
                tally.add("messages acknowledged and not stored", f"{plan.name(number)} from row {first} on")
    return Count(outboxes.made * plan.rows, settled, rows, [*tally.lines(), *_of_the_acks(fleet)])


def _of_the_acks(fleet: Fleet) -> list[str]:
    outboxes = fleet.outboxes
    problems = {
        f"{outboxes.pending:,} messages were never settled": outboxes.pending,
        f"{len(outboxes.refused):,} messages were refused, as {list(outboxes.refused.items())[:1]}": outboxes.refused,
        f"acks for what was never sent, as {outboxes.strange[:1]}": outboxes.strange,
        f"{fleet.forged} acks with a wrong seal": fleet.forged,
        f"the fleet broke down: {fleet.problem!r}": fleet.problem,
    }
    return [line for line, stands in problems.items() if stands]


# What stands in the stores


def in_sqlite(file: Path) -> Iterator[Reading]:
    """Every row of the embedded store's file; nothing while there is no file."""
    if not file.exists():
        return
    with closing(sqlite3.connect(f"file:{file}{READ_ONLY}", uri=True, timeout=10)) as store:
        query = "SELECT sensor, measured_at_ms, centi_celsius, quality, boot, sequence FROM reading"
        yield from map(Reading._make, store.execute(query))


def in_influx(url: str) -> Iterator[Reading]:
    """Every point of an InfluxDB 1.x database (`influxdb1+http://host:port/db`), as CSV by InfluxQL."""
    address = urlsplit(url.partition("+")[2])
    connection = HTTPConnection(address.hostname or "", address.port, timeout=QUERY_SECONDS_MAX)
    query = {"db": address.path.strip("/"), "epoch": "ms", "chunked": "true", "q": "SELECT * FROM reading"}
    with closing(connection):
        connection.request("GET", f"/query?{urlencode(query, quote_via=quote)}", headers={"Accept": "application/csv"})
        answer = connection.getresponse()
        for row in csv.DictReader(io.TextIOWrapper(answer, encoding="utf-8")):
            if row["time"] != "time":  # each chunk brings its head again
                yield _reading(row)


def _reading(row: dict[str, str]) -> Reading:
    centi_celsius = round(float(row["t"]) * 100) if row["t"] else None
    return Reading(row["sensor"], int(row["time"]), centi_celsius, int(row["q"]), int(row["b"]), int(row["seq"]))


def unmarked_hours(telemetry: Path, stored: Iterable[Reading]) -> set[tuple[str, int]]:
    """The (sensor, hour) pairs of stored rows that ingest's telemetry file does not call dirty."""
    with closing(sqlite3.connect(f"file:{telemetry}{READ_ONLY}", uri=True, timeout=10)) as store:
        marked = set(store.execute("SELECT sensor_id, hour_ms FROM dirty_hour"))
    return {(one.sensor, one.measured_at_ms // HOUR_MS * HOUR_MS) for one in stored} - marked
