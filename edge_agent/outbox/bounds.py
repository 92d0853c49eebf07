"""What goes when the outbox is full, in a decided order, and all of it counted (DESIGN section 9, edge.md section 9).

Delivered items go first, oldest first, then refused ones (ingest keeps those in its dead letter; what is unreadable
here stays). Then the oldest undelivered quarters of an hour are thinned (`thinning`), then ordinary aux values are
dropped. What is left by then are readings outside their limits, changes of state, day summaries, spans and the edges of
quarters: they are never dropped. New intake is refused instead.
"""

from __future__ import annotations

import logging
import sqlite3
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.outbox.parcel import QUARTER_MS, Item
from edge_agent.outbox.thinning import Thinned, span_item, thin

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from edge_agent.outbox.parcel import Key

_log = logging.getLogger(__name__)

ROWS_MAX = 2_000_000
"""285 MB at the measured 142 bytes an item; a month and a half of thirty probes at one a minute."""
BYTES_MAX = 512 * 1024 * 1024
TELL_MS = 3_600_000
HUNDREDTH = 100
STEP_ROWS_MAX = 5_000
STEP_BYTES = (64 * 1024, 1024 * 1024)
"""Room is made a hundredth at a time, at most so much: seldom, since it searches the table, but never so much that its
transaction fills the log; of bytes at least an intake's. The last such step is kept for intake that brings an alarm."""
CHUNK_ROWS = 2_000
SEARCH_AGAIN_MS = 600_000
"""How long a search that found nothing is believed, while nothing older came: it walks over all that must stay."""
ITEM_COLUMNS = len(Item._fields)

