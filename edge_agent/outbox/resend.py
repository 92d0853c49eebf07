"""Settled items that become pending again: a restored server asks for what it lost, a wrong clock was put right.

An order is remembered in the file and carried out a bounded number at a time: spans in the order of measuring, then
ranges of sequence numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

ORDERS_MAX = 16
RANGES_MAX = 256
STEP_ITEMS = 5_000
DAY_MS = 86_400_000
FUTURE_STAMP = "future_stamp"
"""Ingest's reason for a stamp more than a day ahead of its own clock."""
MARK = "resend"
RANGES_MARK = "resend_ranges"

_COUNT = """
SELECT count(*) FROM item INDEXED BY item_by_state
WHERE state IN (1, 2) AND measured_at_ms >= ? AND measured_at_ms < ?
"""
_STEP_END = """
SELECT measured_at_ms FROM item INDEXED BY item_by_state
WHERE state = ? AND measured_at_ms >= ? AND measured_at_ms < ? ORDER BY measured_at_ms LIMIT 1 OFFSET ?
"""
_AGAIN = """
UPDATE item SET state = 0, settled_at_ms = NULL, reason = NULL
WHERE (boot, sequence) IN (SELECT boot, sequence FROM item INDEXED BY item_by_state
    WHERE state = ? AND measured_at_ms >= ? AND measured_at_ms < ?) AND coalesce(settled_at_ms, 0) >= ?
"""
_RANGE_COUNT = "SELECT count(*) FROM item WHERE boot = ? AND sequence BETWEEN ? AND ? AND state < 3"
_RANGE_STEP_END = """
SELECT sequence FROM item WHERE boot = ? AND sequence BETWEEN ? AND ? ORDER BY sequence LIMIT 1 OFFSET ? - 1
"""
_RANGE_AGAIN = """
UPDATE item SET state = 0, settled_at_ms = NULL, reason = NULL
WHERE boot = ? AND sequence BETWEEN ? AND ? AND state = ?
"""
_FUTURE_AGAIN = """
UPDATE item SET state = 0, settled_at_ms = NULL, reason = NULL
WHERE (boot, sequence) IN (SELECT boot, sequence FROM item INDEXED BY item_by_state
    WHERE state = 2 AND measured_at_ms < ? AND settled_at_ms <= ? AND reason = ? ORDER BY measured_at_ms LIMIT ?)
"""


class Order(NamedTuple):
    """A half-open span of measuring that is wanted again, from where on it was not yet done.

    Only items that were settled at `settled_from_ms` or later are meant.
    """

    from_ms: int
    until_ms: int
    settled_from_ms: int = 0


class Range(NamedTuple):
    """Items of one boot that are wanted again by their numbers, both ends included."""

    boot: int
    first: int
    last: int


class Revived(NamedTuple):
    """How many items are pending again, by what they were."""

    delivered: int = 0
    refused: int = 0

    def plus(self, other: Revived) -> Revived:
        """Both together."""
        return Revived(self.delivered + other.delivered, self.refused + other.refused)


_orders = msgspec.json.Decoder(list[Order])
_ranges = msgspec.json.Decoder(list[Range])


def order(connection: sqlite3.Connection, wanted: Order) -> int:
    """Remembers the order; returns how many items the span holds, 0 where only late settled ones of it are meant.

    Beyond a number of orders the first two become one, which means all that either means.
    """
    standing = [*orders(connection), wanted]
    while len(standing) > ORDERS_MAX:
        one, other = standing[:2]
        ends = min(one.from_ms, other.from_ms), max(one.until_ms, other.until_ms)
        standing[:2] = [Order(*ends, min(one.settled_from_ms, other.settled_from_ms))]
    _remember(connection, MARK, standing)
    return 0 if wanted.settled_from_ms else int(connection.execute(_COUNT, wanted[:2]).fetchone()[0])


def order_ranges(connection: sqlite3.Connection, wanted: Sequence[Range]) -> int:
    """Remembers ranges; returns how many items of them there are, waiting ones too, so that 0 says that none is left.

    Raises ValueError when too many stand already; who asked asks again.
    """
    standing = list(dict.fromkeys([*ranges(connection), *wanted]))
    if len(standing) > RANGES_MAX:
        raise ValueError("busy with earlier orders")
    _remember(connection, RANGES_MARK, standing)
    return sum(int(connection.execute(_RANGE_COUNT, one).fetchone()[0]) for one in wanted)


def orders(connection: sqlite3.Connection) -> list[Order]:
    """Which spans are still to be done."""
    return _orders.decode(_remembered(connection, MARK))


def ranges(connection: sqlite3.Connection) -> list[Range]:
    """Which ranges are still to be done."""
    return _ranges.decode(_remembered(connection, RANGES_MARK))


def is_standing(connection: sqlite3.Connection) -> bool:
    """Whether anything is still to be done."""
    return bool(orders(connection) or ranges(connection))


def carry_on(connection: sqlite3.Connection) -> Revived:
    """One bounded step of the first order, spans before ranges."""
    standing = orders(connection)
    if standing:
        return _step_of_span(connection, standing)
    left = ranges(connection)
    return _step_of_range(connection, left) if left else Revived()


def _step_of_span(connection: sqlite3.Connection, standing: list[Order]) -> Revived:
    """At most about STEP_ITEMS of each kind, and all of one instant together."""
    first, *others = standing
    span = first[:2]
    ends = [connection.execute(_STEP_END, (state, *span, STEP_ITEMS)).fetchone() for state in (1, 2)]
    end_ms = min([first.until_ms, *(max(row[0], first.from_ms + 1) for row in ends if row)])
    done = (first.from_ms, end_ms, first.settled_from_ms)
    counts = [connection.execute(_AGAIN, (state, *done)).rowcount for state in (1, 2)]
    left = [first._replace(from_ms=end_ms)] if end_ms < first.until_ms else []
    _remember(connection, MARK, [*left, *others])
    return Revived(*counts)


def _step_of_range(connection: sqlite3.Connection, standing: list[Range]) -> Revived:
    """By items, not by numbers: a range of a billion numbers with a hundred items is one step."""
    first, *others = standing
    end = (connection.execute(_RANGE_STEP_END, (*first, STEP_ITEMS)).fetchone() or (first.last,))[0]
    counts = [connection.execute(_RANGE_AGAIN, (first.boot, first.first, end, state)).rowcount for state in (1, 2)]
    left = [first._replace(first=end + 1)] if end < first.last else []
    _remember(connection, RANGES_MARK, [*left, *others])
    return Revived(*counts)


def revive_future(connection: sqlite3.Connection, at_ms: int) -> Revived:
    """Items refused a day ago or longer because they seemed to come from the future, and by this clock do not.

    A server whose clock was wrong takes them now; else they are refused again and tried the next day.
    """
    asked = (at_ms + DAY_MS, at_ms - DAY_MS, FUTURE_STAMP, STEP_ITEMS)
    return Revived(refused=connection.execute(_FUTURE_AGAIN, asked).rowcount)


def _remembered(connection: sqlite3.Connection, mark: str) -> str:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (mark,)).fetchone()
    return str(row[0]) if row else "[]"


def _remember(connection: sqlite3.Connection, mark: str, standing: Sequence[Order | Range]) -> None:
    if standing:
        text = msgspec.json.encode(standing).decode()
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (mark, text))
    else:
        connection.execute("DELETE FROM meta WHERE name = ?", (mark,))
