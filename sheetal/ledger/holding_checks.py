"""What refuses an act on a holding, asked after its row has been locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select

from sheetal.contracts.disposition import USABLE, Disposition, may_move
from sheetal.contracts.problem import Refused
from sheetal.ledger import judgements, lot_holds, stock
from sheetal.ledger.decision_tables import decision
from sheetal.ledger.stock_tables import holding

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.engine import RowMapping

    from sheetal.ledger.stock import Stay

OPEN_CASE = (Disposition.QUARANTINED.value, Disposition.UNDER_ASSESSMENT.value)
SIGNED = USABLE | {Disposition.CONDEMNED, Disposition.DESTROYED}
"""What a holding becomes by a signed decision alone."""


def check_ancestors(conn: Connection, holding_id: str) -> None:
    """Refuse (`ancestor_held`) while the case of a holding that this one was split off is open."""
    above = stock.ancestors(conn, holding_id)
    undecided = select(holding.c.id).where(holding.c.id.in_(above), holding.c.disposition.in_(OPEN_CASE))
    found = list(conn.execute(undecided.order_by(holding.c.id)).scalars())
    if found:
        raise Refused(
            "a holding that this one was split off is still held",
            next_step="decide on that holding first",
            reason="ancestor_held",
            holding=holding_id,
            ancestors=found,
        )


def check_seen(conn: Connection, holding_id: str, seen_verdict_id: int | None) -> None:
    """Refuse (`newer_verdict`) a release by someone who has not seen the newest verdict that holds this holding."""
    newest = judgements.latest_hold_id(conn, holding_id)
    if newest != seen_verdict_id:
        raise Refused(
            "a newer verdict holds this holding",
            next_step="read the newest verdict, then decide",
            reason="newer_verdict",
            holding=holding_id,
            verdict=newest,
            seen=seen_verdict_id,
        )


def check_lot(conn: Connection, holding_id: str) -> None:
    """Refuse (`lot_held`) a release while an authority's order holds the whole lot."""
    orders = lot_holds.standing(conn, stock.holding_by_id(conn, holding_id).lot_id)
    if orders:
        raise Refused(
            "an order holds the whole lot",
            next_step="wait until the authority lifts it",
            reason="lot_held",
            holding=holding_id,
            orders=[one.reference for one in orders],
        )


def is_signed(decision_id: int | None, target: Disposition) -> ColumnElement[bool]:
    """Whether enough people have signed this decision on the holding, for as many doses as there are left."""
    return (
        exists()
        .where(
            decision.c.id == decision_id,
            decision.c.holding_id == holding.c.id,
            decision.c.target == target.value,
            decision.c.doses == holding.c.doses_left,
            decision.c.done_at_ms.is_(None),
            decision.c.withdrawn_at_ms.is_(None),
            or_(decision.c.signers_needed == 1, decision.c.second_signed_by.is_not(None)),
        )
        .correlate(holding)
    )


def not_set(holding_id: str, current: Disposition, target: Disposition) -> Refused:
    """Why a step of the workflow was not made: there is none (`not_allowed`), or nobody signed it (`not_signed`)."""
    facts: dict[str, object] = {"holding": holding_id, "disposition": current, "target": target}
    if not may_move(current, target):
        told = f"a holding that is {current} cannot become {target}"
        return Refused(told, next_step="look at the holding again", reason="not_allowed", **facts)
    return Refused(
        "this takes a signed decision",
        next_step="have it signed by enough people",
        reason="not_signed",
        **facts,
    )


def check_instant(conn: Connection, row: RowMapping, at_ms: int, now_ms: int) -> Stay | None:
    """Refuse (`destroyed`, `future`, `before_stay`) an instant at which nothing can be done; gives the last stay."""
    facts: dict[str, object] = {"holding": row["id"], "at_ms": at_ms}
    if row["disposition"] == Disposition.DESTROYED.value:
        raise Refused("this holding has been destroyed", next_step="scan the label again", reason="destroyed", **facts)
    if at_ms > now_ms:
        raise Refused("an act cannot lie in the future", next_step="check the time", reason="future", **facts)
    last = next(reversed(stock.own_stays(conn, row["id"])), None)
    if last is not None and at_ms < (last.until_ms or last.from_ms):
        next_step = "check the time of the last move"
        raise Refused("an act cannot lie before the last move", next_step=next_step, reason="before_stay", **facts)
    return last


def check_split(parent: RowMapping, doses: int) -> None:
    """Refuse (`no_doses`, `no_doses_left`) a part that is nothing, or more than there is."""
    facts: dict[str, object] = {"holding": parent["id"], "doses": doses, "doses_left": parent["doses_left"]}
    if doses <= 0:
        raise Refused("a holding has at least one dose", next_step="count again", reason="no_doses", **facts)
    if doses > parent["doses_left"]:
        raise Refused("there are not so many doses left", next_step="count again", reason="no_doses_left", **facts)
