from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from portal.errors import FieldProblem
from portal.orchestration.tables import vaccination_session
from portal.registration import rules, service
from portal.registration.service import NewAppointment, NewPerson
from portal.registration.tables import appointment, person
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import NotFound, Refused, Rejected
from sheetal.ledger import audit
from tests.portal.clinic import BIRTH_DATE, CODE, MOBILE, NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.clinic import Clinic

NEW = NewPerson(NAME, BIRTH_DATE, MOBILE)


def place(clinic: Clinic, **changes: object) -> NewAppointment:
    words: dict[str, object] = {"session_id": clinic.session.id, "dose_number": 1, "code": CODE, "actor": "manager"}
    words["person_id"] = changes.pop("person_id", None) or clinic.add_person().id
    return NewAppointment(**(words | changes))  # type: ignore[arg-type]  # each test changes one word


def book(clinic: Clinic, **changes: object) -> service.Appointment:
    new = place(clinic, **changes)
    with clinic.ledger.write() as conn:
        return service.book_appointment(conn, clinic.cipher, new, clinic.now_ms)


def reason_of(problem: pytest.ExceptionInfo[Refused]) -> object:
    return problem.value.facts["reason"]


def test_a_person_is_kept_sealed_and_gets_a_reference_of_fourteen_digits(clinic: Clinic) -> None:
    with clinic.ledger.write() as conn:
        made = service.add_person(conn, clinic.cipher, NEW, clinic.now_ms)
        row = conn.execute(select(person).where(person.c.id == made.id)).one()
    assert len(made.reference_id) == 14
    assert made.reference_id.isdecimal()
    assert not made.reference_id.startswith("0")
    for secret in (NAME, BIRTH_DATE, MOBILE):
        assert secret.encode() not in row.name_sealed + row.birth_date_sealed + row.mobile_sealed
        assert secret not in row.mobile_index


def test_a_sealed_field_does_not_open_in_another_row_or_column(clinic: Clinic) -> None:
    made = clinic.add_person()
    with clinic.ledger.read() as conn:
        row = conn.execute(select(person).where(person.c.id == made.id)).one()
    for place_of in ({"row": "another", "column": "name"}, {"row": made.id, "column": "mobile"}):
        with pytest.raises(Rejected):
            clinic.cipher.open(row.name_sealed, table="person", **place_of)


def test_personal_facts_never_stand_in_a_repr(clinic: Clinic) -> None:
    made = clinic.book()
    with clinic.ledger.read() as conn:
        booking = service.booking(conn, made.appointment)
        said = [
            repr(NEW),
            repr(booking),
            repr(service.person_for_dose(clinic.cipher, booking)),
            repr(service.contact_of(conn, clinic.cipher, made.person)),
            repr(place(clinic)),
        ]
    for secret in (NAME, BIRTH_DATE, MOBILE, booking.code_hash):
        assert not [text for text in said if secret in text]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"mobile": "12345"}, "mobile"),
        ({"birth_date": "2027-01-01"}, "birth_date"),
        ({"birth_date": "soon"}, "birth_date"),
    ],
)
def test_a_wrong_answer_names_its_field(clinic: Clinic, changed: dict[str, str], field: str) -> None:
    with clinic.ledger.write() as conn, pytest.raises(FieldProblem) as problem:
        service.add_person(conn, clinic.cipher, replace(NEW, **changed), clinic.now_ms)
    assert problem.value.facts["field"] == field


def test_a_child_born_today_by_indian_time_is_registered(clinic: Clinic) -> None:
    half_past_midnight_ms = 1_795_374_600_000 + 86_400_000  # 24 Nov 2026 00:40 IST, still 23 Nov in UTC
    with clinic.ledger.write() as conn:
        made = service.add_person(conn, clinic.cipher, replace(NEW, birth_date="2026-11-24"), half_past_midnight_ms)
    assert made.birth_date == "2026-11-24"


def test_a_mobile_takes_four_members(clinic: Clinic) -> None:
    with clinic.ledger.write() as conn:
        references = {service.add_person(conn, clinic.cipher, NEW, clinic.now_ms).reference_id for _ in range(4)}
        with pytest.raises(Refused) as problem:
            service.add_person(conn, clinic.cipher, NEW, clinic.now_ms)
    assert len(references) == 4
    assert reason_of(problem) == "mobile_full"


