"""Asking about a vial and recording a dose.

A dose is one transaction: the guarded UPDATE on the holding, the dose, the closed appointment, the certificate that
was signed before the lock was taken, and the audit entry. A refusal changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from portal.certificate import service as certificates
from portal.language import marked
from portal.orchestration import service as orchestration
from portal.registration import rules as registration_rules
from portal.registration import service as registration
from portal.vaccinator import rules, store
from portal.vaccinator.schemas import Answer, Given, Instead
from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.dose_record import DoseRecord
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, audit, catalogue, holdings, judgements, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.certificate.keys import SigningKeys
    from portal.certificate.schemas import Prepared
    from portal.identity.service import Staff
    from portal.orchestration.service import Session
    from portal.registration.service import Appointment
    from portal.vaccinator.schemas import CheckRequest, GiveRequest
    from portal.vaccinator.store import StoredDose as StoredDose
    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher
    from sheetal.ledger.holdings import TakenDose

TODAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Vaccination:
    """What recording doses stands on."""

    ledger: Ledger
    cipher: FieldCipher
    keys: SigningKeys


@dataclass(frozen=True, slots=True)
class Ready:
    """A dose that may be tried: everything known and signed before the write lock is taken."""

    dose: str
    session: Session
    appointment: Appointment
    holding: str
    product: Product
    prepared: Prepared


def sessions_today(ledger: Ledger, staff: Staff, now_ms: int) -> list[Session]:
    """The sessions of the caller's own site around now."""
    with ledger.read() as conn:
        return orchestration.sessions(conn, staff.facility_id, now_ms - TODAY_MS, now_ms + TODAY_MS)


def appointments(ledger: Ledger, staff: Staff, session_id: str) -> list[Appointment]:
    """The bookings of a session at the caller's own site; raises NotFound for any other."""
    with ledger.read() as conn:
        _own_session(conn, staff, session_id)
        return registration.appointments_of_session(conn, session_id)


def holdings_now(ledger: Ledger, staff: Staff, session_id: str, now_ms: int) -> list[Answer]:
    """What the gate would say of every holding issued to the session."""
    with ledger.read() as conn:
        session = _own_session(conn, staff, session_id)
        return [_answer(conn, session, one, now_ms) for one in orchestration.holdings_of_session(conn, session_id)]


def check(ledger: Ledger, staff: Staff, asked: CheckRequest, now_ms: int) -> Answer:
    """USE or DO NOT USE for a scanned label or lot, without taking a dose; raises NotFound for a foreign session."""
    with ledger.read() as conn:
        session = _own_session(conn, staff, asked.session)
        try:
            holding = _holding_of_scan(conn, session, asked.scan)
        except Refused as refused:
            instead = _take_instead(conn, session, asked.scan, now_ms)
            return Answer(asked.scan, None, None, None, None, None, refused, None, instead)
        return _answer(conn, session, holding, now_ms)


def give(vaccination: Vaccination, staff: Staff, asked: GiveRequest, key: str, now_ms: int) -> Given:
    """Record a dose; the same key gives the same answer, however often and however many at once.

    Raises NotFound (session, appointment), Refused (the gate's reasons, `wrong_code`, `too_many_codes`, the schedule's
    reasons, `session_closed`, `already_given`, `other_request`).
    """
    request = rules.request_hash(asked.session, asked.appointment, asked.scan)
    if (done := _done_before(vaccination, key, request)) is not None:
        return done
    try:
        ready = _prepare(vaccination, staff, asked, now_ms)
        return _commit(vaccination, staff, ready, (key, request), now_ms)
    except (Refused, IntegrityError) as problem:
        # Another post with the same key may have won in between; then its dose is the answer.
        if (done := _done_before(vaccination, key, request)) is not None:
            return done
        if isinstance(problem, Refused):
            raise
        raise Refused(marked("This dose was recorded before."), reason="already_given") from problem


def doses_since(conn: Connection, holding_ids: list[str], from_ms: int) -> list[StoredDose]:
    """Doses given from these holdings at or after an instant; recalls ask for them."""
    return store.doses_since(conn, holding_ids, from_ms)


def _done_before(vaccination: Vaccination, key: str, request: str) -> Given | None:
    with vaccination.ledger.read() as conn:
        done = store.dose_by_key(conn, key)
        if done is None:
            return None
        if done.request_hash != request:
            raise Refused(marked("This key was used for another dose."), reason="other_request")
        certificate = certificates.certificate_of_dose(conn, done.id)
        if certificate is None:
            raise NotFound(marked("This dose has no certificate."), dose=done.id)
        link = certificates.link_of(conn, vaccination.cipher, vaccination.keys, certificate.id)
    return Given(done.id, certificate.id, link, is_new=False)


