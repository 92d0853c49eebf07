"""The gateway's memory: everything stays until ingest or alerts says that it is durable.

One SQLite file, one lock; a sequence number is given in the transaction that inserts the item, and an item said before
is not taken again. Delivered items stay 60 days for the local page and for a server that asks again.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from edge_agent.outbox import aside, schema
from edge_agent.outbox import history as outbox_history
from edge_agent.outbox import resend as outbox_resend
from edge_agent.outbox import settling as outbox_settling
from edge_agent.outbox.bounds import BYTES_MAX, ROWS_MAX, Bound, Need, OutboxFull, Room, bytes_used, item_of
from edge_agent.outbox.file import OutboxFile
from edge_agent.outbox.intake import Given, Intake, insert, insert_alarms, oldest_ms
from edge_agent.outbox.parcel import Item, Key, Parcel, departs, pack
from edge_agent.settings.uplink import DepartureRule
from sheetal.contracts.clock import Clock, now_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from edge_agent.sample import DaySummaryDraft, Sample
    from sheetal.contracts.batch import Ack
    from sheetal.contracts.device_alarm import AlarmAck, DeviceAlarm

__all__ = ["BYTES_MAX", "DAY_MS", "ROWS_MAX", "Counts", "Intake", "Outbox", "OutboxFull"]

KEEP_DAYS = 60
DAY_MS = 86_400_000
FREE_AGAIN_SECONDS = 30.0
RESEND_PENDING_MAX = 10_000
"""While more waits, an order to send again is not carried on: it would only fill the outbox."""
REASON_COLUMN = 13
DEFAULT_RULE = DepartureRule()
T = TypeVar("T")

_FRESH = """
SELECT * FROM item INDEXED BY item_by_state
WHERE state = 0 AND measured_at_ms >= ? ORDER BY measured_at_ms DESC LIMIT ?
"""
_BACKLOG = """
SELECT * FROM item INDEXED BY item_by_state
WHERE state = 0 AND measured_at_ms < ? ORDER BY measured_at_ms, boot, sequence LIMIT ?
"""
_ALARMS = """
SELECT alarm, cleared, body FROM alarm WHERE settled_at_ms IS NULL ORDER BY added_at_ms, alarm, cleared LIMIT ?
"""
_REFUSED = "SELECT count(*) FROM item WHERE state = 2"
_COUNT = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"


class Counts(NamedTuple):
    """How full the outbox is, and what its bounds have ever cost.

    `thinned` readings stand in spans now, `dropped` values are gone, `intakes_refused` were not kept.
    """

    pending: int
    delivered: int
    refused: int
    alarms_pending: int
    dropped: int
    thinned: int = 0
    intakes_refused: int = 0
    bytes: int = 0


class _Tally(NamedTuple):
    """How many items there are; those that wait for their instant are pending too."""

    pending: int = 0
    delivered: int = 0
    refused: int = 0


class Outbox:
    """The outbox in one file; every method may be called from any thread.

    Beyond its bounds goes what `bounds` decides. Raises SettingProblem when the file cannot be opened. Methods
    raise sqlite3.Error when the disk fails; nothing has changed then, and the file is opened anew for the next call.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = now_ms,
        rows_max: int = ROWS_MAX,
        bytes_max: int = BYTES_MAX,
        keep_days: int = KEEP_DAYS,
    ) -> None:
        self._clock = clock
        self._keep_ms = keep_days * DAY_MS
        self._file = OutboxFile(path, self._learn)
        self.boot = self._file.boot
        self._sequence = 0
        self._tally = _Tally()
        self._learn(self._connection)
        self._room = Room(Bound(rows_max, bytes_max))
        self._crowded = True
        self._freed_seconds = -FREE_AGAIN_SECONDS
        self._on_way: Collection[Key] = frozenset()
        self._at_once_through = 0
        self._intakes_refused = 0
        self._resending = outbox_resend.is_standing(self._connection)

    def close(self) -> None:
        """Closes the file; nothing is lost by not doing so."""
        self._file.close()

    # Keep

    def add(self, intake: Intake) -> int:
        """Commits the intake to the disk; returns how many items are new. A repeated item is not new.

        Raises OutboxFull where the bound leaves no room; nothing of the intake is kept then.
        """
        at_ms = self._clock()
        earliest_ms = oldest_ms(intake)
        with self._file.lock:
            if self._crowded and (earliest_ms is not None or intake.alarms):
                self._make_room(at_ms, urgent=bool(intake.alarms))
            with self._transaction() as connection:
                added = insert(connection, intake, Given(self.boot, self._sequence, at_ms - intake.held_ms))
                insert_alarms(connection, intake.alarms, at_ms)
                if intake.marks:
                    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(intake.marks.items()))
                self._sequence += added
                self._move(pending=added)
                self._crowded = not self._room.holds(connection, sum(self._tally))
            if earliest_ms is not None:
                self._room.look_from(earliest_ms)
            if intake.at_once:
                self._at_once_through = self._sequence
        return added

    def add_rows(self, rows: Sequence[Sample]) -> int:
        """Commits samples; returns how many are new."""
        return self.add(Intake(rows=rows))

    def add_days(self, days: Sequence[DaySummaryDraft]) -> int:
        """Commits day summaries; returns how many are new."""
        return self.add(Intake(days=days))

    def change(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Runs one step in a transaction of its own; it may place items or put them aside, but adds and takes none."""
        with self._transaction() as connection:
            (before,) = connection.execute(_REFUSED).fetchone()
            found = step(connection)
            refused = connection.execute(_REFUSED).fetchone()[0] - before
            self._move(pending=-refused, refused=refused)
        self._room.look_everywhere()
        return found

    def mark(self, name: str) -> str | None:
        """What `Intake.marks` last said under this name."""
        with self._file.lock:
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

        The caller remembers what is in flight; here it only means that a full outbox does not thin it.
        """
        fresh_from_ms = at_ms - rule.fresh_ms
        fresh = self._select(_FRESH, fresh_from_ms, in_flight, rule.items_max)
        parcel = None
        if any(map(self._is_wanted_at_once, fresh)) or departs(fresh, at_ms, rule):
            newest_boot = max(item.boot for item in fresh)
            ready = sorted((item for item in fresh if item.boot == newest_boot), key=lambda item: item.sequence)
            parcel = pack(ready, history=False, items_max=rule.items_max)
        elif backlog:
            old = self._select(_BACKLOG, fresh_from_ms, in_flight, rule.items_max)
            parcel = pack(old, history=True, items_max=rule.items_max)
        self._on_way = {*in_flight, *(parcel.keys if parcel else ())}
        return parcel

    def next_alarms(self, limit: int, in_flight: Collection[tuple[str, bool]] = frozenset()) -> list[DeviceAlarm]:
        """Unacknowledged alarms, oldest first, without those in flight."""
        with self._file.lock:
            found = self._connection.execute(_ALARMS, (limit + len(in_flight),)).fetchall()
        alarms = aside.sift_alarms(found, self.change)
        return [a for a in alarms if (a.alarm, a.cleared_at_ms is not None) not in in_flight][:limit]

    def resend(self, from_ms: int, until_ms: int, settled_from_ms: int = 0) -> int:
        """Lets what was settled go again, by the half-open span of its measuring; returns how many items there are.

        They become pending a few thousand at a time (`carry_on`) and then go as backlog, at its pace.
        """
        return self._order(
            lambda conn: outbox_resend.order(conn, outbox_resend.Order(from_ms, until_ms, settled_from_ms))
        )

    def resend_ranges(self, wanted: Sequence[outbox_resend.Range]) -> int:
        """As `resend`, by boot and sequence; raises ValueError when too many ranges stand already."""
        return self._order(lambda conn: outbox_resend.order_ranges(conn, wanted))

    def _order(self, order: Callable[[sqlite3.Connection], int]) -> int:
        with self._transaction() as connection:
            items = order(connection)
        self._resending = True
        self.carry_on()
        return items

    def carry_on(self) -> None:
        """One step of what `resend` began; nothing while enough waits."""
        if not self._resending or self._tally.pending > RESEND_PENDING_MAX:
            return
        with self._transaction() as connection:
            revived = outbox_resend.carry_on(connection)
            self._move(pending=sum(revived), delivered=-revived.delivered, refused=-revived.refused)
            standing = outbox_resend.is_standing(connection)
        self._resending = standing
        self._room.look_everywhere()

    # Settle

    def apply_ack(self, ack: Ack) -> int:
        """Settles exactly the named ranges; returns how many items changed.

        Any order and any repetition of the same acks ends the same: stored by one worker wins over refused by another.
        A power cut may forget it: then the items are sent again, and ingest finds them stored.
        """
        with self._transaction(synced=False) as connection:
            delivered, forgiven, refused = outbox_settling.settle(connection, ack, self._clock())
            self._move(-delivered - refused, delivered + forgiven, refused - forgiven)
        return delivered + forgiven + refused

    def apply_alarm_ack(self, ack: AlarmAck) -> int:
        """Settles exactly the named alarm messages; returns how many changed."""
        with self._transaction() as connection:
            return outbox_settling.settle_alarms(connection, ack, self._clock())

    def prune(self) -> int:
        """Forgets what was settled longer ago than it is kept, a bounded number at a time; returns how many items.

        Items that were refused for a stamp from the future get another chance a day later.
        """
        at_ms = self._clock()
        before_ms = at_ms - self._keep_ms
        with self._transaction() as connection:
            delivered, refused = outbox_settling.forget(connection, before_ms)
            revived = outbox_resend.revive_future(connection, at_ms).refused
            self._move(revived, -delivered, -refused - revived)
        self._room.look_everywhere()
        return delivered + refused

    def free_space(self, *, urgent: bool = True) -> int:
        """For a full disk: folds the log, forgets some delivered items before their time, oldest first; how many.

        From then on the file does not grow: what comes takes the room of what `bounds` lets go. What is not
        `urgent` is tried twice a minute at most, since each try in vain writes as much as the log holds.
        """
        with self._file.lock:
            if not urgent and time.monotonic() - self._freed_seconds < FREE_AGAIN_SECONDS:
                return 0
            self._freed_seconds = time.monotonic()
            self._room.stay_within(bytes_used(self._connection))
            self._crowded = True
            self._file.checkpoint()
            with self._transaction() as connection:
                gone = outbox_settling.forget_early(connection)
                self._move(delivered=-gone)
            self._file.checkpoint()
        return gone

    def grow_again(self) -> None:
        """After a full disk: lets the file grow by half of what is free now, at most to the bounds of the settings.

        To be asked every few seconds. Raises sqlite3.Error or OSError.
        """
        with self._file.lock:
            if self._room.is_confined:
                self._room.stay_within(bytes_used(self._connection) + self._file.free_bytes() // 2)

    # Look

    def pending_count(self) -> int:
        """Items not yet known durable (refused ones are settled); alarms are in `counts`."""
        return self._tally.pending

    def refusals(self, limit: int = 100) -> list[tuple[Item, str]]:
        """Refused items, newest first, each with ingest's reason or `aside.UNREADABLE`; damaged alarms first."""
        query = "SELECT * FROM item WHERE state = 2 ORDER BY measured_at_ms DESC LIMIT ?"
        with self._file.lock:
            alarms = aside.alarms_aside(self._connection, limit)
            found = self._connection.execute(query, (limit - len(alarms),)).fetchall()
        return [*alarms, *((item_of(columns), str(columns[REASON_COLUMN])) for columns in found)]

    def refused_ranges(self) -> list[outbox_history.RefusedSpan]:
        """What ingest refused, grouped by boot, unbroken numbers and reason."""
        with self._file.lock:
            return outbox_history.refused_ranges(self._connection)

    def history(self, sensor: str, from_ms: int, until_ms: int, limit: int) -> list[outbox_history.Told]:
        """The newest `limit` readings of a half-open span, oldest first."""
        with self._file.lock:
            return outbox_history.history(self._connection, sensor, from_ms, until_ms, limit)

    def extremes(self, sensor: str, from_ms: int, until_ms: int) -> tuple[int, int] | None:
        """The lowest and the highest temperature of a half-open span, in centi-degrees."""
        with self._file.lock:
            return outbox_history.extremes(self._connection, sensor, from_ms, until_ms)

    def counts(self) -> Counts:
        """All counts at once."""
        with self._file.lock:
            tally = self._tally
            alarms, alarms_aside = aside.count_alarms(self._connection)
            ever = dict(
                self._connection.execute(
                    "SELECT name, value FROM meta WHERE name IN ('dropped', 'thinned', 'intakes_refused')"
                ).fetchall()
            )
            used = bytes_used(self._connection)
        return Counts(
            *tally._replace(refused=tally.refused + alarms_aside),
            alarms_pending=alarms,
            dropped=int(ever.get("dropped", 0)),
            thinned=int(ever.get("thinned", 0)),
            intakes_refused=int(ever.get("intakes_refused", 0)) + self._intakes_refused,
            bytes=used,
        )

    def _make_room(self, at_ms: int, *, urgent: bool) -> None:
        """In a transaction of its own, so that what could go has gone even where it was not enough."""
        with self._transaction() as connection:
            freed = self._room.make(connection, sum(self._tally), Need(self.boot, self._sequence, at_ms, self._on_way))
            self._sequence += freed.spans
            self._move(freed.spans - freed.thinned - freed.dropped, -freed.delivered, -freed.refused)
            counted = [("thinned", freed.thinned), ("dropped", freed.dropped)]
            connection.executemany(_COUNT, [(name, number) for name, number in counted if number])
            if self._room.holds(connection, sum(self._tally), urgent=urgent):
                return
            full = OutboxFull(sum(self._tally), bytes_used(connection), self._room.bound)
        self._intakes_refused += 1
        raise full

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._file.connection

    def _is_wanted_at_once(self, item: Item) -> bool:
        return item.boot == self.boot and item.sequence <= self._at_once_through

    def _select(self, query: str, bound_ms: int, without: Collection[Key], limit: int) -> list[Item]:
        with self._file.lock:
            found = self._connection.execute(query, (bound_ms, limit + len(without))).fetchall()
        items = [item_of(columns) for columns in found if columns[:2] not in without][:limit]
        return aside.sift(items, self.change, self._clock())

    def _move(self, pending: int = 0, delivered: int = 0, refused: int = 0) -> None:
        before = self._tally
        self._tally = _Tally(before.pending + pending, before.delivered + delivered, before.refused + refused)

    @contextmanager
    def _transaction(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        with self._file.lock:
            before = None
            try:
                with self._file.transaction(synced=synced) as connection:
                    before, changes = (self._tally, self._sequence), connection.total_changes
                    yield connection
                    # Only together with something else: a full outbox must not wear the flash by saying so.
                    if self._intakes_refused and connection.total_changes > changes:
                        connection.execute(_COUNT, ("intakes_refused", self._intakes_refused))
                        changes = -1
            except BaseException:
                if before is not None:
                    self._tally, self._sequence = before
                self._room.look_everywhere()
                raise
            if changes == -1:
                self._intakes_refused = 0

    def _learn(self, connection: sqlite3.Connection) -> None:
        """Counts what the file holds: at the start, and when a failed disk leaves open what its last commit did."""
        by_state = dict(connection.execute("SELECT state, count(*) FROM item GROUP BY state").fetchall())
        pending = by_state.get(schema.PENDING, 0) + by_state.get(schema.WAITING, 0)
        self._tally = _Tally(pending, by_state.get(schema.DELIVERED, 0), by_state.get(schema.REFUSED, 0))
        last = connection.execute("SELECT max(sequence) FROM item WHERE boot = ?", (self.boot,)).fetchone()[0]
        self._sequence = max(self._sequence, last or 0)
