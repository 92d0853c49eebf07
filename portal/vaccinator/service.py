"""Asking about a vial and recording a dose.

A dose is one transaction: the closed appointment, the guarded UPDATE on the holding, the dose, the certificate that was
signed before the lock was taken, and the audit entry last. A refusal changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from portal.certificate import service as certificates
from portal.language import marked
from portal.registration import service as registration
from portal.vaccinator import answers, rules, store
from portal.vaccinator.remembered import Remembered
from portal.vaccinator.rules import EarlierDose
from portal.vaccinator.schemas import Given, GivenDose
from portal.vaccinator.site import own_booking, own_session
from sheetal.contracts.dose_record import DoseRecord
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, catalogue, holdings
from sheetal.ledger.integrity import broken_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from portal.certificate.keys import SigningKeys
    from portal.identity.service import Staff
    from portal.orchestration.service import Session
    from portal.registration.service import Booking, PersonForDose
    from portal.vaccinator.remembered import Place, Vial
    from portal.vaccinator.schemas import Answer, CheckRequest, GiveRequest
    from portal.vaccinator.store import StoredDose as StoredDose
    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher
    from sheetal.ledger.holdings import TakenDose

ONE_DOSE_EACH = "uq_dose_person_id_vaccine_dose_number"


@dataclass(frozen=True, slots=True)
class Vaccination:
    """What recording doses stands on."""

    ledger: Ledger
    cipher: FieldCipher
    keys: SigningKeys
    remembered: Remembered = field(default_factory=Remembered, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """One posted dose: its idempotency key, and a keyed hash of all that was asked, the code included."""

    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A dose that may be tried: everything known before the write lock is taken."""

    session: Session
    booking: Booking
    vial: Vial
    record: DoseRecord = field(repr=False)
    code_fits: bool


def check(ledger: Ledger, staff: Staff, asked: CheckRequest, now_ms: int) -> Answer:
    """USE or DO NOT USE for a scanned label or lot, without taking a dose; raises NotFound for a foreign session."""
    with ledger.read() as conn:
        return answers.answer_of_scan(conn, own_session(conn, staff, asked.session), asked.scan, now_ms)


def give(vaccination: Vaccination, staff: Staff, asked: GiveRequest, key: str, now_ms: int) -> Given:
    """Record a dose; the same key gives the same answer, however often and however many at once.

    Raises NotFound (session, appointment), Refused (the gate's reasons, `scan_label`, `wrong_code`, `too_many_codes`,
    the schedule's reasons, `session_closed`, `already_given`, `other_request`) and Unavailable.
    """
    post = _post_of(vaccination, staff, asked, key)
    with vaccination.ledger.read() as conn:
        if (done := _done_before(conn, vaccination, post)) is not None:
            return done
        ready = _prepare(conn, vaccination, staff, asked, now_ms)
    if not ready.code_fits:
        raise _count_wrong_code(vaccination.ledger, staff, ready, now_ms)
    try:
        return _commit(vaccination, staff, ready, post, now_ms)
    except (Refused, IntegrityError) as problem:
        # Another post with the same key may have won in between; then its dose is the answer.
        with vaccination.ledger.read() as conn:
            if (done := _done_before(conn, vaccination, post)) is not None:
                return done
        raise _told(problem) from problem


def already_closed() -> Refused:
    """The refusal of an appointment that is not booked any more."""
    return registration.already_closed()


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


def doses_since(
    conn: Connection, holding_ids: Iterable[str], from_ms: int, after: StoredDose | None, limit: int
) -> list[StoredDose]:
    """Doses from these holdings at or after an instant, oldest first, at most `limit`, behind `after`, for recalls."""
    return store.doses_since(conn, holding_ids, from_ms, after, limit)


def count_doses_since(conn: Connection, holding_ids: Iterable[str], from_ms: int) -> int:
    """How many doses `doses_since` would give in all."""
    return store.count_doses_since(conn, holding_ids, from_ms)


def doses_by_id(conn: Connection, dose_ids: Sequence[str]) -> list[StoredDose]:
    """These doses, as far as they exist, oldest first."""
    return store.doses_by_id(conn, dose_ids)


def _post_of(vaccination: Vaccination, staff: Staff, asked: GiveRequest, key: str) -> Post:
    """Keyed, since a plain hash would give the four digits away; of this site, so that no other site gets an answer."""
    words = (staff.facility_id, asked.session, asked.appointment, asked.scan, asked.citizen_code)
    return Post(key, vaccination.cipher.blind_index("\x1f".join(words), purpose="dose_request"))


def _done_before(conn: Connection, vaccination: Vaccination, post: Post) -> Given | None:
    done = store.dose_by_key(conn, post.key)
    if done is None:
        return None
    if done.request_hash != post.request_hash:
        raise Refused(
            marked("This key was used for another dose."),
            next_step=marked("Begin again with the scan."),
            reason="other_request",
        )
    certificate = certificates.certificate_of_dose(conn, done.id)
    if certificate is None:
        raise NotFound(marked("This dose has no certificate."), dose=done.id)
    link = certificates.link_of(conn, vaccination.cipher, vaccination.keys, certificate.id)
    return Given(done.id, certificate.id, link, is_new=False)


