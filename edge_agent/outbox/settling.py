"""What acks settle, and how settled items are forgotten in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.outbox import schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from sheetal.contracts.batch import Ack
    from sheetal.contracts.device_alarm import AlarmAck

FORGOTTEN_MAX = 20_000
FREED_MAX = 2_000
INTEGER_MAX = 2**63 - 1

_SETTLE = """
UPDATE item SET state = ?, settled_at_ms = ?, reason = ?
WHERE boot = ? AND sequence BETWEEN ? AND ? AND state = ?
"""
_FORGET = """
DELETE FROM item WHERE (boot, sequence) IN (SELECT boot, sequence FROM item INDEXED BY item_by_state
    WHERE state = ?1 AND measured_at_ms < ?2 AND settled_at_ms < ?2 AND reason IS NOT 'unreadable' LIMIT ?3)
"""
"""Nobody else has what the gateway itself found unreadable (`aside.UNREADABLE`), so that stays."""
_FORGET_EARLY = """
DELETE FROM item WHERE (boot, sequence) IN (SELECT boot, sequence FROM item INDEXED BY item_by_state
    WHERE state = 1 ORDER BY measured_at_ms LIMIT ?)
"""


class Settled(NamedTuple):
    """How many items changed: newly stored, stored after another worker refused them, newly refused."""

    delivered: int
    forgiven: int
    refused: int


def settle(connection: sqlite3.Connection, ack: Ack, at_ms: int) -> Settled:
    """Settles exactly the named ranges. Stored by one worker wins over refused by another, in any order."""
    stored = [(schema.DELIVERED, at_ms, None, ack.boot, *_bounded(*span)) for span in ack.stored]
    refused = [(schema.REFUSED, at_ms, r.reason, ack.boot, *_bounded(r.first, r.last)) for r in ack.refused]
    delivered = _settle(connection, stored, schema.PENDING)
    forgiven = _settle(connection, stored, schema.REFUSED)
    return Settled(delivered, forgiven, _settle(connection, refused, schema.PENDING))


def settle_alarms(connection: sqlite3.Connection, ack: AlarmAck, at_ms: int) -> int:
    """Settles exactly the named alarm messages; returns how many changed."""
    changed = connection.executemany(
        "UPDATE alarm SET settled_at_ms = ? WHERE alarm = ? AND cleared = ? AND settled_at_ms IS NULL",
        [(at_ms, alarm, cleared) for alarm, cleared in ack.alarms],
    ).rowcount
    return max(changed, 0)


def forget(connection: sqlite3.Connection, before_ms: int) -> tuple[int, int]:
    """Forgets a bounded number of items and alarms settled before; returns how many delivered and refused items."""
    connection.execute("DELETE FROM alarm WHERE settled_at_ms < ?", (before_ms,))
    return (
        connection.execute(_FORGET, (schema.DELIVERED, before_ms, FORGOTTEN_MAX)).rowcount,
        connection.execute(_FORGET, (schema.REFUSED, before_ms, FORGOTTEN_MAX)).rowcount,
    )


def forget_early(connection: sqlite3.Connection) -> int:
    """Forgets some delivered items before their time, oldest first; returns how many."""
    return connection.execute(_FORGET_EARLY, (FREED_MAX,)).rowcount


def _settle(connection: sqlite3.Connection, ranges: Sequence[tuple[object, ...]], state: int) -> int:
    if not ranges:
        return 0
    return connection.executemany(_SETTLE, [(*one, state) for one in ranges]).rowcount


def _bounded(first: int, last: int) -> tuple[int, int]:
    return max(first, 0), min(last, INTEGER_MAX)
