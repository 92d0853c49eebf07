"""The gateway's memory: everything stays until ingest or alerts says that it is durable.

One SQLite file, one lock; a sequence number is given in the transaction that inserts the item, and an item said before
is not taken again. Delivered items stay 60 days for the local page.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from edge_agent import outbox_schema as schema
from edge_agent.parcel import AUX, DAY, ROW, DepartureRule, Item, Key, Parcel, day_body, departs, pack
from sheetal.contracts.clock import Clock, now_ms
from sheetal.contracts.device_alarm import DeviceAlarm

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from edge_agent.sample import AuxSample, DaySummaryDraft, Sample
    from sheetal.contracts.batch import Ack
    from sheetal.contracts.device_alarm import AlarmAck

_log = logging.getLogger(__name__)

ROWS_MAX = 2_000_000
"""Half a gigabyte at the measured 260 bytes an item with its indexes; a month of twenty probes at one a minute."""
KEEP_DAYS = 60
DAY_MS = 86_400_000
PRUNE_ITEMS_MAX = 20_000
INTEGER_MAX = 2**63 - 1
ITEM_COLUMNS = len(Item._fields)
REASON_COLUMN = 13
DEFAULT_RULE = DepartureRule()
T = TypeVar("T")

_NEW = """
INSERT INTO item (
    boot, sequence, kind, source, field, measured_at_ms, value, quality, body, notable, added_at_ms, state, monotonic_ms
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NEW_UNLESS_SAID = """
INSERT INTO item (
    boot, sequence, kind, source, field, measured_at_ms, value, quality, body, notable, added_at_ms, state, monotonic_ms
) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 WHERE NOT EXISTS (
    SELECT 1 FROM item WHERE source = ?4 AND measured_at_ms = ?6 AND field = ?5 AND value IS ?7 AND quality = ?8)
"""
_FRESH = """
SELECT * FROM item INDEXED BY item_by_state
WHERE state = 0 AND measured_at_ms >= ? ORDER BY measured_at_ms DESC LIMIT ?
"""
_BACKLOG = """
SELECT * FROM item INDEXED BY item_by_state
WHERE state = 0 AND measured_at_ms < ? ORDER BY measured_at_ms, boot, sequence LIMIT ?
"""
_STORED = """
UPDATE item SET state = 1, settled_at_ms = ?, reason = NULL
WHERE boot = ? AND sequence BETWEEN ? AND ? AND state IN (0, 2)
"""
_REFUSED = """
UPDATE item SET state = 2, settled_at_ms = ?, reason = ?
WHERE boot = ? AND sequence BETWEEN ? AND ? AND state = 0
"""
_PRUNE = """
DELETE FROM item WHERE (boot, sequence) IN
    (SELECT boot, sequence FROM item WHERE state IN (1, 2) AND measured_at_ms < ?1 AND settled_at_ms < ?1 LIMIT ?2)
"""
_DROP_SETTLED = """
DELETE FROM item WHERE (boot, sequence) IN
    (SELECT boot, sequence FROM item WHERE state IN (1, 2) ORDER BY boot, sequence LIMIT ?)
"""
_DROP_ORDINARY = """
DELETE FROM item WHERE (boot, sequence) IN
    (SELECT boot, sequence FROM item WHERE state = 0 AND notable = 0 ORDER BY boot, sequence LIMIT ?)
"""
_COUNT_DROPPED = """
INSERT INTO meta VALUES ('dropped', ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value
"""


class Intake(NamedTuple):
    """What one moment brings: committed together or not at all. `marks` are small facts to remember by name."""

    rows: Sequence[Sample] = ()
    aux: Sequence[AuxSample] = ()
    days: Sequence[DaySummaryDraft] = ()
    alarms: Sequence[DeviceAlarm] = ()
    marks: Mapping[str, str] = {}


class Counts(NamedTuple):
    """How full the outbox is; `dropped` counts what the hard cap has ever cost."""

    pending: int
    delivered: int
    refused: int
    alarms_pending: int
    dropped: int


class Outbox:
    """The outbox in one file; every method may be called from any thread.

    `rows_max` is the hard cap: beyond it settled items go first, then the oldest undelivered ones inside their
    limits, counted; items outside limits, changes of state, day summaries and alarms are never dropped.
    Raises SettingProblem when the file cannot be opened. Methods raise sqlite3.Error when the disk fails.
    """

    def __init__(
        self, path: Path, *, clock: Clock = now_ms, rows_max: int = ROWS_MAX, keep_days: int = KEEP_DAYS
    ) -> None:
        self._clock = clock
        self._rows_max = rows_max
        self._keep_ms = keep_days * DAY_MS
        self._lock = threading.Lock()
        self._connection = schema.open_file(path)
        self.boot = schema.begin_boot(self._connection)
        self._sequence = 0
        self._count = int(self._one("SELECT count(*) FROM item"))

    def close(self) -> None:
        """Closes the file; nothing is lost by not doing so."""
        with self._lock:
            self._connection.close()

    # Keep

    def add(self, intake: Intake) -> int:
        """Commits the intake to the disk; returns how many items are new. A repeated item is not new."""
        at_ms = self._clock()
        entries = [*map(_of_row, intake.rows), *map(_of_aux, intake.aux), *map(_of_day, intake.days)]
        with self._transaction() as connection:
            sequence = self._sequence
            for entry, local, monotonic_ms in entries:
                state = schema.PENDING if monotonic_ms is None else schema.WAITING
                values = (self.boot, sequence + 1, *entry, at_ms, state, monotonic_ms)
                sequence += connection.execute(_NEW if local else _NEW_UNLESS_SAID, values).rowcount
            connection.executemany(
                "INSERT OR IGNORE INTO alarm (alarm, cleared, body, added_at_ms) VALUES (?, ?, ?, ?)",
                [(a.alarm, a.cleared_at_ms is not None, msgspec.json.encode(a), at_ms) for a in intake.alarms],
            )
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(intake.marks.items()))
            added = sequence - self._sequence
            self._sequence = sequence
            self._count += added
            self._keep_below_the_cap(connection)
        return added

    def add_rows(self, rows: Sequence[Sample]) -> int:
        """Commits samples; returns how many are new."""
        return self.add(Intake(rows=rows))

    def add_days(self, days: Sequence[DaySummaryDraft]) -> int:
        """Commits day summaries; returns how many are new."""
        return self.add(Intake(days=days))

    def change(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Runs one step in a transaction of its own; it must leave the number of items as it is."""
        with self._transaction() as connection:
            return step(connection)

    def mark(self, name: str) -> str | None:
        """What `Intake.marks` last said under this name."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    # Send

    def next_batch(
        self,
        at_ms: int,
        rule: DepartureRule = DEFAULT_RULE,
        in_flight: Collection[Key] = frozenset(),
        *,
        backlog: bool = True,
    ) -> Parcel | None:
        """What goes next: fresh items once they are due, else the oldest backlog; None where nothing is ready.

        Nothing changes here: the caller remembers what is in flight.
        """
        fresh_from_ms = at_ms - rule.fresh_ms
        fresh = self._select(_FRESH, fresh_from_ms, in_flight, rule.items_max)
        if departs(fresh, at_ms, rule):
            newest_boot = max(item.boot for item in fresh)
            ready = sorted((item for item in fresh if item.boot == newest_boot), key=lambda item: item.sequence)
            return pack(ready, history=False, items_max=rule.items_max)
        if not backlog:
            return None
        old = self._select(_BACKLOG, fresh_from_ms, in_flight, rule.items_max)
        return pack(old, history=True, items_max=rule.items_max)

    def next_alarms(self, limit: int, in_flight: Collection[tuple[str, bool]] = frozenset()) -> list[DeviceAlarm]:
        """Unacknowledged alarms, oldest first, without those in flight."""
        with self._lock:
            found = self._connection.execute(
                "SELECT body FROM alarm WHERE settled_at_ms IS NULL ORDER BY added_at_ms, alarm, cleared LIMIT ?",
                (limit + len(in_flight),),
            ).fetchall()
        alarms = [msgspec.json.decode(body, type=DeviceAlarm) for (body,) in found]
        return [a for a in alarms if (a.alarm, a.cleared_at_ms is not None) not in in_flight][:limit]

    # Settle

    def apply_ack(self, ack: Ack) -> int:
        """Settles exactly the named ranges; returns how many items changed.

        Any order and any repetition of the same acks ends the same: stored by one worker wins over refused by another.
        """
        at_ms = self._clock()
        with self._transaction() as connection:
            changed = connection.executemany(
                _STORED,
                [(at_ms, ack.boot, max(first, 0), min(last, INTEGER_MAX)) for first, last in ack.stored],
            ).rowcount
            refused = connection.executemany(
                _REFUSED,
                [(at_ms, r.reason, ack.boot, max(r.first, 0), min(r.last, INTEGER_MAX)) for r in ack.refused],
            ).rowcount
        return max(changed, 0) + max(refused, 0)

    def apply_alarm_ack(self, ack: AlarmAck) -> int:
        """Settles exactly the named alarm messages; returns how many changed."""
        at_ms = self._clock()
        with self._transaction() as connection:
            changed = connection.executemany(
                "UPDATE alarm SET settled_at_ms = ? WHERE alarm = ? AND cleared = ? AND settled_at_ms IS NULL",
                [(at_ms, alarm, cleared) for alarm, cleared in ack.alarms],
            ).rowcount
        return max(changed, 0)

    def prune(self) -> int:
        """Forgets what was settled longer ago than it is kept, a bounded number at a time; returns how many items."""
        before_ms = self._clock() - self._keep_ms
        with self._transaction() as connection:
            gone = connection.execute(_PRUNE, (before_ms, PRUNE_ITEMS_MAX)).rowcount
            connection.execute("DELETE FROM alarm WHERE settled_at_ms < ?", (before_ms,))
            self._count -= gone
        return gone

    def free_space(self) -> int:
        """Forgets a bounded number of settled items before their time, oldest first; for a full disk."""
        with self._transaction() as connection:
            gone = connection.execute(_DROP_SETTLED, (PRUNE_ITEMS_MAX,)).rowcount
            self._count -= gone
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    # Look

    def pending_count(self) -> int:
        """Items not yet known durable (refused ones are settled); alarms are in `counts`."""
        with self._lock:
            return int(self._one("SELECT count(*) FROM item WHERE state IN (0, 3)"))

    def refusals(self, limit: int = 100) -> list[tuple[Item, str]]:
        """Refused items, newest first, each with ingest's reason."""
        query = "SELECT * FROM item WHERE state = 2 ORDER BY boot DESC, sequence DESC LIMIT ?"
        with self._lock:
            found = self._connection.execute(query, (limit,)).fetchall()
        return [(_item(columns), str(columns[REASON_COLUMN])) for columns in found]

    def counts(self) -> Counts:
        """All counts at once."""
        with self._lock:
            by_state = dict(self._connection.execute("SELECT state, count(*) FROM item GROUP BY state").fetchall())
            alarms = int(self._one("SELECT count(*) FROM alarm WHERE settled_at_ms IS NULL"))
            dropped = self._connection.execute("SELECT value FROM meta WHERE name = 'dropped'").fetchone()
        return Counts(
            pending=by_state.get(schema.PENDING, 0) + by_state.get(schema.WAITING, 0),
            delivered=by_state.get(schema.DELIVERED, 0),
            refused=by_state.get(schema.REFUSED, 0),
            alarms_pending=alarms,
            dropped=int(dropped[0]) if dropped else 0,
        )

    def _select(self, query: str, bound_ms: int, without: Collection[Key], limit: int) -> list[Item]:
        found: list[Item] = []
        with self._lock:
            for columns in self._connection.execute(query, (bound_ms, limit + len(without))):
                item = _item(columns)
                if item.key not in without:
                    found.append(item)
                    if len(found) == limit:
                        break
        return found

    def _keep_below_the_cap(self, connection: sqlite3.Connection) -> None:
        if self._count <= self._rows_max:
            return
        # A hundredth at a time, so that a full outbox does not search its whole table for each new reading.
        missing = self._count - self._rows_max + self._rows_max // 100
        gone = connection.execute(_DROP_SETTLED, (missing,)).rowcount
        dropped = connection.execute(_DROP_ORDINARY, (missing - gone,)).rowcount if gone < missing else 0
        self._count -= gone + dropped
        if dropped:
            connection.execute(_COUNT_DROPPED, (dropped,))
            _log.error("the outbox is full: dropped %d of the oldest readings inside their limits", dropped)

    def _one(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            count = self._count
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._count = count
                # A full disk has already rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _item(columns: tuple[Any, ...]) -> Item:
    return Item(*columns[:ITEM_COLUMNS])


_Entry = tuple[str, str, str, int, float | None, int, bytes | None, bool]


def _of_row(row: Sample) -> tuple[_Entry, bool, int | None]:
    entry = ROW, row.sensor, "", row.measured_at_ms, row.centi_celsius, int(row.quality), None, row.notable
    return entry, row.local, row.monotonic_ms


def _of_aux(aux: AuxSample) -> tuple[_Entry, bool, int | None]:
    entry = AUX, aux.source, aux.field, aux.measured_at_ms, float(aux.value), 0, None, aux.notable
    return entry, aux.local, aux.monotonic_ms


def _of_day(day: DaySummaryDraft) -> tuple[_Entry, bool, int | None]:
    body = day_body(day)
    field = f"day {hashlib.sha256(body).hexdigest()[:32]}"
    return (DAY, day.sensor, field, day.ends_at_ms, None, 0, body, True), False, None
