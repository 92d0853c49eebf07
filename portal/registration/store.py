"""All SQL of people and appointments; sealed fields go in and out as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, insert, select, update

from portal.registration.tables import appointment, person

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


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
    code_hash: str
    wrong_codes: int
    state: str


def insert_person(conn: Connection, values: dict[str, object]) -> None:
    """Add a person; an IntegrityError says that the reference id is taken."""
    conn.execute(insert(person).values(**values))


def members_of_mobile(conn: Connection, mobile_index: str) -> int:
    """How many people are registered under one mobile."""
    query = select(func.count()).select_from(person).where(person.c.mobile_index == mobile_index)
    return int(conn.execute(query).scalar_one())


def person_by_id(conn: Connection, person_id: str) -> SealedPerson | None:
    """One person, sealed."""
    columns = (
        person.c.id,
        person.c.reference_id,
        person.c.name_sealed,
        person.c.birth_date_sealed,
        person.c.mobile_sealed,
    )
    row = conn.execute(select(*columns).where(person.c.id == person_id)).first()
    return None if row is None else SealedPerson(*row)


def insert_appointment(conn: Connection, values: dict[str, object]) -> None:
    """Add a booking; an IntegrityError says that this person is booked for the session already."""
    conn.execute(insert(appointment).values(**values))


def appointments_of_session(conn: Connection, session_id: str, limit: int) -> list[StoredAppointment]:
    """The session's bookings in the order of their references."""
    query = _appointments().where(appointment.c.session_id == session_id).order_by(person.c.reference_id)
    return [_appointment(row) for row in conn.execute(query.limit(limit))]


def appointment_by_id(conn: Connection, appointment_id: str) -> StoredAppointment | None:
    """One booking."""
    row = conn.execute(_appointments().where(appointment.c.id == appointment_id)).first()
    return None if row is None else _appointment(row)


def count_wrong_code(conn: Connection, appointment_id: str) -> int:
    """Add one wrong code and give the new count."""
    statement = (
        update(appointment)
        .where(appointment.c.id == appointment_id)
        .values(wrong_codes=appointment.c.wrong_codes + 1)
        .returning(appointment.c.wrong_codes)
    )
    return int(conn.execute(statement).scalar_one())


def mark_given(conn: Connection, appointment_id: str) -> bool:
    """Close a booked appointment; False when it was not booked any more."""
    statement = (
        update(appointment)
        .where(appointment.c.id == appointment_id, appointment.c.state == "booked")
        .values(state="given")
        .returning(appointment.c.id)
    )
    return conn.execute(statement).first() is not None


def _appointments() -> Any:  # noqa: ANN401, SQLAlchemy's Select carries its columns in a type too long to write
    return select(
        appointment.c.id,
        appointment.c.session_id,
        appointment.c.person_id,
        person.c.reference_id,
        appointment.c.dose_number,
        appointment.c.code_hash,
        appointment.c.wrong_codes,
        appointment.c.state,
    ).join_from(appointment, person, appointment.c.person_id == person.c.id)


def _appointment(row: Row[*tuple[Any, ...]]) -> StoredAppointment:
    return StoredAppointment(*row)