def _prepare(vaccination: Vaccination, staff: Staff, asked: GiveRequest, now_ms: int) -> Ready:
    """Everything before the lock: who, what, when, the citizen's code, and the signature."""
    with vaccination.ledger.read() as conn:
        session = _own_session(conn, staff, asked.session)
        if not session.is_open(now_ms):
            raise Refused(marked("This session is not open now."), reason="session_closed")
        appointment = _appointment(conn, session, asked.appointment)
        holding = _holding_of_scan(conn, session, asked.scan)
        code_fits = registration.code_fits(conn, vaccination.cipher, appointment.id, asked.citizen_code)
        product = catalogue.product_version(conn, session.product_id, now_ms)
        record = _record(conn, vaccination.cipher, session, appointment, product, holding, now_ms)
    if not code_fits:
        with vaccination.ledger.write() as conn:
            registration.count_wrong_code(conn, appointment.id)
        raise registration.wrong_code()
    prepared = certificates.prepare(record, vaccination.keys, now_ms)
    return Ready(record.dose, session, appointment, holding, product, prepared)


def _commit(
    vaccination: Vaccination, staff: Staff, ready: Ready, key_and_request: tuple[str, str], now_ms: int
) -> Given:
    session = ready.session
    with vaccination.ledger.write() as conn:
        taken = holdings.take_dose(conn, ready.holding, session.facility_id, session.product_id, now_ms)
        store.insert_dose(conn, _dose_row(staff, ready, taken, key_and_request, now_ms))
        registration.mark_given(conn, ready.appointment.id)
        issued = certificates.commit(conn, vaccination.cipher, ready.prepared, now_ms)
        detail = {"holding": taken.holding, "lot": taken.lot, "session": session.id, "certificate": issued.certificate}
        entry = audit.AuditEntry(now_ms, staff.id, "dose_given", f"dose/{ready.dose}", detail)
        audit.append(conn, session.facility_id, entry)
    return Given(ready.dose, issued.certificate, issued.link)


def _dose_row(
    staff: Staff, ready: Ready, taken: TakenDose, key_and_request: tuple[str, str], now_ms: int
) -> dict[str, object]:
    key, request = key_and_request
    return {
        "id": ready.dose,
        "person_id": ready.appointment.person_id,
        "holding_id": taken.holding,
        "lot_id": taken.lot,
        "facility_id": ready.session.facility_id,
        "session_id": ready.session.id,
        "vaccine": ready.product.vaccine,
        "dose_number": ready.appointment.dose_number,
        "doses_total": ready.product.schedule.doses_total,
        "administered_at_ms": now_ms,
        "staff_id": staff.id,
        "idempotency_key": key,
        "request_hash": request,
    }


def _record(  # noqa: PLR0913, PLR0917 - a certificate names all of these
    conn: Connection,
    cipher: FieldCipher,
    session: Session,
    appointment: Appointment,
    product: Product,
    holding: str,
    now_ms: int,
) -> DoseRecord:
    """The dose as its certificate will tell it; raises Refused when the schedule does not allow it."""
    person = registration.person_for_dose(conn, cipher, appointment.person_id)
    facility = assets.facility_by_id(conn, session.facility_id)
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    age_years = registration_rules.age_years(person.birth_date, today)
    earlier = store.earlier_doses(conn, person.id, product.vaccine)
    rules.check_schedule(product.schedule, appointment.dose_number, age_years, earlier, now_ms)
    return DoseRecord(
        dose=str(uuid4()),
        certificate=certificates.new_certificate_id(),
        person_name=person.name,
        birth_date=person.birth_date,
        reference_id=person.reference_id,
        vaccine=product.vaccine,
        vaccine_name=product.display_name,
        manufacturer=product.manufacturer,
        batch=_holding(conn, holding).batch,
        dose_number=appointment.dose_number,
        doses_total=product.schedule.doses_total,
        administered_at_ms=now_ms,
        facility=facility.id,
        facility_name=facility.name,
        district_name=facility.district_name,
        state_name=facility.state_name,
        dcc_prophylaxis=product.dcc_prophylaxis,
        dcc_medicinal_product=product.dcc_medicinal_product,
        dcc_manufacturer=product.dcc_manufacturer,
    )


def _holding(conn: Connection, holding_id: str) -> stock.Holding:
    """A holding that may be named here; an unknown label is refused as the gate would."""
    try:
        return stock.holding_by_id(conn, holding_id)
    except NotFound:
        holdings.check_gate(conn, holding_id, "", 0)
        raise


def _own_session(conn: Connection, staff: Staff, session_id: str) -> Session:
    session = orchestration.session_by_id(conn, session_id)
    if session.facility_id != staff.facility_id:
        raise NotFound(marked("There is no such session."), session=session_id)
    return session


