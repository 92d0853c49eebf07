"""A whole lot held, or let go, by one signed act on an authority's order.

Holding covers every holding of the lot at once; what arrives later is born held (`stock.receive_holding`), what is
split off has its parent's disposition. Lifting opens no gate: each holding then waits for its own signed release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from sheetal.contracts.problem import Refused
from sheetal.ledger import audit, holdings, lot_holds
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.decision_tables import lot_hold
from sheetal.ledger.holding_locks import lock_lot
from sheetal.ledger.stock_tables import holding

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.decision_rules import Signature

WORDS_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the authority wrote: its name, the reference of its letter, and why in the signer's words."""

    authority: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class HeldLot:
    """The number of the order and the holdings that it took out of use; the others were held before."""

    id: int
    holdings: list[str]


def hold_lot(conn: Connection, lot_id: str, order: Order, by: Signature) -> HeldLot:
    """Hold a lot wherever it is, in one transaction; raises NotFound and Refused (`no_reference`, `held_already`).

    The same reference of the same authority holds a lot once.
    """
    lock_lot(conn, lot_id)
    authority, reference = order.authority.strip()[:WORDS_MAX], order.reference.strip()[:WORDS_MAX]
    if not (authority and reference and order.reason.strip()):
        next_step = "write who ordered it, the reference of the letter, and why"
        raise Refused("a lot is held by an authority's order", next_step=next_step, reason="no_reference", lot=lot_id)
    known = [(one.authority, one.reference) for one in lot_holds.standing(conn, lot_id)]
    if (authority, reference) in known:
        raise Refused("this order holds the lot already", reason="held_already", lot=lot_id, reference=reference)
    row = {"lot_id": lot_id, "authority": authority, "reference": reference, "reason": order.reason.strip()}
    new = insert(lot_hold).values(**row, actor=by.actor, held_at_ms=by.at_ms).returning(lot_hold.c.id)
    number: int = conn.execute(new).scalar_one()
    words = lot_holds.reason_of(lot_holds.standing(conn, lot_id)[-1:])
    held = holdings.hold_lot(conn, lot_id, number, by.actor, words, by.at_ms)
    detail = {"order": number, "authority": authority, "reference": reference, "reason": order.reason.strip()}
    meaning = {"meaning": f"holds lot {lot_id} wherever it is", "role": by.role}
    _trace(conn, lot_id, by, "lot_held", detail | meaning | {"holdings": len(held)})
    return HeldLot(number, held)


def lift_hold(conn: Connection, hold_id: int, reference: str, by: Signature) -> lot_holds.LotHold:
    """End one order by another reference; raises Refused (`no_reference`, `not_standing`). No gate opens by this."""
    short = reference.strip()[:WORDS_MAX]
    if not short:
        next_step = "write the reference of the letter that lifts it"
        raise Refused("an order is lifted by another", next_step=next_step, reason="no_reference", order=hold_id)
    order = select(lot_hold.c.lot_id).where(lot_hold.c.id == hold_id, lot_hold.c.lifted_at_ms.is_(None))
    lot_id = conn.execute(order).scalar_one_or_none()
    if lot_id is not None:
        lock_lot(conn, lot_id)
    lifted = update(lot_hold).where(lot_hold.c.id == hold_id, lot_hold.c.lifted_at_ms.is_(None))
    values = {"lifted_at_ms": by.at_ms, "lifted_by": by.actor, "lifted_reference": short}
    if lot_id is None or conn.execute(lifted.values(**values)).rowcount == 0:
        raise Refused("this order holds nothing any more", reason="not_standing", order=hold_id)
    meaning = {"meaning": f"lifts an order on lot {lot_id}; each holding waits for its own release", "role": by.role}
    _trace(conn, lot_id, by, "lot_hold_lifted", {"order": hold_id, "reference": short} | meaning)
    return next(one for one in lot_holds.holds_of(conn, lot_id) if one.id == hold_id)


def _trace(conn: Connection, lot_id: str, by: Signature, act: str, detail: dict[str, object]) -> None:
    """One entry in the chain of every facility that has the lot, and of the signer's own."""
    places = set(conn.execute(select(holding.c.facility_id).where(holding.c.lot_id == lot_id)).scalars())
    for facility_id in sorted(places | {by.facility_id}):
        audit.append(conn, facility_id, AuditEntry(by.at_ms, by.actor, act, lot_id, detail))
