"""Registers people and their appointments. Nothing here answers by phone or identity number alone, for any caller."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from portal.errors import FieldProblem
from portal.language import marked
from portal.orchestration import service as orchestration
from portal.registration import rules, store
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, audit, catalogue
from sheetal.ledger.integrity import broken_rule

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.registration.store import SealedPerson, StoredAppointment
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

APPOINTMENTS_MAX = 500
SESSIONS_AHEAD_MS = 7 * DAY_MS
REFERENCE_TRIES_MAX = 5


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What a person gives to be registered."""

    name: str = field(repr=False)
    birth_date: str = field(repr=False)
    mobile: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAppointment:
    """A person's place in a session, opened with the 4-digit code of their slip; `actor` is who books."""

    session_id: str
    person_id: str
    dose_number: int
    code: str = field(repr=False)
    actor: str


@dataclass(frozen=True, slots=True)
class PersonForDose:
    """The personal facts that a certificate needs; never logged."""

    id: str
    reference_id: str
    name: str = field(repr=False)
    birth_date: str = field(repr=False)

    def age_years_on(self, day: date) -> int:
        """Full years of age on a day."""
        return rules.age_years(self.birth_date, day)


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a person; never logged."""

    reference_id: str
    name: str = field(repr=False)
    mobile: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking as staff see it: the reference, no name."""

    id: str
    session_id: str
    person_id: str
    reference_id: str
    dose_number: int
    state: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking with its person, still sealed, and its code; only for recording the dose."""

    appointment: Appointment
    person: SealedPerson = field(repr=False)
    code_hash: str = field(repr=False)
    is_locked: bool


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A planned session as anyone may know it."""

    facility_name: str
    facility_name_hindi: str
    district_name: str
    vaccine_name: str
    vaccine_name_hindi: str
    starts_at_ms: int
    ends_at_ms: int


def open_sessions(ledger: Ledger, now_ms: int) -> list[OpenSession]:
    """The sessions that end within the coming week and are not over, in order of start."""
    with ledger.read() as conn:
        planned = orchestration.sessions(conn, None, now_ms, now_ms + SESSIONS_AHEAD_MS)
        places = {place.id: place for place in assets.facilities(conn)}
        products = {
            product_id: catalogue.product_version(conn, product_id, now_ms)
            for product_id in {one.product_id for one in planned}
        }
    return [
        OpenSession(
            facility_name=places[one.facility_id].name,
            facility_name_hindi=places[one.facility_id].name_hindi,
            district_name=places[one.facility_id].district_name,
            vaccine_name=products[one.product_id].display_name,
            vaccine_name_hindi=products[one.product_id].display_name_hindi,
            starts_at_ms=one.starts_at_ms,
            ends_at_ms=one.ends_at_ms,
        )
        for one in planned
        if one.cancelled_at_ms is None
    ]


def add_person(conn: Connection, cipher: FieldCipher, new: NewPerson, now_ms: int) -> PersonForDose:
    """Register a person under a mobile; raises FieldProblem, or Refused (`mobile_full`) above four members."""
    name = rules.normal_name(new.name)
    _check(name, new, now_ms)
    mobile_index = cipher.blind_index(new.mobile, purpose="mobile")
    store.wait_turn(conn, mobile_index)
    if store.members_of_mobile(conn, mobile_index) >= rules.MEMBERS_PER_MOBILE_MAX:
        raise Refused(marked("Four people are registered under this mobile already."), reason="mobile_full")
    person_id = str(uuid4())
    values: dict[str, object] = {
        "id": person_id,
        "name_sealed": cipher.seal(name, table="person", row=person_id, column="name"),
        "birth_date_sealed": cipher.seal(new.birth_date, table="person", row=person_id, column="birth_date"),
        "mobile_sealed": cipher.seal(new.mobile, table="person", row=person_id, column="mobile"),
        "mobile_index": mobile_index,
        "created_at_ms": now_ms,
    }
    reference_id = _insert_with_new_reference(conn, values)
    return PersonForDose(person_id, reference_id, name, new.birth_date)


def book_appointment(conn: Connection, cipher: FieldCipher, new: NewAppointment, now_ms: int) -> Appointment:
    """Book a person into a session.

    Raises FieldProblem, NotFound (session, person) and Refused (`session_over`, `full`, `booked`).
    """
    if not rules.is_code(new.code):
        raise FieldProblem(marked("Enter the 4 digits on the slip."), field="code")
    if new.dose_number < 1:
        raise FieldProblem(marked("Doses are counted from 1."), field="dose_number")
    facility_id = _check_place(conn, new.session_id, now_ms)
    appointment_id = str(uuid4())
    values: dict[str, object] = {
        "id": appointment_id,
        "session_id": new.session_id,
        "person_id": new.person_id,
        "dose_number": new.dose_number,
        "code_hash": _code_hash(cipher, appointment_id, new.code),
        "wrong_codes": 0,
        "state": "booked",
        "booked_at_ms": now_ms,
    }
    _insert_booking(conn, values)
    detail = {"session": new.session_id, "dose_number": new.dose_number}
    entry = audit.AuditEntry(now_ms, new.actor, "appointment_booked", f"appointment/{appointment_id}", detail)
    audit.append(conn, facility_id, entry)
    return appointment_by_id(conn, appointment_id)


def appointments_of_session(conn: Connection, session_id: str) -> list[Appointment]:
    """The session's bookings, without names; at most 500."""
    return [_public(row) for row in store.appointments_of_session(conn, session_id, APPOINTMENTS_MAX)]


def appointment_by_id(conn: Connection, appointment_id: str) -> Appointment:
    """One booking; raises NotFound."""
    return booking(conn, appointment_id).appointment


