"""All SQL of people and appointments; sealed fields go in and out as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, text, update

from portal.registration.rules import WRONG_CODES_MAX
from portal.registration.tables import appointment, person

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

LOCK_NAMESPACE = 0x5EE7A2


class SealedPerson(NamedTuple):
    """A person as stored."""

    id: str
    reference_id: str
    name_sealed: bytes
    birth_date_sealed: bytes
    mobile_sealed: bytes


class StoredAppointment(NamedTuple):
    """An appointment with its person's public reference."""

    id: str
    session_id: str
    person_id: str
    reference_id: str
    dose_number: int
    state: str
    code_hash: str
    wrong_codes: int


_PERSON = tuple(person.c[name] for name in SealedPerson._fields)
_APPOINTMENT = (
    appointment.c.id,
    appointment.c.session_id,
    appointment.c.person_id,
    person.c.reference_id,
    appointment.c.dose_number,
    appointment.c.state,
    appointment.c.code_hash,
    appointment.c.wrong_codes,
)
_of_person = appointment.c.person_id == person.c.id
# Statements of the dose's own path are made once: building one costs more than running it.
_PERSON_BY_ID = select(*_PERSON).where(person.c.id == bindparam("person"))
_BOOKING = (
    select(*_APPOINTMENT, *_PERSON)
    .join_from(appointment, person, _of_person)
    .where(appointment.c.id == bindparam("appointment"))
)
_CLAIM = (
    update(appointment)
    .where(
        appointment.c.id == bindparam("appointment"),
        appointment.c.state == "booked",
        appointment.c.wrong_codes < WRONG_CODES_MAX,
    )
    .values(state="given")
    .returning(appointment.c.id)
)
_WRONG_CODE = (
    update(appointment)
    .where(appointment.c.id == bindparam("appointment"), appointment.c.wrong_codes < WRONG_CODES_MAX)
    .values(wrong_codes=appointment.c.wrong_codes + 1)
    .returning(appointment.c.wrong_codes)
)


def wait_turn(conn: Connection, subject: str) -> None:
    """Let one transaction at a time count and add for a subject; SQLite's single writer gives this by itself."""
    if conn.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:namespace, hashtext(:subject))")
        conn.execute(lock, {"namespace": LOCK_NAMESPACE, "subject": subject})


def insert_person(conn: Connection, values: dict[str, object]) -> None:
    """Add a person; an IntegrityError says that the reference id is taken."""
    conn.execute(insert(person).values(**values))


def members_of_mobile(conn: Connection, mobile_index: str) -> int:
    """How many people are registered under one mobile."""
    query = select(func.count()).select_from(person).where(person.c.mobile_index == mobile_index)
    return int(conn.execute(query).scalar_one())


def person_by_id(conn: Connection, person_id: str) -> SealedPerson | None:
    """One person, sealed."""
    row = conn.execute(_PERSON_BY_ID, {"person": person_id}).first()
    return None if row is None else SealedPerson(*row)


def insert_appointment(conn: Connection, values: dict[str, object]) -> None:
    """Add a booking; an IntegrityError says that the person is booked for the session already, or does not exist."""
    conn.execute(insert(appointment).values(**values))


def count_appointments(conn: Connection, session_id: str) -> int:
    """How many places of the session are taken."""
    taken = select(func.count()).where(appointment.c.session_id == session_id, appointment.c.state != "cancelled")
    return int(conn.execute(taken).scalar_one())


def appointments_of_session(conn: Connection, session_id: str, limit: int) -> list[StoredAppointment]:
    """The session's bookings in the order of their references."""
    query = select(*_APPOINTMENT).join_from(appointment, person, _of_person)
    query = query.where(appointment.c.session_id == session_id).order_by(person.c.reference_id).limit(limit)
    return [StoredAppointment(*row) for row in conn.execute(query)]


def booking(conn: Connection, appointment_id: str) -> tuple[StoredAppointment, SealedPerson] | None:
    """One booking with its person, in one look."""
    row: Row[*tuple[Any, ...]] | None = conn.execute(_BOOKING, {"appointment": appointment_id}).first()
    if row is None:
        return None
    width = len(_APPOINTMENT)
    return StoredAppointment(*row[:width]), SealedPerson(*row[width:])


def count_wrong_code(conn: Connection, appointment_id: str) -> int | None:
    """Add one wrong code and give the new count; None when the appointment is locked already."""
    count: int | None = conn.execute(_WRONG_CODE, {"appointment": appointment_id}).scalar_one_or_none()
    return count


def claim(conn: Connection, appointment_id: str) -> bool:
    """Close a booked appointment that is not locked; False when it is not booked any more, or locked."""
    return conn.execute(_CLAIM, {"appointment": appointment_id}).first() is not None
