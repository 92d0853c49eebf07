from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from portal.registration import rules, store
from portal.registration.tables import appointment

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic


def test_a_booking_comes_with_its_person_in_one_look(clinic: Clinic) -> None:
    booked = clinic.book()
    with clinic.ledger.read() as conn:
        found = store.booking(conn, booked.appointment)
    assert found is not None
    row, person = found
    assert (row.id, row.person_id, row.state, row.wrong_codes) == (booked.appointment, booked.person, "booked", 0)
    assert (person.id, person.reference_id) == (booked.person, booked.reference) == (row.person_id, row.reference_id)


def test_what_is_not_there_is_none(clinic: Clinic) -> None:
    with clinic.ledger.read() as conn:
        assert store.booking(conn, "nobody") is None
        assert store.person_by_id(conn, "nobody") is None


def test_an_appointment_is_claimed_once(clinic: Clinic) -> None:
    booked = clinic.book()
    with clinic.ledger.write() as conn:
        assert store.claim(conn, booked.appointment)
        assert not store.claim(conn, booked.appointment)


def test_a_locked_appointment_is_not_claimed_and_counts_no_further(clinic: Clinic) -> None:
    booked = clinic.book()
    with clinic.ledger.write() as conn:
        counts = [store.count_wrong_code(conn, booked.appointment) for _ in range(rules.WRONG_CODES_MAX + 2)]
        assert not store.claim(conn, booked.appointment)
    assert counts == [1, 2, 3, 4, 5, None, None]


def test_cancelled_places_are_free_again(clinic: Clinic) -> None:
    booked = [clinic.book() for _ in range(3)]
    with clinic.ledger.write() as conn:
        assert store.count_appointments(conn, clinic.session.id) == 3
        conn.execute(update(appointment).where(appointment.c.id == booked[0].appointment).values(state="cancelled"))
        assert store.count_appointments(conn, clinic.session.id) == 2


def test_bookings_stand_in_order_of_reference_and_end_at_the_limit(clinic: Clinic) -> None:
    references = sorted(clinic.book().reference for _ in range(4))
    with clinic.ledger.read() as conn:
        found = store.appointments_of_session(conn, clinic.session.id, 3)
    assert [row.reference_id for row in found] == references[:3]


def test_a_reference_stands_for_one_person(clinic: Clinic) -> None:
    person = clinic.add_person()
    values: dict[str, object] = {
        "id": "another",
        "reference_id": person.reference_id,
        "name_sealed": b"x",
        "birth_date_sealed": b"x",
        "mobile_sealed": b"x",
        "mobile_index": "x",
        "created_at_ms": 0,
    }
    with clinic.ledger.write() as conn, pytest.raises(IntegrityError), conn.begin_nested():
        store.insert_person(conn, values)


def test_waiting_for_a_turn_costs_nothing_on_sqlite(clinic: Clinic) -> None:
    with clinic.ledger.write() as conn:
        store.wait_turn(conn, "anything")
        assert store.members_of_mobile(conn, "anything") == 0


def test_members_are_counted_by_mobile_alone(clinic: Clinic) -> None:
    for mobile in ("9812345670", "9812345670", "9812345671"):
        clinic.add_person(mobile=mobile)
    with clinic.ledger.read() as conn:
        counts = [
            store.members_of_mobile(conn, clinic.cipher.blind_index(mobile, purpose="mobile"))
            for mobile in ("9812345670", "9812345671", "9812345672")
        ]
    assert counts == [2, 1, 0]


def test_a_wrong_code_counts_on_one_appointment_alone(clinic: Clinic) -> None:
    booked, other = clinic.book(), clinic.book()
    with clinic.ledger.write() as conn:
        assert store.count_wrong_code(conn, booked.appointment) == 1
        found = store.booking(conn, other.appointment)
    assert found is not None
    assert found[0].wrong_codes == 0
