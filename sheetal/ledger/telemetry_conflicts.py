"""Re-sends that contradict what is stored, kept within a bound that no gateway can fill alone.

As with dead letters, the gateways with the most give way, their oldest first, and what goes is counted in
`dead_letter_dropped`, under the reason `conflict`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sheetal.contracts.topics import gateway_of
from sheetal.ledger.bulk import Into, put, take_out
from sheetal.ledger.telemetry_letters import Old, Room, count_gone, to_let_go
from sheetal.ledger.telemetry_tables import conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from sheetal.ledger.telemetry import Conflict

CONFLICTS_MAX = 100_000
CHECKED_EVERY = 1_000
FREED_PART = 10
REASON = "conflict"

_NEW = Into(
    conflict,
    (
        "sensor_id",
        "measured_at_ms",
        "stored_centi_celsius",
        "offered_centi_celsius",
        "offered_quality",
        "boot",
        "sequence",
        "received_at_ms",
    ),
    ("sensor_id", "measured_at_ms", "boot", "sequence"),
)


def add_conflicts(conn: Connection, found: Sequence[Conflict], most: int = CONFLICTS_MAX) -> int:
    """Keep conflicting re-sends, each once; gives how many were new."""
    if not found:
        return 0
    before = _newest(conn)
    in_order = sorted(found, key=lambda one: (one.sensor_id, one.measured_at_ms, one.boot, one.sequence))
    new = put(conn, _NEW, [astuple(one) for one in in_order])
    if _newest(conn) // CHECKED_EVERY != before // CHECKED_EVERY:
        keep_within(conn, most, max(one.received_at_ms for one in found))
    return new


def keep_within(conn: Connection, most: int, now_ms: int) -> int:
    """Where less is free than may come until the next look, let go of more than that; gives how many went."""
    held = conn.execute(select(func.count()).select_from(conflict)).scalar_one()
    if held <= most - CHECKED_EVERY:
        return 0
    rows = conn.execute(select(conflict.c.id, conflict.c.sensor_id).order_by(conflict.c.id)).all()
    old = [Old(number, gateway_of(sensor), 0) for number, sensor in rows]
    gone = to_let_go(old, Room(max(most - max(most // FREED_PART, CHECKED_EVERY), 0), 0))
    taken = take_out(conn, conflict, gone, ("sensor_id",))
    count_gone(conn, Counter((gateway_of(sensor), REASON) for (sensor,) in taken), now_ms)
    return len(taken)


def _newest(conn: Connection) -> int:
    return conn.execute(select(func.max(conflict.c.id))).scalar_one() or 0
