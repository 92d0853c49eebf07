"""A step of the workflow with all the signatures it takes, for tests that are about something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from sheetal.ledger import holdings, stock
from sheetal.ledger.decision_tables import decision
from sheetal.ledger.holding_checks import SIGNED

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.contracts.disposition import Disposition
    from sheetal.ledger.stock import Holding


def set_disposition(  # noqa: PLR0913 - the arguments of holdings.set_disposition
    conn: Connection,
    holding_id: str,
    target: Disposition,
    actor: str,
    reason: str,
    now_ms: int,
    *,
    seen_verdict_id: int | None = None,
) -> Holding:
    """As `holdings.set_disposition`, signed by two people first where it takes a decision."""
    if target not in SIGNED:
        return holdings.set_disposition(conn, holding_id, target, actor, reason, now_ms)
    said = (target, actor, reason, now_ms)
    with conn.begin_nested():
        number = signed(conn, holding_id, target, actor, now_ms)
        changed = holdings.set_disposition(conn, holding_id, *said, seen_verdict_id=seen_verdict_id, decision_id=number)
        conn.execute(update(decision).where(decision.c.id == number).values(done_at_ms=now_ms))
    return changed


def signed(conn: Connection, holding_id: str, target: Disposition, actor: str, now_ms: int) -> int:
    """The number of a decision with both signatures, not yet carried out."""
    row = {
        "holding_id": holding_id,
        "target": target.value,
        "reason_code": "not_exposed",
        "comment": "made up",
        "doses": stock.holding_by_id(conn, holding_id).doses_left,
        "attachments": "[]",
        "signers_needed": 2,
        "signed_by": actor,
        "signed_at_ms": now_ms,
        "second_signed_by": f"{actor}-2",
        "second_signed_at_ms": now_ms,
    }
    number: int = conn.execute(insert(decision).values(**row).returning(decision.c.id)).scalar_one()
    return number
