"""Row locks on holdings, always in one order: the lot, the holding, its descendants parents first, audit heads last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, update

from sheetal.contracts.problem import NotFound
from sheetal.ledger.stock_tables import holding, lot

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping


_LOCK_HOLDING = (
    update(holding)
    .where(holding.c.id == bindparam("locked"))
    .values(doses_left=holding.c.doses_left)
    .returning(holding)
)
"""Made once: every act begins with it."""


def lock_lot(conn: Connection, lot_id: str) -> None:
    """Let receipts, holds and releases of one lot wait for each other; taken before any of its holdings.

    Raises NotFound.
    """
    touched = update(lot).where(lot.c.id == lot_id).values(batch=lot.c.batch)
    if conn.execute(touched).rowcount == 0:
        raise NotFound("no such lot", lot=lot_id)


def lock_holding(conn: Connection, holding_id: str) -> RowMapping:
    """The holding's row as it stands once nobody else changes it; raises NotFound."""
    row = conn.execute(_LOCK_HOLDING, {"locked": holding_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("no such holding", holding=holding_id)
    return row


def lock_family(conn: Connection, holding_id: str, below: Callable[[], list[str]]) -> list[str]:
    """Lock a holding and all below it, parents first; raises NotFound.

    A split of a child may commit while its lock is waited for, so the list is read again until it names nobody new.
    What is locked cannot be split, so there is at most one reading for each generation.
    """
    lock_holding(conn, holding_id)
    family = [holding_id]
    while born := [one for one in below() if one not in family]:
        for one in born:
            lock_holding(conn, one)
        family += born
    return family