def _appointment(conn: Connection, session: Session, appointment_id: str) -> Appointment:
    found = registration.appointment_by_id(conn, appointment_id)
    if found.session_id != session.id:
        raise NotFound(marked("There is no such appointment."))
    if found.state != "booked":
        raise Refused(marked("This appointment is closed already."), reason="already_given")
    return found


def _holding_of_scan(conn: Connection, session: Session, scan: str) -> str:
    issued = set(orchestration.holdings_of_session(conn, session.id))
    site = [
        rules.SiteHolding(one.id, one.lot_id, one.batch, one.disposition in USABLE, one.id in issued)
        for one in stock.holdings_at(conn, session.facility_id)
        if one.doses_left > 0 or one.disposition not in USABLE
    ]
    return rules.holding_of_scan(scan.strip(), site)


def _answer(conn: Connection, session: Session, holding_id: str, now_ms: int) -> Answer:
    """What the gate says of one holding; what stands elsewhere is not described, only refused."""
    refused = _refusal(conn, session, holding_id, now_ms)
    try:
        found = stock.holding_by_id(conn, holding_id)
    except NotFound:
        return Answer(holding_id, None, None, None, None, None, refused, None, None)
    if found.facility_id != session.facility_id:
        return Answer(holding_id, None, None, None, None, None, refused, None, None)
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
        take_instead=_take_instead(conn, session, found.id, now_ms) if refused else None,
    )


def _refusal(conn: Connection, session: Session, holding_id: str, now_ms: int) -> Refused | None:
    try:
        holdings.check_gate(conn, holding_id, session.facility_id, now_ms, session.product_id)
    except Refused as refused:
        return refused
    return None


def _take_instead(conn: Connection, session: Session, not_this: str, now_ms: int) -> Instead | None:
    """The session's first usable holding: use-first stock, then earliest expiry."""
    found = [stock.holding_by_id(conn, one) for one in orchestration.holdings_of_session(conn, session.id)]
    found.sort(key=lambda one: (one.disposition is not Disposition.RELEASED_USE_FIRST, one.expires_at_ms, one.id))
    for one in found:
        if one.id != not_this and _refusal(conn, session, one.id, now_ms) is None:
            return Instead(
                one.id, one.lot_id, one.batch, one.doses_left, _appliance_name(conn, one.id), one.expires_at_ms
            )
    return None


def _appliance_name(conn: Connection, holding_id: str) -> str:
    here = [stay for stay in stock.own_stays(conn, holding_id) if stay.until_ms is None]
    return assets.appliance_by_id(conn, here[0].appliance_id).name if here else ""


@dataclass(frozen=True, slots=True)
class Site:
    """The head of a vaccinator's page: where, what, and through when the cold chain has been judged."""

    facility_name: str
    facility_name_hindi: str
    product_name: str
    product_name_hindi: str
    doses_total: int


def site_of(ledger: Ledger, session: Session, now_ms: int) -> Site:
    """The names that a session's pages show."""
    with ledger.read() as conn:
        facility = assets.facility_by_id(conn, session.facility_id)
        product = catalogue.product_version(conn, session.product_id, now_ms)
    return Site(
        facility_name=facility.name,
        facility_name_hindi=facility.name_hindi,
        product_name=product.display_name,
        product_name_hindi=product.display_name_hindi,
        doses_total=product.schedule.doses_total,
    )


def site_of_session(ledger: Ledger, session_id: str, now_ms: int) -> Site:
    """As `site_of`, by the session's id; raises NotFound."""
    with ledger.read() as conn:
        session = orchestration.session_by_id(conn, session_id)
    return site_of(ledger, session, now_ms)


def appointment_at(ledger: Ledger, staff: Staff, session_id: str, appointment_id: str) -> Appointment:
    """A booking of a session at the caller's own site, whatever its state; raises NotFound for any other."""
    with ledger.read() as conn:
        session = _own_session(conn, staff, session_id)
        found = registration.appointment_by_id(conn, appointment_id)
    if found.session_id != session.id:
        raise NotFound(marked("There is no such appointment."))
    return found


@dataclass(frozen=True, slots=True)
class GivenDose:
    """A recorded dose as its page shows it, without the person."""

    dose: str
    dose_number: int
    session: str
    certificate: str
    administered_at_ms: int


def given_dose(ledger: Ledger, staff: Staff, dose_id: str) -> GivenDose:
    """A dose given at the caller's own site; raises NotFound for any other."""
    with ledger.read() as conn:
        found = store.dose_by_id(conn, dose_id)
        if found is None or found.facility_id != staff.facility_id:
            raise NotFound(marked("There is no such dose."))
        certificate = certificates.certificate_of_dose(conn, found.id)
    if certificate is None:
        raise NotFound(marked("This dose has no certificate."), dose=found.id)
    return GivenDose(found.id, found.dose_number, found.session_id, certificate.id, found.administered_at_ms)
