"""Power cuts at any moment of the outbox's work, replayed from a record of its file operations.

The real outbox works on its real SQLite: readings and alarms one by one and in bulk, acks, pruning, restarts. Each cut
rebuilds the disk as it may be found afterwards (see `disk`), boots the outbox on it and holds it to what it had said by
then. The same with `synchronous = NORMAL` must lose something, or the replay proves nothing.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.faults.disk import Disk
from benchmarks.faults.promises import Promises, Said, Word, broken, covered_by
from benchmarks.faults.recording_vfs import recorded
from edge_agent.outbox.outbox import Intake, Outbox, OutboxFull
from edge_agent.outbox.parcel import THINNED
from edge_agent.sample import Sample
from sheetal.contracts.batch import Ack, ranges
from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, DeviceAlarm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.faults.disk import Operation
    from benchmarks.faults.promises import Key, Name

FULL = 10_000
GROUP = 500
CONTROL_SHARE = 20
"""Of so many cuts one is tried with `synchronous = NORMAL` too; it must lose in at least one of them."""
HOW = (
    "recorded file operations of the real outbox on its own SQLite; cut at a random one, "
    "un-synced writes kept, torn at 512 B or dropped; booted again, nothing it had kept is lost, nothing corrupt"
)
STEPS = 400
BULK_ROWS = 120
RARE = 0.1
T0_MS = 1_790_000_000_000
STEP_MS = 60_000
KEEP_DAYS = 1
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
FILE = "outbox.db"
SENSORS = tuple(f"gw-p.p{number}" for number in range(8))


class Recording(NamedTuple):
    """What happened, in order, and how much was promised in all."""

    events: list[Operation | Said]
    kept: int


def run(first: int, count: int) -> int:
    """Cuts number `first` and on; how many lost something, or were corrupt, or did not boot."""
    failed = 0
    for start in range(first, first + count, GROUP):
        cuts = min(GROUP, first + count - start)
        began = time.monotonic()
        lost = cut(start, cuts)
        controls = max(20, cuts // CONTROL_SHARE)
        with unsynced():
            control = cut(start, controls)
        # A replay that cannot find what is known to be wrong has shown nothing.
        failed += len(lost) if control else cuts
        rate = cuts / (time.monotonic() - began)
        print(
            f"  seed {start}: {cuts} cuts ({rate:.0f}/s), {len(lost)} failed {lost[:3] or ''}; "
            f"with synchronous=NORMAL {len(control)} of {controls} lost",
            flush=True,
        )
    return failed


def cut(seed: int, cuts: int) -> list[str]:
    """One recorded life and so many power cuts in it; one line for each cut that broke a promise."""
    chance = random.Random(f"power cut {seed}")
    with tempfile.TemporaryDirectory(prefix="sheetal-power-", dir=_memory()) as name:
        recording = record_life(Path(name), chance)
        disk, promises = Disk(), Promises()
        at = sorted(chance.randrange(1, len(recording.events) + 1) for _ in range(cuts))
        done, failed = 0, []
        for position in at:
            for event in recording.events[done:position]:
                promises.note(event) if isinstance(event, Said) else disk.do(event)
            done = position
            problems = _boot(Path(name) / "found", disk.after_power_cut(chance), promises)
            if problems:
                failed.append(f"cut at {position} of {len(recording.events)}: {', '.join(problems)}")
    return failed


def record_life(folder: Path, chance: random.Random) -> Recording:
    """The outbox at work, some restarts included."""
    events: list[Operation | Said] = []
    life = Life(chance, events)
    with recorded(folder, events.append):
        left = STEPS
        while left > 0:
            steps = min(left, chance.randint(20, STEPS // 2))
            outbox = Outbox(folder / FILE, clock=life.clock, keep_days=KEEP_DAYS)
            with closing(outbox):
                events.append(Said(Word.BOOTED, boot=outbox.boot))
                for _ in range(steps):
                    life.step(outbox)
            left -= steps
    return Recording(events, life.kept)


class Careless(sqlite3.Connection):
    """A connection that hears `synchronous = FULL` as `NORMAL`."""

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3 has it
        """As asked, but for the syncs."""
        return super().execute(statement.replace("synchronous = FULL", "synchronous = NORMAL"), *parameters)


class Life:
    """What befalls an outbox, a step at a time; each step moves its clock."""

    def __init__(self, chance: random.Random, events: list[Operation | Said]) -> None:
        self._chance = chance
        self._events = events
        self._now_ms = T0_MS
        self._alarms: list[tuple[str, bool]] = []
        self._names: dict[Key, Name] = {}
        self._crowded = False
        self.kept = 0

    def clock(self) -> int:
        """The gateway's present."""
        return self._now_ms

    def step(self, outbox: Outbox) -> None:
        """One thing that a gateway's day brings."""
        self._now_ms += STEP_MS
        draw = self._chance.random()
        if draw < 0.7:  # noqa: PLR2004 - shares of a day
            self._add(outbox, self._chance.randint(1, len(SENSORS)))
        elif draw < 0.75:  # noqa: PLR2004
            self._add(outbox, self._chance.randint(1, BULK_ROWS))
        elif draw < 0.95:  # noqa: PLR2004
            self._acknowledge(outbox)
        elif draw < 0.97:  # noqa: PLR2004
            self._events.append(Said(Word.FORGETTING))
            outbox.prune()
        elif draw < 0.98:  # noqa: PLR2004
            self._events.append(Said(Word.FORGETTING))
            outbox.free_space()
            self._crowded = True
        else:
            outbox.grow_again()
            self._crowded = False

    def _add(self, outbox: Outbox, rows: int) -> None:
        at = [self._now_ms - number // len(SENSORS) * 1_000 for number in range(rows)]
        samples = [
            Sample(SENSORS[number % len(SENSORS)], at_ms, self._chance.randint(-100, 900), 0, self._is_rare())
            for number, at_ms in enumerate(at)
        ]
        alarms = [self._alarm(outbox)] if self._is_rare() else []
        names: set[Name] = {(row.sensor, row.measured_at_ms, row.centi_celsius or 0) for row in samples}
        names |= {(f"alarm {alarm.alarm}", 0, 0) for alarm in alarms}
        if self._crowded:
            self._events.append(Said(Word.FORGETTING))
        self._events.append(Said(Word.OFFERED, frozenset(names)))
        try:
            outbox.add(Intake(rows=samples, alarms=alarms, marks={"watch": str(self._now_ms)}))
        except OutboxFull:
            self._events.append(Said(Word.REFUSED))
            return
        self._events.append(Said(Word.KEPT, calm=self._calm(outbox, samples)))
        self.kept += len(names)
        self._alarms += [(alarm.alarm, False) for alarm in alarms]

    def _calm(self, outbox: Outbox, samples: list[Sample]) -> dict[Name, Key]:
        """The readings just kept that may be thinned, by the sequence numbers that they were given."""
        query = "SELECT max(sequence) FROM item WHERE boot = ? AND kind = 'row'"
        last: int = outbox.change(lambda connection: connection.execute(query, (outbox.boot,)).fetchone()[0])
        numbered = enumerate(samples, start=last - len(samples) + 1)
        keys = {
            (row.sensor, row.measured_at_ms, row.centi_celsius or 0): (outbox.boot, number)
            for number, row in numbered
            if not row.notable
        }
        self._names |= {key: name for name, key in keys.items()}
        return keys

    def _acknowledge(self, outbox: Outbox) -> None:
        parcel = outbox.next_batch(self._now_ms)
        items = parcel.items if parcel else ()
        names: set[Name] = {(item.source, item.measured_at_ms, int(item.value or 0)) for item in items}
        for span in (item for item in items if item.kind == THINNED):
            names |= {self._names[key] for key in covered_by(span.body or b"")}
        alarms, self._alarms = self._alarms[:2], self._alarms[2:]
        names |= {(f"alarm {alarm}", 0, 0) for alarm, _ in alarms}
        self._events.append(Said(Word.SETTLING, frozenset(names)))
        if parcel:
            stored = ranges([item.sequence for item in items])
            outbox.apply_ack(Ack(gateway="gw-p", boot=parcel.boot, stored=stored))
        outbox.apply_alarm_ack(AlarmAck(gateway="gw-p", alarms=alarms))

    def _is_rare(self) -> bool:
        return self._chance.random() < RARE

    def _alarm(self, outbox: Outbox) -> DeviceAlarm:
        return DeviceAlarm(
            alarm=f"a{self._now_ms}",
            gateway="gw-p",
            boot=outbox.boot,
            sensor=SENSORS[0],
            kind=AlarmKind.FREEZE,
            began_at_ms=self._now_ms,
            fired_at_ms=self._now_ms,
            cleared_at_ms=None,
            extreme_centi_celsius=-60,
            limit_centi_celsius=-50,
            limit_minutes=60,
        )


@contextmanager
def unsynced() -> Iterator[None]:
    """Outboxes opened meanwhile leave out the sync at each commit: what the replay must find fault with."""
    connect = sqlite3.connect
    sqlite3.connect = partial(connect, factory=Careless)  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = connect


def _boot(folder: Path, files: dict[str, bytes], promises: Promises) -> list[str]:
    """Lays the found files down and boots the outbox on them."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return broken(folder / FILE, promises)


def _memory() -> Path | None:
    """Where files cost least; the model, not the place, decides what is durable."""
    return SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