def booking(conn: Connection, appointment_id: str) -> Booking:
    """One booking with its person, sealed, in one look; raises NotFound."""
    found = store.booking(conn, appointment_id)
    if found is None:
        raise NotFound(marked("There is no such appointment."))
    row, person = found
    return Booking(_public(row), person, row.code_hash, is_locked=row.wrong_codes >= rules.WRONG_CODES_MAX)


def code_fits(cipher: FieldCipher, of: Booking, code: str) -> bool:
    """Whether this is the code of the citizen's slip, compared in constant time.

    Raises Refused (`too_many_codes`) once too many were wrong.
    """
    if of.is_locked:
        raise _too_many_codes()
    return hmac.compare_digest(of.code_hash, _code_hash(cipher, of.appointment.id, code))


def count_wrong_code(conn: Connection, appointment_id: str) -> Refused:
    """Count a wrong code and give its refusal, to be raised once the count is committed."""
    if store.count_wrong_code(conn, appointment_id) is None:
        return _too_many_codes()
    return Refused(
        marked("The code does not fit this appointment."),
        next_step=marked("Read the 4 digits from the citizen's slip again."),
        reason="wrong_code",
    )


def claim(conn: Connection, appointment_id: str) -> None:
    """Close a booking in the dose's own transaction.

    Guarded by the count of wrong codes too, so that codes tried at the same time cannot outrun it. Raises NotFound and
    Refused (`too_many_codes`, `already_given`).
    """
    if store.claim(conn, appointment_id):
        return
    if booking(conn, appointment_id).is_locked:
        raise _too_many_codes()
    raise already_closed()


def already_closed() -> Refused:
    """The refusal of an appointment that is not booked any more."""
    return Refused(marked("This appointment is closed already."), reason="already_given")


def reference_of(conn: Connection, person_id: str) -> str:
    """A person's public reference; raises NotFound."""
    return _person(conn, person_id).reference_id


def contact_of(conn: Connection, cipher: FieldCipher, person_id: str) -> Contact:
    """A person's name and mobile; the caller checks who may ask and leaves a trace. Raises NotFound."""
    found = _person(conn, person_id)
    return Contact(found.reference_id, _open(cipher, found, "name"), _open(cipher, found, "mobile"))


def person_for_dose(cipher: FieldCipher, of: Booking) -> PersonForDose:
    """The booked person's name and birth date for a certificate."""
    found = of.person
    return PersonForDose(found.id, found.reference_id, _open(cipher, found, "name"), _open(cipher, found, "birth_date"))


def _check(name: str, new: NewPerson, now_ms: int) -> None:
    today = date.fromisoformat(catalogue.day_of(now_ms))
    if not rules.is_name(name):
        raise FieldProblem(marked("Enter the name as on the identity card."), field="name")
    if not rules.is_mobile(new.mobile):
        raise FieldProblem(marked("Enter 10 digits, such as 9000000101."), field="mobile")
    if not rules.is_birth_date(new.birth_date, today):
        raise FieldProblem(marked("Enter a date of birth, such as 1988-04-12."), field="birth_date")


def _check_place(conn: Connection, session_id: str, now_ms: int) -> str:
    """The facility of a session that has a place left."""
    session = orchestration.session_by_id(conn, session_id)
    if session.cancelled_at_ms is not None or session.ends_at_ms <= now_ms:
        raise Refused(marked("This session is over or cancelled."), reason="session_over")
    store.wait_turn(conn, session_id)
    if store.count_appointments(conn, session_id) >= session.capacity:
        raise Refused(marked("This session is full."), next_step=marked("Book another session."), reason="full")
    return session.facility_id


def _insert_booking(conn: Connection, values: dict[str, object]) -> None:
    try:
        with conn.begin_nested():
            store.insert_appointment(conn, values)
    except IntegrityError as error:
        if broken_rule(error) == "uq_appointment_session_id_person_id":
            raise Refused(marked("This person is booked for this session already."), reason="booked") from error
        raise NotFound(marked("There is no such person.")) from error


def _insert_with_new_reference(conn: Connection, values: dict[str, object]) -> str:
    """References are random, so that none can be guessed from another; a taken one is drawn again."""
    lowest = 10 ** (rules.REFERENCE_DIGITS - 1)
    for _ in range(REFERENCE_TRIES_MAX):
        reference_id = str(lowest + secrets.randbelow(9 * lowest))
        try:
            with conn.begin_nested():
                store.insert_person(conn, {**values, "reference_id": reference_id})
        except IntegrityError:
            continue
        return reference_id
    raise Refused(marked("No reference number could be drawn."), reason="no_reference")


def _person(conn: Connection, person_id: str) -> SealedPerson:
    found = store.person_by_id(conn, person_id)
    if found is None:
        raise NotFound(marked("There is no such person."))
    return found


def _open(cipher: FieldCipher, person: SealedPerson, column: str) -> str:
    sealed: bytes = getattr(person, f"{column}_sealed")
    return cipher.open(sealed, table="person", row=person.id, column=column).decode()


def _public(row: StoredAppointment) -> Appointment:
    return Appointment(row.id, row.session_id, row.person_id, row.reference_id, row.dose_number, row.state)


def _code_hash(cipher: FieldCipher, appointment_id: str, code: str) -> str:
    """Keyed, since four digits could be guessed from a plain hash."""
    return cipher.blind_index(f"{appointment_id}:{code}", purpose="appointment_code")


def _too_many_codes() -> Refused:
    return Refused(
        marked("Too many wrong codes for this appointment."),
        next_step=marked("Ask the programme manager to check the person's identity."),
        reason="too_many_codes",
    )
