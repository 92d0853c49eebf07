"""The same data once in order and then in every disorder: what ingest leaves behind must be byte for byte the same.

Gateways gather a day of readings with no broker there; their outboxes are copied, so that each run sends exactly the
same items. One run goes straight and one message at a time; the others through a link that doubles a tenth, delays a
twentieth and shuffles windows of up to a thousand messages.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.line import EMBEDDED, REAL, Line, Programs, brokers, wait_for
from benchmarks.faults.scene import Options, Scene
from benchmarks.faults.settled import true_rows
from benchmarks.faults.shuffling_link import Disorder, ShufflingLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FULL = 20
GROUP = 10
HOW = (
    "the same outboxes sent once in order and then through a link that doubles 10 %, delays 5 % and shuffles windows "
    "of up to 1,000 messages (2 s); dump of readings, hours to judge, conflicts and refusals byte-equal"
)
SCENE = Scene(gateways=16, probes=4, interval_seconds=60, history_minutes=450)
"""16 gateways with 64 messages each on their way fill a window of a thousand."""
IN_ORDER = {"batch_items_max": 500, "batches_in_flight_max": 1, "resend_seconds": 4}
IN_DISORDER = {"batch_items_max": 10, "batches_in_flight_max": 64, "resend_seconds": 4}
GATHER_SECONDS_MAX = 60.0
DRAIN_SECONDS_MAX = 180.0
DUMPED = (
    ("readings.db", "SELECT sensor, measured_at_ms, centi_celsius, quality, boot, sequence FROM reading"),
    ("telemetry.db", "SELECT sensor_id, hour_ms FROM dirty_hour"),
    ("telemetry.db", "SELECT sensor_id, measured_at_ms, offered_centi_celsius FROM conflict"),
    ("telemetry.db", "SELECT topic, reason FROM dead_letter"),
)


class Conditions(NamedTuple):
    """What is sent, how it is disordered, and which programs a test puts in the place of the real ones."""

    scene: Scene = SCENE
    disorder: Disorder = Disorder()
    programs: Programs = REAL


IN_FULL = Conditions()


def run(first: int, count: int, broker: str = "", conditions: Conditions = IN_FULL) -> int:
    """Disorders number `first` and on, against one in-order run a group; how many left anything else behind."""
    failed = 0
    for start in range(first, first + count, GROUP):
        tries = range(start, min(start + GROUP, first + count))
        with tempfile.TemporaryDirectory(prefix="sheetal-order-") as folder:
            scene = conditions.scene._replace(seed=start + 1)
            bench = Bench(Path(folder), conditions._replace(scene=scene))
            kind = broker or (brokers()[0] if start // GROUP % 2 else EMBEDDED)
            failed += sum(not held for held in bench.compare(tries, kind))
    return failed


class Bench:
    """One day of readings in a folder, and the runs that send it."""

    def __init__(self, folder: Path, conditions: Conditions) -> None:
        self._folder = folder
        self._scene, self._disorder, self._programs = conditions
        self._gathered = folder / "gathered"

    def compare(self, seeds: Sequence[int], broker: str) -> Iterator[bool]:
        """Gathers, sends in order once, and says of each disorder whether it left the same behind."""
        rows = self._gather()
        began = time.monotonic()
        ordered = self._send_in_order(broker)
        print(f"  seed {seeds[0]}: {rows:,} readings, in order {time.monotonic() - began:.0f} s", flush=True)
        for seed in seeds:
            dump, told = self._send_in_disorder(broker, seed)
            held = dump == ordered and ordered.count(b"\n") >= rows
            print(f"  seed {seed}: {told}: {'the same' if held else 'NOT the same'}, {len(dump):,} bytes", flush=True)
            yield held

    def _gather(self) -> int:
        """Fills the outboxes while nobody listens; how many readings."""
        self._gathered.mkdir()
        with Line(self._gathered, self._scene) as line:
            line.start(line.simulator, *line.gateways.values())
            due = true_rows(line)
            if not wait_for(lambda: len(line.kept()) >= len(due), GATHER_SECONDS_MAX, 0.3):
                raise RuntimeError(f"the gateways keep {len(line.kept())} of {len(due)} readings")
            line.stop()
            return len(line.kept())

    def _send_in_order(self, broker: str) -> bytes:
        with self._line("in-order", broker, IN_ORDER, REAL) as line:
            return self._sent(line)

    def _send_in_disorder(self, broker: str, seed: int) -> tuple[bytes, str]:
        line = self._line(f"disorder-{seed}", broker, IN_DISORDER, self._programs)
        with line, ShufflingLink(line.broker_port, self._disorder, seed) as link:
            line.ingest_broker = link.url
            dump = self._sent(line)
            told = f"{link.messages:,} messages, {link.doubled} doubled, windows of up to {link.largest_window}"
            return dump, told

    def _line(self, name: str, broker: str, uplink: Mapping[str, float], programs: Programs) -> Line:
        folder = self._folder / name
        folder.mkdir()
        line = Line(folder, self._scene, Options(uplink=uplink), broker=broker, programs=programs)
        for gateway in self._scene.names:
            shutil.copy(self._gathered / f"{gateway}.outbox", folder)
        return line

    def _sent(self, line: Line) -> bytes:
        line.start(line.broker, line.ingest)
        line.start(*line.gateways.values())
        if not wait_for(lambda: line.pending() == 0, DRAIN_SECONDS_MAX, 0.2):
            return f"{line.pending()} items were not drained".encode()
        line.stop()
        return dump_of(line.folder)


def dump_of(folder: Path) -> bytes:
    """What ingest left behind, in one order; without the instants at which it happened to come."""
    lines = []
    for file, query in DUMPED:
        with closing(sqlite3.connect(f"file:{folder / file}?mode=ro", uri=True)) as store:
            rows = store.execute(f"{query} ORDER BY 1, 2, 3" if query.count(",") > 1 else f"{query} ORDER BY 1, 2")
            lines += [repr((query.rpartition(" ")[2], *row)) for row in rows]
    return "\n".join(lines).encode()
