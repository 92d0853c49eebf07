"""Registers people and their appointments. Nothing here answers by phone or identity number alone, for any caller."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from portal.errors import FieldProblem
from portal.language import marked
from portal.registration import rules, store
from sheetal.contracts.problem import NotFound, Refused

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.registration.store import StoredAppointment
    from sheetal.ledger.field_cipher import FieldCipher

APPOINTMENTS_MAX = 500
REFERENCE_TRIES_MAX = 5


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What a person gives to be registered."""

    name: str
    birth_date: str
    mobile: str


@dataclass(frozen=True, slots=True)
class PersonForDose:
    """The personal facts that a certificate needs; never logged."""

    id: str
    reference_id: str
    name: str
    birth_date: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking as staff see it: the reference, no name."""

    id: str
    session_id: str
    person_id: str
    reference_id: str
    dose_number: int
    state: str


def add_person(conn: Connection, cipher: FieldCipher, new: NewPerson, now_ms: int) -> PersonForDose:
    """Register a person under a mobile; raises FieldProblem, or Refused (`mobile_full`) above four members."""
    _check(new, now_ms)
    mobile_index = cipher.blind_index(new.mobile, purpose="mobile")
    if store.members_of_mobile(conn, mobile_index) >= rules.MEMBERS_PER_MOBILE_MAX:
        raise Refused(marked("Four people are registered under this mobile already."), reason="mobile_full")
    person_id = str(uuid4())
    values: dict[str, object] = {
        "id": person_id,
        "name_sealed": cipher.seal(new.name, table="person", row=person_id, column="name"),
        "birth_date_sealed": cipher.seal(new.birth_date, table="person", row=person_id, column="birth_date"),
        "mobile_sealed": cipher.seal(new.mobile, table="person", row=person_id, column="mobile"),
        "mobile_index": mobile_index,
        "created_at_ms": now_ms,
    }
    reference_id = _insert_with_new_reference(conn, values)
    return PersonForDose(person_id, reference_id, new.name, new.birth_date)


def book_appointment(
    conn: Connection, cipher: FieldCipher, *, session_id: str, person_id: str, dose_number: int, code: str, now_ms: int
) -> Appointment:
    """Book a person into a session with the 4-digit code of their slip; raises FieldProblem, Refused (`booked`)."""
    if not rules.is_code(code):
        raise FieldProblem(marked("Enter the 4 digits on the slip."), field="code")
    appointment_id = str(uuid4())
    values: dict[str, object] = {
        "id": appointment_id,
        "session_id": session_id,
        "person_id": person_id,
        "dose_number": dose_number,
        "code_hash": _code_hash(cipher, appointment_id, code),
        "wrong_codes": 0,
        "state": "booked",
        "booked_at_ms": now_ms,
    }
    try:
        with conn.begin_nested():
            store.insert_appointment(conn, values)
    except IntegrityError as error:
        raise Refused(marked("This person is booked for this session already."), reason="booked") from error
    return appointment_by_id(conn, appointment_id)


def appointments_of_session(conn: Connection, session_id: str) -> list[Appointment]:
    """The session's bookings, without names."""
    return [_public(row) for row in store.appointments_of_session(conn, session_id, APPOINTMENTS_MAX)]


def appointment_by_id(conn: Connection, appointment_id: str) -> Appointment:
    """One booking; raises NotFound."""
    return _public(_stored(conn, appointment_id))


def code_fits(conn: Connection, cipher: FieldCipher, appointment_id: str, code: str) -> bool:
    """Whether this is the code of the citizen's slip, compared in constant time.

    Raises Refused (`too_many_codes`) once too many were wrong, and NotFound.
    """
    stored = _stored(conn, appointment_id)
    if stored.wrong_codes >= rules.WRONG_CODES_MAX:
        raise Refused(
            marked("Too many wrong codes for this appointment."),
            next_step=marked("Ask the programme manager to check the person's identity."),
            reason="too_many_codes",
        )
    return hmac.compare_digest(stored.code_hash, _code_hash(cipher, appointment_id, code))


def count_wrong_code(conn: Connection, appointment_id: str) -> None:
    """Count a wrong code, in a transaction of its own."""
    store.count_wrong_code(conn, appointment_id)


def wrong_code() -> Refused:
    """The refusal of a wrong code."""
    return Refused(
        marked("The code does not fit this appointment."),
        next_step=marked("Read the 4 digits from the citizen's slip again."),
        reason="wrong_code",
    )


def mark_given(conn: Connection, appointment_id: str) -> None:
    """Close a booking in the dose's own transaction; raises Refused (`already_given`)."""
    if not store.mark_given(conn, appointment_id):
        raise Refused(marked("This appointment is closed already."), reason="already_given")


def reference_of(conn: Connection, person_id: str) -> str:
    """A person's public reference; raises NotFound."""
    found = store.person_by_id(conn, person_id)
    if found is None:
        raise NotFound(marked("There is no such person."))
    return found.reference_id


def person_for_dose(conn: Connection, cipher: FieldCipher, person_id: str) -> PersonForDose:
    """A person's name and birth date for a certificate; raises NotFound."""
    found = store.person_by_id(conn, person_id)
    if found is None:
        raise NotFound(marked("There is no such person."))
    name = cipher.open(found.name_sealed, table="person", row=found.id, column="name")
    born = cipher.open(found.birth_date_sealed, table="person", row=found.id, column="birth_date")
    return PersonForDose(found.id, found.reference_id, name.decode(), born.decode())


def _check(new: NewPerson, now_ms: int) -> None:
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    if not rules.is_name(new.name):
        raise FieldProblem(marked("Enter the name as on the identity card."), field="name")
    if not rules.is_mobile(new.mobile):
        raise FieldProblem(marked("Enter 10 digits, such as 9000000101."), field="mobile")
    if not rules.is_birth_date(new.birth_date, today):
        raise FieldProblem(marked("Enter a date of birth, such as 1988-04-12."), field="birth_date")


def _insert_with_new_reference(conn: Connection, values: dict[str, object]) -> str:
    """References are random, so that none can be guessed from another; a taken one is drawn again."""
    for _ in range(REFERENCE_TRIES_MAX):
        reference_id = str(
            secrets.randbelow(9 * 10 ** (rules.REFERENCE_DIGITS - 1)) + 10 ** (rules.REFERENCE_DIGITS - 1)
        )
        try:
            with conn.begin_nested():
                store.insert_person(conn, {**values, "reference_id": reference_id})
        except IntegrityError:
            continue
        return reference_id
    raise Refused(marked("No reference number could be drawn."), reason="no_reference")


def _stored(conn: Connection, appointment_id: str) -> StoredAppointment:
    found = store.appointment_by_id(conn, appointment_id)
    if found is None:
        raise NotFound(marked("There is no such appointment."))
    return found


def _public(row: StoredAppointment) -> Appointment:
    return Appointment(row.id, row.session_id, row.person_id, row.reference_id, row.dose_number, row.state)


def _code_hash(cipher: FieldCipher, appointment_id: str, code: str) -> str:
    """Keyed, since four digits could be guessed from a plain hash."""
    return cipher.blind_index(f"{appointment_id}:{code}", purpose="appointment_code")
