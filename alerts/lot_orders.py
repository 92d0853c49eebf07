"""Tells every facility that has stock of a lot that an authority's order holds it, once for each order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import String, cast, exists, literal, select

from sheetal.ledger import judgement_writes
from sheetal.ledger.decision_tables import lot_hold
from sheetal.ledger.judgement_tables import notice
from sheetal.ledger.stock_tables import holding

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from sheetal.ledger.connect import Ledger

LOT_HELD = "lot_held"
AT_ONCE = 500


class Untold(NamedTuple):
    """An order that a facility with stock of its lot has not been told of."""

    order: int
    lot: str
    authority: str
    reference: str
    facility: str

    @property
    def key(self) -> str:
        """What this notice is known by."""
        return f"{LOT_HELD}/{self.order}/{self.facility}"


def tell_orders(ledger: Ledger, now_ms: int) -> int:
    """Write what is untold, 500 notices at most; gives how many. Raises Unavailable."""
    with ledger.read() as conn:
        untold = _untold(conn)
    if not untold:
        return 0
    with ledger.write() as conn:
        return sum(_tell(conn, one, now_ms) for one in untold)


def _untold(conn: Connection) -> list[Untold]:
    query = (
        select(lot_hold.c.id, lot_hold.c.lot_id, lot_hold.c.authority, lot_hold.c.reference, holding.c.facility_id)
        .join(holding, holding.c.lot_id == lot_hold.c.lot_id)
        .where(lot_hold.c.lifted_at_ms.is_(None), holding.c.doses_left > 0, ~exists().where(_is_told()))
        .distinct()
        .order_by(lot_hold.c.id, holding.c.facility_id)
        .limit(AT_ONCE)
    )
    return [Untold(*row) for row in conn.execute(query)]


def _is_told() -> ColumnElement[bool]:
    key = literal(f"{LOT_HELD}/") + cast(lot_hold.c.id, String) + literal("/") + holding.c.facility_id
    return notice.c.deduplication_key == key


def _tell(conn: Connection, one: Untold, now_ms: int) -> bool:
    facts = {"lot": one.lot, "authority": one.authority, "reference": one.reference, "order": one.order}
    return judgement_writes.add_notice(conn, one.key, LOT_HELD, one.facility, facts, now_ms)
