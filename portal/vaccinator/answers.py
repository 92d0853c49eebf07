"""What the gate says of a scanned label or lot at a site, asked without taking a dose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.orchestration import service as orchestration
from portal.vaccinator import rules
from portal.vaccinator.schemas import Answer, Instead
from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, holdings, judgements, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.orchestration.service import Session
    from sheetal.ledger.stock import Holding


def answer_of_scan(conn: Connection, session: Session, scan: str, now_ms: int) -> Answer:
    """USE or DO NOT USE for a holding's label or a vial's lot, with what to take instead."""
    scan = scan.strip()
    try:
        found = holding_of_scan(conn, session, scan, now_ms)
    except Refused as refused:
        return Answer(holding=scan, refused=refused)
    if found is None:
        instead = take_instead(conn, session, scan, now_ms)
        return Answer(holding=scan, refused=_refusal(conn, session, scan, now_ms), take_instead=instead)
    return _answer(conn, session, found, now_ms, with_instead=True)


def answers_of_session(conn: Connection, session: Session, now_ms: int) -> list[Answer]:
    """What the gate would say of every holding that is issued to the session."""
    issued = orchestration.holdings_of_session(conn, session.id)
    return [_answer(conn, session, stock.holding_by_id(conn, one), now_ms, with_instead=False) for one in issued]


def known_holding(conn: Connection, session: Session, scan: str, now_ms: int) -> Holding:
    """As `holding_of_scan`, but raises the gate's own refusal of a label that nobody knows."""
    found = holding_of_scan(conn, session, scan, now_ms)
    if found is None:
        raise _refusal(conn, session, scan.strip(), now_ms) or NotFound("no holding has this label")
    return found


def holding_of_scan(conn: Connection, session: Session, scan: str, now_ms: int) -> Holding | None:
    """The holding of a label, whoever's it is, or of a lot at this site; None for what nobody knows.

    Raises Refused (`scan_label`) when the lot alone does not tell.
    """
    label = scan.strip()
    for spelled in dict.fromkeys((label, label.upper())):
        try:
            return stock.holding_by_id(conn, spelled)
        except NotFound:
            continue
    of_lot = [
        one
        for one in stock.holdings_at(conn, session.facility_id)
        if label.upper() in {one.lot_id.upper(), one.batch.upper()} and one.disposition is not Disposition.DESTROYED
    ]
    if not of_lot:
        return None
    issued = set(orchestration.holdings_of_session(conn, session.id))
    site = [_site_holding(conn, session, one, now_ms, in_session=one.id in issued) for one in of_lot]
    meant = rules.holding_of_lot(site)
    return next(one for one in of_lot if one.id == meant)


def take_instead(conn: Connection, session: Session, not_this: str, now_ms: int) -> Instead | None:
    """The session's first usable holding: use-first stock, then earliest expiry."""
    found = [stock.holding_by_id(conn, one) for one in orchestration.holdings_of_session(conn, session.id)]
    found.sort(key=lambda one: (one.disposition is not Disposition.RELEASED_USE_FIRST, one.expires_at_ms, one.id))
    for one in found:
        if one.id != not_this and _refusal(conn, session, one.id, now_ms) is None:
            place = _appliance_name(conn, one.id)
            return Instead(one.id, one.lot_id, one.batch, one.doses_left, place, one.expires_at_ms)
    return None


def _answer(conn: Connection, session: Session, found: Holding, now_ms: int, *, with_instead: bool) -> Answer:
    refused = _refusal(conn, session, found.id, now_ms)
    instead = take_instead(conn, session, found.id, now_ms) if refused and with_instead else None
    if found.facility_id != session.facility_id:
        return Answer(holding=found.id, refused=refused, take_instead=instead)
    verdict = judgements.verdict_by_id(conn, found.held_by_verdict_id) if found.held_by_verdict_id else None
    return Answer(
        holding=found.id,
        lot=found.lot_id,
        batch=found.batch,
        doses_left=found.doses_left,
        appliance_name=_appliance_name(conn, found.id),
        expires_at_ms=found.expires_at_ms,
        refused=refused,
        verdict=verdict.verdict if verdict else None,
        take_instead=instead,
    )


def _site_holding(
    conn: Connection, session: Session, one: Holding, now_ms: int, *, in_session: bool
) -> rules.SiteHolding:
    may_be_used = _refusal(conn, session, one.id, now_ms) is None
    is_empty = one.doses_left == 0 and one.disposition in USABLE
    return rules.SiteHolding(one.id, one.lot_id, may_be_used=may_be_used, is_empty=is_empty, in_session=in_session)


def _refusal(conn: Connection, session: Session, holding_id: str, now_ms: int) -> Refused | None:
    try:
        holdings.check_gate(conn, holding_id, session.facility_id, now_ms, session.product_id)
    except Refused as refused:
        return refused
    return None


def _appliance_name(conn: Connection, holding_id: str) -> str:
    here = [stay for stay in stock.own_stays(conn, holding_id) if stay.until_ms is None]
    return assets.appliance_by_id(conn, here[0].appliance_id).name if here else ""
