"""How far back readings are needed: by every holding that may still be judged, with all that it was split off.

A holding is *past* when nothing can follow from its readings any more: no dose is left or it was destroyed, its lot
expired long ago, nobody is deciding on it, nothing waits to be judged, and no compromise of it stands, so that no
recall rests on it. Only then may its readings go, and nothing measured from then on is judged for it. Its last verdict
stays, unless what was measured before and only comes now shows harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, func, not_, or_, select

from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger.stock_tables import compromise, holding, rejudge, stay

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection

PAST_MS = 90 * DAY_MS
"""After its lot's expiry: gateways keep what they measured for 60 days, and carried loggers come late."""
IDS_A_QUERY = 500
UNDECIDED = (Disposition.QUARANTINED.value, Disposition.UNDER_ASSESSMENT.value)


class Needed(NamedTuple):
    """The earliest instant that a verdict still rests on, and the holding or appliance it belongs to."""

    from_ms: int
    subject: str


def past(conn: Connection, holding_ids: Collection[str], now_ms: int) -> dict[str, int]:
    """Those of these holdings that are past, and from when on: nothing measured since then can touch a dose of them."""
    asked = sorted(holding_ids)
    found: dict[str, int] = {}
    for first in range(0, len(asked), IDS_A_QUERY):
        of = holding.c.id.in_(asked[first : first + IDS_A_QUERY])
        rows = conn.execute(select(holding.c.id, holding.c.expires_at_ms).where(of, _is_past(now_ms)))
        found.update({row.id: row.expires_at_ms + PAST_MS for row in rows})
    return found


def needed_from(conn: Connection, now_ms: int) -> Needed | None:
    """The earliest beginning of a stay of any holding that is not past, or of what it was split off.

    Marks to judge an appliance again count too. None where nothing is needed.
    """
    family = select(holding.c.id, holding.c.parent_id).where(not_(_is_past(now_ms))).cte("family", recursive=True)
    parent = holding.alias("parent")
    family = family.union(select(parent.c.id, parent.c.parent_id).join(family, parent.c.id == family.c.parent_id))
    stays = select(stay.c.from_ms, stay.c.holding_id).join(family, family.c.id == stay.c.holding_id)
    marks = select(rejudge.c.from_ms, func.coalesce(rejudge.c.appliance_id, rejudge.c.holding_id))
    found = [
        Needed(int(row[0]), str(row[1]))
        for query in (stays.order_by(stay.c.from_ms, stay.c.id), marks.order_by(rejudge.c.from_ms, rejudge.c.id))
        for row in conn.execute(query.limit(1))
    ]
    return min(found, default=None)


def _is_past(now_ms: int) -> ColumnElement[bool]:
    stands = (
        select(compromise.c.id)
        .where(compromise.c.holding_id == holding.c.id, compromise.c.withdrawn_at_ms.is_(None))
        .exists()
    )
    return and_(
        or_(holding.c.doses_left == 0, holding.c.disposition == Disposition.DESTROYED.value),
        holding.c.expires_at_ms < now_ms - PAST_MS,
        holding.c.disposition.not_in(UNDECIDED),
        holding.c.rejudges_open == 0,
        not_(stands),
    )
