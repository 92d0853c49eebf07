"""Orders of an authority that hold a whole lot: who, by which reference, since when, and when they were lifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sheetal.ledger.decision_tables import lot_hold
from sheetal.ledger.judgement_tables import audit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class LotHold:
    """One order; it stands until it is lifted by another reference."""

    id: int
    lot_id: str
    authority: str
    reference: str
    reason: str
    actor: str
    held_at_ms: int
    lifted_at_ms: int | None
    lifted_by: str | None
    lifted_reference: str | None

    @property
    def stands(self) -> bool:
        """Whether it still holds the lot."""
        return self.lifted_at_ms is None


class _HeldDetail(msgspec.Struct):
    """What the entry of a hold tells of its order."""

    lot_order: int | None = None


def holds_of(conn: Connection, lot_id: str) -> list[LotHold]:
    """Every order on a lot, the oldest first."""
    query = select(lot_hold).where(lot_hold.c.lot_id == lot_id).order_by(lot_hold.c.id)
    return [LotHold(**row) for row in conn.execute(query).mappings()]


def standing(conn: Connection, lot_id: str) -> list[LotHold]:
    """The orders that hold a lot now, the oldest first."""
    return [one for one in holds_of(conn, lot_id) if one.stands]


def held_lots(conn: Connection) -> set[str]:
    """The ids of all lots that an order holds now."""
    return set(conn.execute(select(lot_hold.c.lot_id).where(lot_hold.c.lifted_at_ms.is_(None))).scalars())


def reason_of(orders: Iterable[LotHold]) -> str:
    """The words with which an order holds stock, for its audit entry."""
    return "; ".join(f"lot held by {one.authority}, {one.reference}" for one in orders)


def born_held(orders: Iterable[LotHold]) -> dict[str, object]:
    """The detail of the audit entry of stock that arrives while its lot is held."""
    known = list(orders)
    return {"verdict": None, "reason": reason_of(known), "lot_order": known[-1].id}


def last_held_by(conn: Connection, labels: Iterable[str]) -> int | None:
    """The order that last held this stock; None where a person or a verdict did, or nobody.

    `labels` is the holding and then those it was split off, nearest first: the first that was ever held tells.
    """
    for label in labels:
        newest = select(audit.c.detail).where(audit.c.subject == label, audit.c.act == "held")
        detail = conn.execute(newest.order_by(audit.c.at_ms.desc(), audit.c.number.desc()).limit(1)).scalar()
        if detail is not None:
            return msgspec.json.decode(detail, type=_HeldDetail).lot_order
    return None
