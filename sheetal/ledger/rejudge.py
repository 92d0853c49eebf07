"""What must be judged again: marks on holdings (which close the gate) and on appliances.

A holding carries the number of its open marks in its own row, so that a dose and a mark meet on one row lock:
PostgreSQL re-reads only the row that a guarded UPDATE waited for, never the mark itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from sheetal.contracts.problem import NotFound
from sheetal.ledger.stock_tables import holding, rejudge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

PENDING_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Rejudge:
    """One mark: judge this holding, or everything in this appliance, again from an instant on."""

    id: int
    holding_id: str | None
    appliance_id: str | None
    from_ms: int
    marked_at_ms: int


def mark_holding(conn: Connection, holding_id: str, from_ms: int, now_ms: int) -> None:
    """Ask for a new verdict on a holding; its gate stays closed until the mark is cleared. Raises NotFound."""
    counted = update(holding).where(holding.c.id == holding_id).values(rejudges_open=holding.c.rejudges_open + 1)
    if conn.execute(counted).rowcount == 0:
        raise NotFound("no such holding", holding=holding_id)
    conn.execute(insert(rejudge).values(holding_id=holding_id, from_ms=from_ms, marked_at_ms=now_ms))


def mark_appliance(conn: Connection, appliance_id: str, from_ms: int, now_ms: int) -> None:
    """Ask for new verdicts on all that stood in an appliance; closes no gate."""
    conn.execute(insert(rejudge).values(appliance_id=appliance_id, from_ms=from_ms, marked_at_ms=now_ms))


def pending(conn: Connection, limit: int) -> list[Rejudge]:
    """The oldest marks first, at most 5,000."""
    query = select(rejudge).order_by(rejudge.c.id).limit(min(limit, PENDING_MAX))
    return [Rejudge(**row) for row in conn.execute(query).mappings()]


def clear(conn: Connection, ids: Sequence[int]) -> int:
    """Take away marks that have been judged; gives how many stood there. Marks made since stay."""
    gone = conn.execute(delete(rejudge).where(rejudge.c.id.in_(list(ids))).returning(rejudge.c.holding_id)).scalars()
    marks = list(gone)
    counts = Counter(holding_id for holding_id in marks if holding_id is not None)
    for holding_id in sorted(counts):
        fewer = holding.c.rejudges_open - counts[holding_id]
        conn.execute(update(holding).where(holding.c.id == holding_id).values(rejudges_open=fewer))
    return len(marks)
