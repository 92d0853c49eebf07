"""Settled items that become pending again: a restored server asks for what it lost, a wrong clock was put right.

An order is remembered in the file and carried out a bounded number at a time, in the order of measuring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    import sqlite3

ORDERS_MAX = 16
STEP_ITEMS = 5_000
DAY_MS = 86_400_000
FUTURE_STAMP = "future_stamp"
"""Ingest's reason for a stamp more than a day ahead of its own clock."""
MARK = "resend"

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
    WHERE state = ? AND measured_at_ms >= ? AND measured_at_ms < ?)
"""
_FUTURE_AGAIN = """
UPDATE item SET state = 0, settled_at_ms = NULL, reason = NULL
WHERE (boot, sequence) IN (SELECT boot, sequence FROM item INDEXED BY item_by_state
    WHERE state = 2 AND measured_at_ms < ? AND settled_at_ms <= ? AND reason = ? ORDER BY measured_at_ms LIMIT ?)
"""


class Order(NamedTuple):
    """A half-open span of measuring that is wanted again, from where on it was not yet done."""

    from_ms: int
    until_ms: int


class Revived(NamedTuple):
    """How many items are pending again, by what they were."""

    delivered: int = 0
    refused: int = 0

    def plus(self, other: Revived) -> Revived:
        """Both together."""
        return Revived(self.delivered + other.delivered, self.refused + other.refused)


_orders = msgspec.json.Decoder(list[Order])


def order(connection: sqlite3.Connection, wanted: Order) -> int:
    """Remembers the order; returns how many items it is about. Beyond a number of orders the first two become one."""
    standing = [*orders(connection), wanted]
    while len(standing) > ORDERS_MAX:
        one, other = standing[:2]
        standing[:2] = [Order(min(one.from_ms, other.from_ms), max(one.until_ms, other.until_ms))]
    _remember(connection, standing)
    return int(connection.execute(_COUNT, wanted).fetchone()[0])


def orders(connection: sqlite3.Connection) -> list[Order]:
    """What is still to be done."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (MARK,)).fetchone()
    return _orders.decode(row[0]) if row else []


def carry_on(connection: sqlite3.Connection) -> Revived:
    """One bounded step of the first order: at most about STEP_ITEMS of each kind, and all of one instant together."""
    first, *others = orders(connection)
    ends = [connection.execute(_STEP_END, (state, *first, STEP_ITEMS)).fetchone() for state in (1, 2)]
    end_ms = min([first.until_ms, *(max(row[0], first.from_ms + 1) for row in ends if row)])
    counts = [connection.execute(_AGAIN, (state, first.from_ms, end_ms)).rowcount for state in (1, 2)]
    left = [Order(end_ms, first.until_ms)] if end_ms < first.until_ms else []
    _remember(connection, [*left, *others])
    return Revived(*counts)


def revive_future(connection: sqlite3.Connection, at_ms: int) -> Revived:
    """Items refused a day ago or longer because they seemed to come from the future, and by this clock do not.

    A server whose clock was wrong takes them now; else they are refused again and tried the next day.
    """
    asked = (at_ms + DAY_MS, at_ms - DAY_MS, FUTURE_STAMP, STEP_ITEMS)
    return Revived(refused=connection.execute(_FUTURE_AGAIN, asked).rowcount)


def _remember(connection: sqlite3.Connection, standing: list[Order]) -> None:
    if standing:
        text = msgspec.json.encode(standing).decode()
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (MARK, text))
    else:
        connection.execute("DELETE FROM meta WHERE name = ?", (MARK,))
