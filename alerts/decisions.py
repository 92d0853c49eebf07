"""What persons have decided on unknown time: their clearing of a gap's mark stands in the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sheetal.ledger import assets, stock
from sheetal.ledger.base import EPOCH_MS_MAX
from sheetal.ledger.judgement_tables import audit

if TYPE_CHECKING:
    from sqlalchemy import Connection

ENGINE = "engine"
GAP_CLEARED = "gap_cleared"


def decided_through(conn: Connection, holding_id: str) -> int:
    """The instant before which a person answers for the unknown time of a holding; 0 where nobody does.

    A decision covers what lay before it, never the silence that goes on after it. One on a holding that this one was
    split off covers the past they share. Raises NotFound.
    """
    places = {stay.appliance_id for stay in stock.stays_of(conn, holding_id)}
    facilities = {assets.appliance_by_id(conn, place).facility_id for place in places}
    found, label, shared_until_ms = 0, holding_id, EPOCH_MS_MAX
    for above in (*stock.ancestors(conn, holding_id), None):
        found = max(found, min(_cleared_at(conn, label, facilities), shared_until_ms))
        if above is not None:
            born_ms = min((stay.from_ms for stay in stock.own_stays(conn, label)), default=shared_until_ms)
            label, shared_until_ms = above, min(shared_until_ms, born_ms)
    return found


def _cleared_at(conn: Connection, label: str, facilities: set[str]) -> int:
    query = select(func.max(audit.c.at_ms)).where(
        audit.c.facility_id.in_(sorted(facilities)),
        audit.c.act == GAP_CLEARED,
        audit.c.subject == label,
        audit.c.actor != ENGINE,
    )
    return conn.execute(query).scalar_one() or 0
