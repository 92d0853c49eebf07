"""Sessions and the registry of places and things, as other slices and the pages ask for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from portal.language import marked
from portal.orchestration import store
from portal.orchestration.rules import FacilityLine, FacilityPage, GatewayLine, Session, SessionLine
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, audit, catalogue, judgements, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from sheetal.ledger.connect import Ledger

SESSIONS_AHEAD_MS = 14 * DAY_MS
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


def facility_lines(ledger: Ledger, staff: Staff, now_ms: int) -> list[FacilityLine]:
    """Every facility this person may see, in figures."""
    with ledger.read() as conn:
        places = [place for place in assets.facilities(conn) if staff.may_see(place.id)]
        figures = store.figures(conn)
        running = [one for one in store.sessions(conn, None, now_ms, now_ms + 1) if one.is_open(now_ms)]
    open_at = Counter(one.facility_id for one in running)
    nothing: dict[str, int] = {}
    return [
        FacilityLine(
            facility=place,
            appliances=figures.get(place.id, nothing).get("appliances", 0),
            gateways=figures.get(place.id, nothing).get("gateways", 0),
            gateways_online=figures.get(place.id, nothing).get("gateways_online", 0),
            doses=figures.get(place.id, nothing).get("doses", 0),
            sessions_open=open_at[place.id],
        )
        for place in places
    ]


def facility_page(ledger: Ledger, staff: Staff, facility_id: str, now_ms: int) -> FacilityPage:
    """One facility; raises NotFound also where this person may not look."""
    if not staff.may_see(facility_id):
        raise NotFound(marked("There is no such facility."))
    with ledger.read() as conn:
        place = assets.facility_by_id(conn, facility_id)
        said = judgements.gateway_states(conn)
        judged = judgements.appliance_judgements(conn)
        appliances = assets.appliances(conn, facility_id)
        planned = store.sessions(conn, facility_id, now_ms - DAY_MS, now_ms + SESSIONS_AHEAD_MS)
        return FacilityPage(
            facility=place,
            appliances=appliances,
            states={one.id: judged[one.id].state for one in appliances if one.id in judged},
            gateways=[
                GatewayLine(one.id, one.retired_at_ms, said.get(one.id)) for one in assets.gateways(conn, facility_id)
            ],
            sessions=[_session_line(conn, one, now_ms) for one in planned],
            holdings=[one for one in stock.holdings_at(conn, facility_id) if one.doses_left],
        )


def _session_line(conn: Connection, one: Session, now_ms: int) -> SessionLine:
    out = store.holdings_of_session(conn, one.id)
    try:
        product = catalogue.product_version(conn, one.product_id, now_ms)
    except NotFound:
        return SessionLine(one, one.product_id, one.product_id, out)
    return SessionLine(one, product.display_name, product.display_name_hindi, out)


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
