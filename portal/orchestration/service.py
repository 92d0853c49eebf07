"""Sessions and the registry of places and things, as other slices and the pages ask for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from portal.language import marked
from portal.orchestration import store
from portal.orchestration.rules import Session
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Session", "add_session", "holdings_of_session", "issue_holding", "session_by_id", "sessions"]


def add_session(conn: Connection, new: Session, now_ms: int, actor: str) -> Session:
    """Plan a session inside the caller's transaction; an empty id is replaced by a new one."""
    planned = replace(new, id=new.id or str(uuid4()))
    store.add_session(conn, planned, now_ms)
    detail = {"product": planned.product_id, "starts_at_ms": planned.starts_at_ms, "capacity": planned.capacity}
    _trace(conn, planned, "session_added", detail, now_ms=now_ms, actor=actor)
    return planned


def session_by_id(conn: Connection, session_id: str) -> Session:
    """The session; raises NotFound."""
    found = store.session_by_id(conn, session_id)
    if found is None:
        raise NotFound(marked("There is no such session."), session=session_id)
    return found


def sessions(conn: Connection, facility_id: str | None, from_ms: int, until_ms: int) -> list[Session]:
    """Sessions that overlap the span, of one facility or of all, in order of start; at most 500."""
    return store.sessions(conn, facility_id, from_ms, until_ms)


def issue_holding(conn: Connection, session_id: str, holding_id: str, *, now_ms: int, actor: str) -> None:
    """Give a holding out to a session of the same facility and product.

    Raises NotFound, or Refused (`other_facility`, `other_product`, `already_issued`).
    """
    session = session_by_id(conn, session_id)
    holding = stock.holding_by_id(conn, holding_id)
    if holding.facility_id != session.facility_id:
        raise Refused(marked("This holding belongs to another facility."), reason="other_facility")
    if stock.lot_by_id(conn, holding.lot_id).product_id != session.product_id:
        raise Refused(marked("This holding is of another product."), reason="other_product")
    try:
        with conn.begin_nested():
            store.issue_holding(conn, session_id, holding_id, now_ms)
    except IntegrityError as error:
        raise Refused(marked("This holding was already issued to the session."), reason="already_issued") from error
    _trace(conn, session, "holding_issued", {"holding": holding_id}, now_ms=now_ms, actor=actor)


def return_holding(conn: Connection, session_id: str, holding_id: str, *, now_ms: int, actor: str) -> None:
    """Take a holding back from a session; raises NotFound when it is not out there."""
    session = session_by_id(conn, session_id)
    if not store.return_holding(conn, session_id, holding_id, now_ms):
        raise NotFound(marked("This holding is not out at the session."), holding=holding_id)
    _trace(conn, session, "holding_returned", {"holding": holding_id}, now_ms=now_ms, actor=actor)


def holdings_of_session(conn: Connection, session_id: str) -> list[str]:
    """Ids of the holdings that are out at this session, in order of issue."""
    return store.holdings_of_session(conn, session_id)


def _trace(
    conn: Connection,
    session: Session,
    act: str,
    detail: dict[str, object],
    *,
    now_ms: int,
    actor: str,
) -> None:
    entry = audit.AuditEntry(at_ms=now_ms, actor=actor, act=act, subject=f"session/{session.id}", detail=detail)
    audit.append(conn, session.facility_id, entry)
