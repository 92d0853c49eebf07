"""Hourly values of readings that are about to expire, for writing: by ingest alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, delete, select

from sheetal.ledger.lasting_tables import hour_rollup
from sheetal.ledger.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from sheetal.ledger.rollups import HourRollup
    from sheetal.ledger.upsert import Excluded

ROWS_A_STATEMENT = 1_000
_MEANS = ("n", "centi_celsius_mean", "centi_celsius_first", "centi_celsius_last")


def put_rollups(conn: Connection, hours: Sequence[HourRollup]) -> int:
    """Keep hours; of one that is there already the fuller stays, and its extremes hold both.

    So an hour may be put again, whole or as stragglers that came after its readings had gone. Gives how many there are.
    """
    rows = [hour._asdict() for hour in sorted(hours)]
    for first in range(0, len(rows), ROWS_A_STATEMENT):
        upsert(conn, hour_rollup, rows[first : first + ROWS_A_STATEMENT], changes=_fuller)
    return len(rows)


def forget_rollups(conn: Connection, before_ms: int, limit: int) -> int:
    """Forget at most so many hours that began before an instant, the oldest first; gives how many."""
    table = hour_rollup.c
    oldest = select(table.sensor_id, table.hour_ms).where(table.hour_ms < before_ms).order_by(table.hour_ms)
    keys = conn.execute(oldest.limit(limit)).all()
    if not keys:
        return 0
    # Whole hours go, so that one statement by the index does it.
    return conn.execute(delete(hour_rollup).where(table.hour_ms <= keys[-1].hour_ms)).rowcount


def _fuller(excluded: Excluded) -> dict[str, object]:
    table = hour_rollup.c
    changes: dict[str, object] = {
        name: case((excluded["n"] >= table.n, excluded[name]), else_=table[name]) for name in _MEANS
    }
    low, high = "centi_celsius_min", "centi_celsius_max"
    changes[low] = case((excluded[low] < table[low], excluded[low]), else_=table[low])
    changes[high] = case((excluded[high] > table[high], excluded[high]), else_=table[high])
    return changes
