"""Three days without a link: all of it drains, each reading once, and no fresh reading waits behind the old ones.

The gateway is connected when its link goes dark; then its loggers tell three days of readings, one a minute from eight
probes. After the link has healed, the store is watched: when each reading that is measured from then on arrives, and
how fast the old ones come behind.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.line import EMBEDDED, Line, brokers, wait_for
from benchmarks.faults.link import Link
from benchmarks.faults.scene import Options, Scene
from benchmarks.faults.settled import settle, true_rows
from sheetal.contracts.clock import now_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.faults.reconcile import Key, Report

FULL = 2
HOW = (
    "link dark for three simulated days, 4,320 readings of each of 8 probes in the outbox, then healed: all arrive "
    "once, paced; p99 from measuring to store of the readings made while draining ≤ 60 s"
)
GATEWAY = "gw-00"
FRESH_SECONDS_MAX = 60.0
GATHER_SECONDS_MAX = 120.0
WATCH_SECONDS = 0.2


class Span(NamedTuple):
    """How long the link is dark in readings and simulated time, how long for us, and how fast old ones may come.

    A fresh reading may wait `message_age_seconds` for company; asked is how much longer the old ones make it wait.
    """

    readings: int = 4_320
    interval_seconds: int = 60
    dark_seconds: float = 50.0
    rows_per_second: int = 500
    drain_seconds_max: float = 300.0
    message_age_seconds: float = 10.0


IN_FULL = (Span(), Span(rows_per_second=100, drain_seconds_max=600.0))
"""Dark for longer than one and a half times the 30 s of a keep-alive, so that the gateway gives its connection up;
drained at the pace that is shipped, and so slowly that many fresh readings are made meanwhile."""
PROBES = 8
BATCH_ITEMS = 100
BATCHES_IN_FLIGHT = 8
BURST = BATCH_ITEMS * BATCHES_IN_FLIGHT
"""What was sent into the dark comes through at once."""
PACE_SLACK = 1.3


class Watched(NamedTuple):
    """What was seen in the store while it filled."""

    seconds: float
    rows: int
    fresh_seconds: list[float]

    @property
    def rows_per_second(self) -> float:
        """How fast the old ones came behind what was on its way."""
        return max(0, self.rows - BURST) / self.seconds

    @property
    def p99_seconds(self) -> float:
        """The 99th percentile of the fresh readings' ages on arrival; infinite where there were none."""
        found = sorted(self.fresh_seconds)
        return found[min(len(found) - 1, len(found) * 99 // 100)] if found else float("inf")


def run(first: int, count: int, broker: str = "", spans: Sequence[Span] = IN_FULL) -> int:
    """Partitions number `first` and on; how many lost, doubled or delayed something."""
    failed = 0
    for seed in range(first, first + count):
        span = spans[seed % len(spans)]
        scene = Scene(
            gateways=1,
            probes=PROBES,
            interval_seconds=span.interval_seconds,
            history_minutes=span.readings * span.interval_seconds // 60 + 1,
            seed=seed + 1,
        )
        options = Options(
            uplink={
                "message_age_seconds": span.message_age_seconds,
                "resend_seconds": 30,
                "resend_jitter_seconds": 6,
                "batch_items_max": BATCH_ITEMS,
                "batches_in_flight_max": BATCHES_IN_FLIGHT,
                "backlog_rows_per_second": span.rows_per_second,
            }
        )
        with tempfile.TemporaryDirectory(prefix="sheetal-partition-") as folder:
            kind = broker or (brokers()[0] if seed % 2 else EMBEDDED)
            failed += not partition(Line(Path(folder), scene, options, broker=kind), span).held
    return failed


def partition(line: Line, span: Span) -> Report:
    """One dark time and its end; everything that was promised and not kept."""
    with line, Link(line.broker_port) as link:
        line.gateway_broker = link.url
        line.start(line.broker, line.ingest, line.gateways[GATEWAY])
        connected = wait_for(lambda: "connected to the broker" in line.gateways[GATEWAY].log_tail(), 20)
        link.go_dark()
        gone_dark = time.monotonic()
        line.start(line.simulator)
        wanted = span.readings * PROBES
        gathered = wait_for(lambda: len(line.kept()) >= wanted, GATHER_SECONDS_MAX, 0.5)
        time.sleep(max(0.0, span.dark_seconds - (time.monotonic() - gone_dark)))
        leaked, healed_ms = line.stored_count(), now_ms()
        link.heal()
        watched = _watch(line, healed_ms, span)
        report = settle(line)
        problems = {
            "the gateway did not connect before": not connected,
            f"the outbox held fewer than {wanted:,} readings": not gathered,
            f"{leaked} readings came through the dark": leaked > 0,
            f"not drained in {span.drain_seconds_max:.0f} s": watched.seconds >= span.drain_seconds_max,
            f"p99 of fresh readings {watched.p99_seconds:.1f} s": watched.p99_seconds > FRESH_SECONDS_MAX,
            f"drained at {watched.rows_per_second:,.0f} readings/s": watched.rows_per_second
            > PACE_SLACK * span.rows_per_second,
        }
        report.problems.extend(problem for problem, stands in problems.items() if stands)
        print(
            f"  seed {line.scene.seed - 1}: {watched.rows:,} readings drained in {watched.seconds:.0f} s "
            f"({watched.rows_per_second:,.0f}/s); {len(watched.fresh_seconds)} fresh ones meanwhile, "
            f"p99 to the store {watched.p99_seconds:.1f} s; {report}",
            flush=True,
        )
    return report


def _watch(line: Line, healed_ms: int, span: Span) -> Watched:
    """Looks at the store until the outbox holds nothing old and all that was measured meanwhile has arrived."""
    began = time.monotonic()
    old = f"SELECT count(*) FROM item WHERE state = 0 AND measured_at_ms < {healed_ms}"  # noqa: S608 - a number
    ages: dict[Key, float] = {}
    left = 1
    while left and time.monotonic() - began < span.drain_seconds_max:
        time.sleep(WATCH_SECONDS)
        _note_arrivals(line, healed_ms, ages)
        left = int(str(line.ask(GATEWAY, old)[0][0]))
    seconds, rows = time.monotonic() - began, line.stored_count()
    fresh = {key for key in true_rows(line) if key[1] >= healed_ms}
    wait_for(lambda: fresh <= _note_arrivals(line, healed_ms, ages).keys(), 2 * FRESH_SECONDS_MAX, WATCH_SECONDS)
    return Watched(seconds, rows, [ages.get(key, float("inf")) for key in fresh])


def _note_arrivals(line: Line, since_ms: int, ages: dict[Key, float]) -> dict[Key, float]:
    """Notes how old each reading that was measured since then is when it is first seen in the store."""
    if line.stored_count():
        query = f"SELECT sensor, measured_at_ms FROM reading WHERE measured_at_ms >= {since_ms}"  # noqa: S608 - a number
        with closing(sqlite3.connect(f"file:{line.folder}/readings.db?mode=ro", uri=True, timeout=10)) as store:
            seen_ms = now_ms()
            for sensor, measured_at_ms in store.execute(query):
                ages.setdefault((sensor, measured_at_ms), (seen_ms - measured_at_ms) / 1_000)
    return ages
