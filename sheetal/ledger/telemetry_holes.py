"""Holes in a boot's numbers that stay open: which are to be asked for now, and which were asked for in vain.

A gateway sends again by itself until it is answered, so a hole that stays is one whose rows it took for settled: it is
asked to send those numbers again, a few times with growing pauses. Then the hole counts as lost, until it is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, case, delete, func, or_, select

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.ledger.telemetry_tables import resend_request, sequence_range
from sheetal.ledger.upsert import replacing, upsert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

PATIENCE_MS = 5 * MINUTE_MS
"""A gateway sends again by itself within seconds; a hole that stays open this long is asked for."""
PAUSES_MS = (30 * MINUTE_MS, 2 * HOUR_MS, 8 * HOUR_MS, DAY_MS, DAY_MS)
"""After each time of asking; a hole that is open after the last is lost, unless it fills all the same."""
TIMES_MAX = len(PAUSES_MS)
LATER_MS = 30 * MINUTE_MS
"""When a hole is thought of again whose gateway could not be asked."""

_TIMES = func.max(resend_request.c.times)
_ASKED_AT = func.max(resend_request.c.asked_at_ms)


class Hole(NamedTuple):
    """Numbers of one boot that never came, how often they were asked for, and since when they are missing."""

    gateway_id: str
    boot: int
    first_sequence: int
    last_sequence: int
    missing_since_ms: int
    times: int = 0
    asked_at_ms: int | None = None

    def is_lost(self, now_ms: int) -> bool:
        """Whether it was asked for as often as it ever is, and the last pause is over."""
        return self.times >= TIMES_MAX and self.asked_at_ms is not None and self.asked_at_ms + PAUSES_MS[-1] <= now_ms


def holes_due(conn: Connection, now_ms: int, limit: int) -> list[Hole]:
    """Holes that have stayed open and are to be asked for now, the longest open first."""
    pause = case(dict(enumerate(PAUSES_MS, start=1)), value=_TIMES, else_=LATER_MS)
    is_due = or_(_TIMES.is_(None), and_(_TIMES < TIMES_MAX, _ASKED_AT + pause <= now_ms))
    query = _holes().where(sequence_range.c.missing_since_ms <= now_ms - PATIENCE_MS).having(is_due)
    return _found(conn, query, limit)


def lost_holes(conn: Connection, now_ms: int, limit: int, gateway_id: str | None = None) -> list[Hole]:
    """Holes that were asked for as often as they ever are and that nothing has filled, the longest open first."""
    query = _holes().having(and_(_TIMES >= TIMES_MAX, _ASKED_AT + PAUSES_MS[-1] <= now_ms))
    if gateway_id is not None:
        query = query.where(sequence_range.c.gateway_id == gateway_id)
    return _found(conn, query, limit)


def note_asked(conn: Connection, holes: Sequence[Hole], now_ms: int, more: int = 1) -> None:
    """Remember that holes were asked for; with `more` 0 only that they were thought of.

    A hole that was filled in part keeps the count of the whole, also where not all that is left is noted now.
    """
    for hole in holes:
        rest = _beyond(conn, hole)
        conn.execute(delete(resend_request).where(_overlaps(hole)))
        rows = [*rest, {**_key(hole), "asked_at_ms": now_ms, "times": hole.times + more}]
        upsert(conn, resend_request, rows, changes=replacing("last_sequence", "asked_at_ms", "times"))


def forget_filled(conn: Connection) -> int:
    """Forget requests in whose place no number is missing any more; gives how many."""
    stands = (
        select(sequence_range.c.gateway_id)
        .where(
            sequence_range.c.gateway_id == resend_request.c.gateway_id,
            sequence_range.c.boot == resend_request.c.boot,
            sequence_range.c.missing > 0,
            sequence_range.c.first_sequence > resend_request.c.first_sequence,
            sequence_range.c.first_sequence - sequence_range.c.missing <= resend_request.c.last_sequence,
        )
        .exists()
    )
    return conn.execute(delete(resend_request).where(~stands)).rowcount


def _key(hole: Hole) -> dict[str, object]:
    return {name: getattr(hole, name) for name in ("gateway_id", "boot", "first_sequence", "last_sequence")}


def _beyond(conn: Connection, hole: Hole) -> list[dict[str, object]]:
    """What requests that this hole was part of say of the numbers before and behind it."""
    rest: list[dict[str, object]] = []
    for row in conn.execute(select(*resend_request.columns).where(_overlaps(hole))).mappings():
        if row["first_sequence"] < hole.first_sequence:
            rest.append({**row, "last_sequence": hole.first_sequence - 1})
        if row["last_sequence"] > hole.last_sequence:
            rest.append({**row, "first_sequence": hole.last_sequence + 1})
    return rest


def _overlaps(hole: Hole) -> ColumnElement[bool]:
    table = resend_request.c
    return and_(
        table.gateway_id == hole.gateway_id,
        table.boot == hole.boot,
        table.first_sequence <= hole.last_sequence,
        table.last_sequence >= hole.first_sequence,
    )


def _holes() -> Select[Any]:
    """Every hole with the requests that it is part of or made of."""
    table = sequence_range.c
    begin = table.first_sequence - table.missing
    asked = and_(
        resend_request.c.gateway_id == table.gateway_id,
        resend_request.c.boot == table.boot,
        resend_request.c.first_sequence < table.first_sequence,
        resend_request.c.last_sequence >= begin,
    )
    return (
        select(
            table.gateway_id,
            table.boot,
            begin,
            table.first_sequence - 1,
            table.missing_since_ms,
            func.coalesce(_TIMES, 0),
            _ASKED_AT,
        )
        .outerjoin(resend_request, asked)
        .where(table.missing_since_ms.is_not(None))
        .group_by(*sequence_range.primary_key.columns, table.missing, table.missing_since_ms)
    )


def _found(conn: Connection, query: Select[Any], limit: int) -> list[Hole]:
    table = sequence_range.c
    in_order = query.order_by(table.missing_since_ms, table.gateway_id, table.boot, table.first_sequence)
    return list(map(Hole._make, conn.execute(in_order.limit(limit))))