def _prepare(conn: Connection, vaccination: Vaccination, staff: Staff, asked: GiveRequest, now_ms: int) -> Ready:
    """Who, what and when, in one look; the citizen's code is tried last, so that no other refusal says it was right."""
    session = own_session(conn, staff, asked.session)
    booking = own_booking(conn, session, asked.appointment)
    if not session.is_open(now_ms):
        raise Refused(
            marked("This session is not open now."),
            next_step=marked("Choose the session that is open now."),
            reason="session_closed",
        )
    if booking.appointment.state != "booked":
        raise registration.already_closed()
    place = vaccination.remembered.place(conn, session, now_ms)
    person = registration.person_for_dose(vaccination.cipher, booking)
    _check_schedule(conn, place.product, booking, person, now_ms)
    vial = vaccination.remembered.vial(conn, session, asked.scan, now_ms)
    record = _record(place, booking, person, vial, now_ms)
    fits = registration.code_fits(vaccination.cipher, booking, asked.citizen_code)
    return Ready(session, booking, vial, record, fits)


def _check_schedule(conn: Connection, product: Product, booking: Booking, person: PersonForDose, now_ms: int) -> None:
    today = _day(now_ms)
    earlier = [
        EarlierDose(number, _day(at_ms)) for number, at_ms in store.earlier_doses(conn, person.id, product.vaccine)
    ]
    number, age_years = booking.appointment.dose_number, person.age_years_on(today)
    rules.check_schedule(product.schedule, number, age_years, earlier, today)


def _count_wrong_code(ledger: Ledger, staff: Staff, ready: Ready, now_ms: int) -> Refused:
    appointment = ready.booking.appointment.id
    with ledger.write() as conn:
        refused = registration.count_wrong_code(conn, appointment)
        entry = audit.AuditEntry(now_ms, staff.id, "wrong_code", f"appointment/{appointment}")
        audit.append(conn, ready.session.facility_id, entry)
    return refused


def _commit(vaccination: Vaccination, staff: Staff, ready: Ready, post: Post, now_ms: int) -> Given:
    """Sign, then take the lock: the guarded claim and the guarded dose come first, the audit entry last."""
    prepared = certificates.prepare(ready.record, vaccination.keys, now_ms)
    session, dose = ready.session, ready.record.dose
    with vaccination.ledger.write() as conn:
        registration.claim(conn, ready.booking.appointment.id)
        taken = holdings.take_dose(conn, ready.vial.holding, session.facility_id, session.product_id, now_ms)
        store.insert_dose(conn, _dose_row(staff, ready, taken, post, now_ms))
        issued = certificates.commit(conn, vaccination.cipher, prepared, now_ms)
        detail = {"holding": taken.holding, "lot": taken.lot, "session": session.id, "certificate": issued.certificate}
        entry = audit.AuditEntry(now_ms, staff.id, "dose_given", f"dose/{dose}", detail)
        audit.append(conn, session.facility_id, entry)
    return Given(dose, issued.certificate, issued.link)


def _dose_row(staff: Staff, ready: Ready, taken: TakenDose, post: Post, now_ms: int) -> dict[str, object]:
    return {
        "id": ready.record.dose,
        "person_id": ready.booking.appointment.person_id,
        "holding_id": taken.holding,
        "lot_id": taken.lot,
        "facility_id": ready.session.facility_id,
        "session_id": ready.session.id,
        "vaccine": ready.record.vaccine,
        "dose_number": ready.record.dose_number,
        "doses_total": ready.record.doses_total,
        "administered_at_ms": now_ms,
        "staff_id": staff.id,
        "idempotency_key": post.key,
        "request_hash": post.request_hash,
    }


def _record(place: Place, booking: Booking, person: PersonForDose, vial: Vial, now_ms: int) -> DoseRecord:
    """The dose as its certificate will tell it."""
    facility, product = place
    return DoseRecord(
        dose=str(uuid4()),
        certificate=certificates.new_certificate_id(),
        person_name=person.name,
        birth_date=person.birth_date,
        reference_id=person.reference_id,
        vaccine=product.vaccine,
        vaccine_name=product.display_name,
        manufacturer=product.manufacturer,
        batch=vial.batch,
        dose_number=booking.appointment.dose_number,
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


def _told(problem: Refused | IntegrityError) -> Exception:
    """The refusal itself; a broken rule of the table as the refusal it means; any other fault as it is."""
    if isinstance(problem, Refused) or broken_rule(problem) != ONE_DOSE_EACH:
        return problem
    return Refused(
        marked("This dose was recorded before."),
        next_step=marked("Look at the person's earlier doses."),
        reason="already_given",
    )


def _day(at_ms: int) -> date:
    return date.fromisoformat(catalogue.day_of(at_ms))