_DROP_SETTLED = """
DELETE FROM item WHERE (boot, sequence) IN
    (SELECT boot, sequence FROM item INDEXED BY item_by_state
     WHERE state = ? AND reason IS NOT 'unreadable' ORDER BY measured_at_ms LIMIT ?)
"""
_OLDEST_ORDINARY = """
SELECT measured_at_ms FROM item INDEXED BY item_by_state
WHERE state = 0 AND measured_at_ms >= ? AND notable = 0 AND kind IN ('row', 'aux') ORDER BY measured_at_ms LIMIT 1
"""
_QUARTER = """
SELECT * FROM item INDEXED BY item_by_state
WHERE state = 0 AND measured_at_ms >= ? AND measured_at_ms < ? AND kind IN ('row', 'aux')
ORDER BY kind, source, field, measured_at_ms, boot, sequence
"""
_ORDINARY_AUX = """
SELECT boot, sequence FROM item INDEXED BY item_by_state
WHERE state = 0 AND kind = 'aux' AND notable = 0 ORDER BY measured_at_ms LIMIT ?
"""
_FORGET = "DELETE FROM item WHERE boot = ? AND sequence = ?"
_NEW_SPAN = """
INSERT INTO item (
    boot, sequence, kind, source, field, measured_at_ms, value, quality, body, notable, added_at_ms
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class OutboxFull(sqlite3.Error):
    """The outbox is at its bound and holds nothing that may go; the intake was not kept and may be tried again."""

    def __init__(self, rows: int, size_bytes: int, bound: Bound) -> None:
        super().__init__(
            f"the outbox is full of what may not be dropped: {rows} items of {bound.rows_max}, "
            f"{size_bytes} bytes of {bound.bytes_max}"
        )
        self.rows = rows
        self.size_bytes = size_bytes
        self.bound = bound


class Bound(NamedTuple):
    """How much an outbox may hold."""

    rows_max: int = ROWS_MAX
    bytes_max: int = BYTES_MAX

    def less(self, steps: int) -> Bound:
        """A bound so many steps lower."""
        least, most = STEP_BYTES
        size_bytes = min(max(self.bytes_max // HUNDREDTH, min(least, self.bytes_max // 8)), most)
        rows = min(self.rows_max // HUNDREDTH, STEP_ROWS_MAX)
        return Bound(self.rows_max - steps * rows, self.bytes_max - steps * size_bytes)


class Need(NamedTuple):
    """Who makes room and when: spans get sequence numbers of `boot` after `sequence`; `on_way` stays as it is."""

    boot: int
    sequence: int
    at_ms: int
    on_way: Collection[Key]


class Freed(NamedTuple):
    """How many items went and why; `thinned` of them are now told by `spans` new ones."""

    delivered: int = 0
    refused: int = 0
    thinned: int = 0
    spans: int = 0
    dropped: int = 0

    @property
    def rows(self) -> int:
        """How many fewer items there are."""
        return self.delivered + self.refused + self.thinned + self.dropped - self.spans

    def plus(self, other: Freed) -> Freed:
        """Both together."""
        return Freed(*(one + another for one, another in zip(self, other, strict=True)))


class Room:
    """Makes room inside the caller's transaction; it remembers the bound and where there may be something to thin."""

    def __init__(self, bound: Bound) -> None:
        self._full = bound
        self._chunk_rows = min(CHUNK_ROWS, bound.rows_max // HUNDREDTH + 1)
        self._from_ms = 0
        self._searched_ms: dict[str, int] = {}
        self._told_ms = -TELL_MS
        self._set(bound)

    def _set(self, bound: Bound) -> None:
        self.bound = bound
        self._ordinary = bound.less(1)
        self._aim = bound.less(2)

    @property
    def is_confined(self) -> bool:
        """Whether the disk allows less than the settings."""
        return self.bound != self._full

    def stay_within(self, bytes_max: int) -> None:
        """The disk allows so much now, whatever the settings would."""
        self._set(Bound(self._full.rows_max, min(bytes_max, self._full.bytes_max)))

    def look_from(self, measured_at_ms: int) -> None:
        """Something as old as this became pending."""
        self._from_ms = min(self._from_ms, measured_at_ms)

    def look_everywhere(self) -> None:
        """What was learnt does not hold: a transaction was rolled back, or stamps changed."""
        self._from_ms = 0
        self._searched_ms.clear()

    def holds(self, connection: sqlite3.Connection, rows: int, *, urgent: bool = False) -> bool:
        """Whether another intake may come; an `urgent` one may take the last step."""
        return self._is_below(connection, rows, self.bound if urgent else self._ordinary)

    def make(self, connection: sqlite3.Connection, rows: int, need: Need) -> Freed:
        """Makes room of a step below the bound, as far as there is something that may go."""
        freed = Freed()
        if self.holds(connection, rows):
            return freed
        steps: list[Callable[[Need], Freed]] = [
            lambda _: Freed(delivered=connection.execute(_DROP_SETTLED, (1, self._chunk_rows)).rowcount),
            lambda _: Freed(refused=connection.execute(_DROP_SETTLED, (2, self._chunk_rows)).rowcount),
            lambda need: self._thin_a_quarter(connection, need),
            lambda need: self._drop_aux(connection, need),
        ]
        for step in steps:
            while not self._is_below(connection, rows - freed.rows, self._aim):
                more = step(need._replace(sequence=need.sequence + freed.spans))
                if more == Freed():
                    break
                freed = freed.plus(more)
        self._tell(freed, need.at_ms)
        return freed

    def _tell(self, freed: Freed, at_ms: int) -> None:
        """One line an hour at most: `counts` has the numbers."""
        if (freed.thinned or freed.dropped) and abs(at_ms - self._told_ms) >= TELL_MS:
            self._told_ms = at_ms
            _log.error("the outbox is full: the oldest readings inside their limits are thinned to spans of 15 min")

    def _is_below(self, connection: sqlite3.Connection, rows: int, bound: Bound) -> bool:
        if rows >= bound.rows_max:
            return False
        # Free pages need only be counted where the whole file is too large.
        return _file_bytes(connection) < bound.bytes_max or bytes_used(connection) < bound.bytes_max

    def _thin_a_quarter(self, connection: sqlite3.Connection, need: Need) -> Freed:
        """The oldest quarter wholly in the past that has something to let go; nothing when there is none."""
        while (start_ms := self._next_quarter(connection, need.at_ms)) is not None:
            self._from_ms = start_ms + QUARTER_MS
            freed = thin_quarter(connection, start_ms, need)
            if freed != Freed():
                return freed
        return Freed()

    def _next_quarter(self, connection: sqlite3.Connection, at_ms: int) -> int | None:
        row = connection.execute(_OLDEST_ORDINARY, (self._from_ms,)).fetchone()
        start_ms = at_ms if row is None else int(row[0]) - int(row[0]) % QUARTER_MS
        if start_ms + QUARTER_MS <= at_ms:
            return start_ms
        self._from_ms = at_ms - at_ms % QUARTER_MS
        if abs(at_ms - self._searched_ms.get("readings", -SEARCH_AGAIN_MS)) < SEARCH_AGAIN_MS:
            return None
        # What was on its way in the first search may have come back.
        self._searched_ms["readings"] = at_ms
        self._from_ms = 0
        return self._next_quarter(connection, at_ms)

    def _drop_aux(self, connection: sqlite3.Connection, need: Need) -> Freed:
        if abs(need.at_ms - self._searched_ms.get("aux", -SEARCH_AGAIN_MS)) < SEARCH_AGAIN_MS:
            return Freed()
        found = connection.execute(_ORDINARY_AUX, (self._chunk_rows + len(need.on_way),)).fetchall()
        gone = [key for key in found if key not in need.on_way][: self._chunk_rows]
        connection.executemany(_FORGET, gone)
        if not gone:
            self._searched_ms["aux"] = need.at_ms
        return Freed(dropped=len(gone))


def thin_quarter(connection: sqlite3.Connection, start_ms: int, need: Need) -> Freed:
    """Thins every sensor's undelivered readings and drops ordinary aux values of one quarter of an hour."""
    items = [item_of(columns) for columns in connection.execute(_QUARTER, (start_ms, start_ms + QUARTER_MS))]
    parts = [thin(list(group), need.on_way) for _, group in groupby(items, key=lambda item: item[2:5])]
    stretches = [stretch for part in parts for stretch in part.spans]
    connection.executemany(_FORGET, [item.key for part in parts for item in _gone(part)])
    new = [
        span_item(stretch, need.boot, need.sequence + number, need.at_ms)
        for number, stretch in enumerate(stretches, start=1)
    ]
    connection.executemany(_NEW_SPAN, new)
    return Freed(
        thinned=sum(map(len, stretches)), spans=len(stretches), dropped=sum(len(part.dropped) for part in parts)
    )


def bytes_used(connection: sqlite3.Connection) -> int:
    """The bytes of all pages that hold something, inside a transaction its own included; without the log."""
    return _file_bytes(connection) - _pragma(connection, "freelist_count") * _pragma(connection, "page_size")


def _file_bytes(connection: sqlite3.Connection) -> int:
    return _pragma(connection, "page_count") * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def item_of(columns: tuple[Any, ...]) -> Item:
    """An item from a row of its table."""
    return Item(*columns[:ITEM_COLUMNS])


def _gone(part: Thinned) -> list[Item]:
    return [*(item for stretch in part.spans for item in stretch), *part.dropped]
