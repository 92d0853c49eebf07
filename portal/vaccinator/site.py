"""What a vaccinator's pages show of their own site; another site's sessions do not exist here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.language import marked
from portal.orchestration import service as orchestration
from portal.registration import service as registration
from portal.vaccinator import answers
from portal.vaccinator.schemas import Site, Today
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound
from sheetal.ledger import assets, catalogue

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from portal.orchestration.service import Session
    from portal.registration.service import Appointment, Booking
    from sheetal.ledger.connect import Ledger


def today(ledger: Ledger, staff: Staff, session_id: str, now_ms: int) -> Today | None:
    """The asked session of the caller's site, else the one that is open now; None when there is none.

    Raises NotFound for a session that is not theirs.
    """
    with ledger.read() as conn:
        around = orchestration.sessions(conn, staff.facility_id, now_ms - DAY_MS, now_ms + DAY_MS)
        sessions = [one for one in around if one.cancelled_at_ms is None]
        chosen = own_session(conn, staff, session_id) if session_id else _open(sessions, now_ms)
        if chosen is None:
            return None
        return Today(
            session=chosen,
            is_open=chosen.is_open(now_ms),
            site=_site(conn, chosen, now_ms),
            holdings=answers.answers_of_session(conn, chosen, now_ms),
            appointments=_waiting_first(registration.appointments_of_session(conn, chosen.id)),
            others=[one for one in sessions if one.id != chosen.id],
        )


def site_of_session(ledger: Ledger, staff: Staff, session_id: str, now_ms: int) -> Site:
    """The names that a session's pages show; raises NotFound for a session that is not the caller's."""
    with ledger.read() as conn:
        return _site(conn, own_session(conn, staff, session_id), now_ms)


def appointment_at(ledger: Ledger, staff: Staff, session_id: str, appointment_id: str) -> Appointment:
    """A booking of a session at the caller's own site, whatever its state; raises NotFound for any other."""
    with ledger.read() as conn:
        return own_booking(conn, own_session(conn, staff, session_id), appointment_id).appointment


def own_session(conn: Connection, staff: Staff, session_id: str) -> Session:
    """A session of the caller's own site; raises NotFound for any other."""
    session = orchestration.session_by_id(conn, session_id)
    if session.facility_id != staff.facility_id:
        raise NotFound(marked("There is no such session."), session=session_id)
    return session


def own_booking(conn: Connection, session: Session, appointment_id: str) -> Booking:
    """A booking of this session; raises NotFound for any other."""
    found = registration.booking(conn, appointment_id)
    if found.appointment.session_id != session.id:
        raise NotFound(marked("There is no such appointment."))
    return found


def _open(sessions: list[Session], now_ms: int) -> Session | None:
    return next((one for one in sessions if one.is_open(now_ms)), None)


def _waiting_first(appointments: list[Appointment]) -> list[Appointment]:
    return sorted(appointments, key=lambda one: one.state != "booked")


def _site(conn: Connection, session: Session, now_ms: int) -> Site:
    facility = assets.facility_by_id(conn, session.facility_id)
    product = catalogue.product_version(conn, session.product_id, now_ms)
    return Site(
        facility_name=facility.name,
        facility_name_hindi=facility.name_hindi,
        product_name=product.display_name,
        product_name_hindi=product.display_name_hindi,
        doses_total=product.schedule.doses_total,
    )