def test_a_taken_reference_is_drawn_again(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([7, 7, 8])
    monkeypatch.setattr("portal.registration.service.secrets.randbelow", lambda _: next(drawn))
    first, second = clinic.add_person(), clinic.add_person()
    assert (first.reference_id, second.reference_id) == ("10000000000007", "10000000000008")


def test_references_that_are_all_taken_are_a_refusal(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.registration.service.secrets.randbelow", lambda _: 7)
    clinic.add_person()
    with pytest.raises(Refused) as problem:
        clinic.add_person()
    assert reason_of(problem) == "no_reference"


def test_a_booking_shows_the_reference_and_leaves_a_trace_without_the_person(clinic: Clinic) -> None:
    made = book(clinic)
    with clinic.ledger.read() as conn:
        assert service.appointments_of_session(conn, clinic.session.id) == [made]
        entry = audit.entries(conn, "F-101", 1)[0]
        assert audit.verify_chain(conn, "F-101").broken_at is None
    assert made.state == "booked"
    assert (entry.act, entry.actor, entry.subject) == ("appointment_booked", "manager", f"appointment/{made.id}")
    assert json.loads(entry.detail) == {"session": clinic.session.id, "dose_number": 1}


def test_the_code_is_kept_under_a_key(clinic: Clinic) -> None:
    made, other = book(clinic), book(clinic)
    with clinic.ledger.read() as conn:
        hashes = {row.id: row.code_hash for row in conn.execute(select(appointment.c.id, appointment.c.code_hash))}
    assert hashes[made.id] != hashes[other.id]
    assert CODE not in hashes[made.id]
    assert clinic.cipher.blind_index(CODE, purpose="appointment_code") not in hashes.values()


@pytest.mark.parametrize(
    ("changed", "field"), [({"code": "12"}, "code"), ({"code": "12a4"}, "code"), ({"dose_number": 0}, "dose_number")]
)
def test_a_wrong_booking_names_its_field(clinic: Clinic, changed: dict[str, object], field: str) -> None:
    with pytest.raises(FieldProblem) as problem:
        book(clinic, **changed)
    assert problem.value.facts["field"] == field


def test_a_person_has_one_place_in_a_session(clinic: Clinic) -> None:
    who = clinic.add_person().id
    book(clinic, person_id=who)
    with pytest.raises(Refused) as problem:
        book(clinic, person_id=who)
    assert reason_of(problem) == "booked"


def test_nobody_is_booked_who_does_not_exist_and_nowhere_that_does_not(clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        book(clinic, person_id="nobody")
    with pytest.raises(NotFound):
        book(clinic, session_id="nowhere")
    assert clinic.count(appointment) == 0


def test_a_session_takes_as_many_as_it_has_places(clinic: Clinic) -> None:
    clinic.session = clinic.add_session(capacity=2)
    book(clinic)
    book(clinic)
    with pytest.raises(Refused) as problem:
        book(clinic)
    assert reason_of(problem) == "full"


def test_a_session_that_is_over_or_cancelled_takes_nobody(clinic: Clinic) -> None:
    over = clinic.add_session(begins_in_ms=-10 * HOUR_MS)
    with pytest.raises(Refused) as problem:
        book(clinic, session_id=over.id)
    assert reason_of(problem) == "session_over"
    with clinic.ledger.write() as conn:
        conn.execute(update(vaccination_session).values(cancelled_at_ms=clinic.now_ms))
    with pytest.raises(Refused) as problem:
        book(clinic)
    assert reason_of(problem) == "session_over"


def test_only_the_right_code_fits(clinic: Clinic) -> None:
    made = book(clinic)
    with clinic.ledger.read() as conn:
        booking = service.booking(conn, made.id)
    fitting = [code for code in (f"{number:04}" for number in range(4_700, 4_900)) if fits(clinic, booking, code)]
    assert fitting == [CODE]


def fits(clinic: Clinic, booking: service.Booking, code: str) -> bool:
    return service.code_fits(clinic.cipher, booking, code)


def test_after_five_wrong_codes_not_even_the_right_one_helps(clinic: Clinic) -> None:
    made = book(clinic)
    with clinic.ledger.write() as conn:
        refusals = [service.count_wrong_code(conn, made.id) for _ in range(rules.WRONG_CODES_MAX + 1)]
        locked = service.booking(conn, made.id)
        with pytest.raises(Refused) as claimed:
            service.claim(conn, made.id)
    assert [refused.facts["reason"] for refused in refusals] == ["wrong_code"] * 5 + ["too_many_codes"]
    with pytest.raises(Refused) as tried:
        fits(clinic, locked, CODE)
    assert reason_of(tried) == reason_of(claimed) == "too_many_codes"


def test_an_appointment_is_closed_once(clinic: Clinic) -> None:
    made = book(clinic)
    with clinic.ledger.write() as conn:
        service.claim(conn, made.id)
        with pytest.raises(Refused) as problem:
            service.claim(conn, made.id)
        assert service.appointment_by_id(conn, made.id).state == "given"
    assert reason_of(problem) == "already_given"


def test_a_person_opens_for_the_certificate_and_for_the_recall(clinic: Clinic) -> None:
    with clinic.ledger.write() as conn:
        made = service.add_person(conn, clinic.cipher, NEW, clinic.now_ms)
    booked = clinic.book(person=made)
    with clinic.ledger.read() as conn:
        contact = service.contact_of(conn, clinic.cipher, made.id)
        assert service.reference_of(conn, made.id) == made.reference_id
        booking = service.booking(conn, booked.appointment)
    assert service.person_for_dose(clinic.cipher, booking) == made
    assert (contact.name, contact.mobile, contact.reference_id) == (NAME, MOBILE, made.reference_id)


def test_who_is_not_there_is_not_found(clinic: Clinic) -> None:
    with clinic.ledger.read() as conn:
        for ask in (
            lambda: service.reference_of(conn, "nobody"),
            lambda: service.contact_of(conn, clinic.cipher, "nobody"),
            lambda: service.appointment_by_id(conn, "nothing"),
        ):
            with pytest.raises(NotFound):
                ask()


def test_one_person_at_once_takes_one_place(clinic: Clinic) -> None:
    who = clinic.add_person().id
    assert sorted(at_once(8, lambda: book(clinic, person_id=who))) == ["booked"] * 7 + ["done"]
    assert clinic.count(appointment) == 1


def test_many_at_once_take_no_more_places_than_there_are(clinic: Clinic) -> None:
    clinic.session = clinic.add_session(capacity=3)
    assert sorted(at_once(8, lambda: book(clinic))) == ["done"] * 3 + ["full"] * 5
    assert clinic.count(appointment) == 3


def test_many_at_once_are_no_more_than_four_members_of_a_mobile(clinic: Clinic) -> None:
    def register() -> None:
        with clinic.ledger.write() as conn:
            service.add_person(conn, clinic.cipher, NEW, clinic.now_ms)

    assert sorted(at_once(7, register)) == ["done"] * 4 + ["mobile_full"] * 3
    assert clinic.count(person) == 4


def test_an_appointment_claimed_by_many_at_once_is_claimed_once(clinic: Clinic) -> None:
    made = book(clinic)

    def claim() -> None:
        with clinic.ledger.write() as conn:
            service.claim(conn, made.id)

    assert sorted(at_once(6, claim)) == ["already_given"] * 5 + ["done"]


def at_once(times: int, act: Callable[[], object]) -> list[str]:
    start = Barrier(times)

    def one(_: int) -> str:
        start.wait(10)
        try:
            act()
        except Refused as refused:
            return str(refused.facts["reason"])
        return "done"

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_a_refused_booking_leaves_neither_a_row_nor_a_trace(clinic: Clinic) -> None:
    who = clinic.add_person().id
    book(clinic, person_id=who)
    with clinic.ledger.read() as conn:
        before = len(audit.entries(conn, "F-101", 100))
    for changed in ({"person_id": who}, {"person_id": "nobody"}, {"session_id": "nowhere"}):
        with pytest.raises((Refused, NotFound)):
            book(clinic, **changed)
    with clinic.ledger.read() as conn:
        assert len(audit.entries(conn, "F-101", 100)) == before
    assert clinic.count(appointment) == 1


def test_every_refusal_says_the_next_step_where_there_is_one(clinic: Clinic) -> None:
    made = book(clinic)
    with clinic.ledger.write() as conn:
        wrong = service.count_wrong_code(conn, made.id)
        for _ in range(rules.WRONG_CODES_MAX):
            locked = service.count_wrong_code(conn, made.id)
    assert wrong.next_step == "Read the 4 digits from the citizen's slip again."
    assert locked.next_step == "Ask the programme manager to check the person's identity."


def test_a_booking_keeps_its_dose_number_and_its_person(clinic: Clinic) -> None:
    who = clinic.add_person()
    made = book(clinic, person_id=who.id, dose_number=2)
    with clinic.ledger.read() as conn:
        found = service.booking(conn, made.id)
    assert found.appointment == made
    assert (made.dose_number, made.person_id, made.reference_id) == (2, who.id, who.reference_id)
    assert not found.is_locked


def test_age_is_told_by_the_day(clinic: Clinic) -> None:
    who = clinic.add_person(birth_date="2008-11-23")
    assert [who.age_years_on(date(2026, 11, day)) for day in (22, 23, 24)] == [17, 18, 18]
