from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.certificate import service as certificates
from portal.certificate.tables import certificate
from portal.orchestration.tables import vaccination_session
from portal.registration import service as registration
from portal.registration.tables import appointment
from portal.vaccinator import service, store
from portal.vaccinator.schemas import CheckRequest, GiveRequest
from portal.vaccinator.service import Vaccination
from portal.vaccinator.tables import dose
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, catalogue
from tests.portal.clinic import NAME, WRONG_CODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.clinic import Booked, Clinic


def refusal(act: Callable[[], object]) -> object:
    with pytest.raises(Refused) as problem:
        act()
    return problem.value.facts["reason"]


def state_of(clinic: Clinic, booked: Booked) -> str:
    with clinic.ledger.read() as conn:
        return registration.appointment_by_id(conn, booked.appointment).state


def entries(clinic: Clinic) -> list[str]:
    with clinic.ledger.read() as conn:
        assert audit.verify_chain(conn, "F-101").broken_at is None
        return [entry.act for entry in audit.entries(conn, "F-101", 100)]


def nothing_changed(clinic: Clinic, booked: Booked, label: str, doses: int) -> bool:
    untouched = clinic.count(dose) == clinic.count(certificate) == 0 and "dose_given" not in entries(clinic)
    return untouched and clinic.doses_left(label) == doses and state_of(clinic, booked) == "booked"


def test_a_dose_takes_one_closes_the_appointment_signs_and_leaves_a_trace(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    given = clinic.give(booked, "H-1")
    assert given.is_new
    assert clinic.doses_left("H-1") == 19
    assert state_of(clinic, booked) == "given"
    with clinic.ledger.read() as conn:
        entry = audit.entries(conn, "F-101", 1)[0]
        kept = certificates.certificate_of_dose(conn, given.dose)
        row = conn.execute(select(dose)).one()
    assert kept is not None
    assert kept.id == given.certificate
    assert (entry.act, entry.actor, entry.subject) == ("dose_given", clinic.staff.id, f"dose/{given.dose}")
    detail = {"holding": "H-1", "lot": "covishield/CS-2301", "session": clinic.session.id, "certificate": kept.id}
    assert json.loads(entry.detail) == detail
    assert (row.vaccine, row.dose_number, row.doses_total, row.staff_id) == ("COVISHIELD", 1, 2, clinic.staff.id)
    assert given.certificate_url.startswith("http://127.0.0.1:8001/c/")


def test_the_certificate_tells_the_person_the_batch_and_the_place(clinic: Clinic) -> None:
    clinic.receive("H-2", "CS-2302")
    given = clinic.give(clinic.book(), "CS-2302")
    with clinic.ledger.read() as conn:
        record = certificates.slip(conn, clinic.cipher, clinic.keys, given.certificate).record
    assert (record.person_name, record.batch, record.vaccine) == (NAME, "CS-2302", "COVISHIELD")
    assert (record.facility, record.facility_name, record.district_name) == ("F-101", "Centre 101", "North")
    assert (record.dose_number, record.doses_total, record.administered_at_ms) == (1, 2, clinic.now_ms)


def test_a_refusal_of_the_gate_changes_nothing(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    assert refusal(lambda: clinic.give(booked, "H-1")) == "held"
    assert nothing_changed(clinic, booked, "H-1", 20)


@pytest.mark.parametrize(
    ("scan", "reason"),
    [("nothing", "unknown_holding"), ("H-9", "other_facility"), ("H-4", "other_product"), ("CVX-4410", "scan_label")],
)
def test_a_scan_of_the_wrong_thing_changes_nothing(clinic: Clinic, scan: str, reason: str) -> None:
    clinic.receive("H-1", doses=20)
    clinic.receive("H-4", "CVX-4410", issued=False)
    clinic.receive("H-9", issued=False, appliance="A-102-1")
    booked = clinic.book()
    assert refusal(lambda: clinic.give(booked, scan)) == reason
    assert nothing_changed(clinic, booked, "H-1", 20)


def test_a_lot_is_refused_at_the_dose_too_while_another_holding_of_it_is_held(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", issued=False)
    clinic.freeze("H-2", clinic.now_ms - HOUR_MS)
    booked = clinic.book()
    assert refusal(lambda: clinic.give(booked, "CS-2301")) == "scan_label"
    assert clinic.give(booked, "H-1").is_new


def test_a_wrong_code_is_counted_and_leaves_a_trace_and_the_right_one_still_works(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    for _ in range(4):
        assert refusal(lambda: clinic.give(booked, "H-1", code=WRONG_CODE)) == "wrong_code"
    assert nothing_changed(clinic, booked, "H-1", 20)
    assert entries(clinic).count("wrong_code") == 4
    assert clinic.give(booked, "H-1").is_new


def test_five_wrong_codes_lock_the_appointment_and_no_other(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked, other = clinic.book(), clinic.book()
    reasons = [refusal(lambda: clinic.give(booked, "H-1", code=WRONG_CODE)) for _ in range(7)]
    assert reasons == ["wrong_code"] * 5 + ["too_many_codes"] * 2
    assert refusal(lambda: clinic.give(booked, "H-1")) == "too_many_codes"
    assert clinic.give(other, "H-1").is_new


def test_a_code_that_became_locked_between_look_and_lock_is_refused(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    signed = certificates.prepare

    def lock_then_sign(*facts: object) -> object:
        with clinic.ledger.write() as conn:
            conn.execute(update(appointment).values(wrong_codes=5))
        return signed(*facts)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(certificates, "prepare", lock_then_sign)
    assert refusal(lambda: clinic.give(booked, "H-1")) == "too_many_codes"
    assert nothing_changed(clinic, booked, "H-1", 20)


def test_the_same_key_gives_the_same_answer(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    first, again = (clinic.give(booked, "H-1", key="key-0001") for _ in range(2))
    assert again == replace(first, is_new=False)
    assert clinic.doses_left("H-1") == 19


def test_the_same_key_answers_after_the_session_and_after_the_hold(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    first = clinic.give(booked, "H-1", key="key-0001")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    again = clinic.give(booked, "H-1", key="key-0001", now_ms=clinic.now_ms + 30 * DAY_MS)
    assert (again.dose, again.certificate, again.certificate_url) == (
        first.dose,
        first.certificate,
        first.certificate_url,
    )


def test_the_same_key_for_anything_else_is_refused(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302")
    booked, other = clinic.book(), clinic.book()
    clinic.give(booked, "H-1", key="key-0001")
    assert refusal(lambda: clinic.give(other, "H-1", key="key-0001")) == "other_request"
    assert refusal(lambda: clinic.give(booked, "H-2", key="key-0001")) == "other_request"
    assert refusal(lambda: clinic.give(booked, "H-1", key="key-0001", code=WRONG_CODE)) == "other_request"
    assert clinic.count(dose) == 1


def test_another_site_gets_no_answer_by_a_key_it_has_seen(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    clinic.give(booked, "H-1", key="key-0001")
    clinic.staff = replace(clinic.staff, facility_id="F-102")
    assert refusal(lambda: clinic.give(booked, "H-1", key="key-0001")) == "other_request"


def test_the_requests_hash_does_not_give_the_code_away(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    clinic.give(booked, "H-1", key="key-0001")
    keyless = Vaccination(clinic.ledger, type(clinic.cipher)({"k1": b"x" * 32}), clinic.keys)
    asked = GiveRequest(session=booked.session, appointment=booked.appointment, scan="H-1", citizen_code=booked.code)
    with clinic.ledger.read() as conn:
        kept = store.dose_by_key(conn, "key-0001")
    assert kept is not None
    assert service._post_of(clinic.vaccination, clinic.staff, asked, "key-0001").request_hash == kept.request_hash
    assert service._post_of(keyless, clinic.staff, asked, "key-0001").request_hash != kept.request_hash


def test_a_second_row_for_the_same_dose_is_a_refusal_and_rolls_everything_back(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.receive("H-1", doses=20)
    who = clinic.add_person()
    first, second = clinic.book(person=who), clinic.book(person=who, session=clinic.add_session())
    clinic.give(first, "H-1")
    monkeypatch.setattr(store, "earlier_doses", lambda *_: [])
    assert refusal(lambda: clinic.give(second, "H-1")) == "already_given"
    assert (clinic.doses_left("H-1"), state_of(clinic, second)) == (19, "booked")


def test_a_fault_of_the_table_is_not_told_as_a_refusal(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    clinic.staff = replace(clinic.staff, id="nobody")
    with pytest.raises(IntegrityError):
        clinic.give(booked, "H-1")
    assert nothing_changed(clinic, booked, "H-1", 20)


def test_the_course_is_followed(clinic: Clinic) -> None:
    clinic.receive("H-1")
    who = clinic.add_person()
    clinic.give(clinic.book(person=who), "H-1", now_ms=clinic.now_ms)
    for days, reason in ((0, "too_early"), (83, "too_early")):
        with_session = later_session(clinic, days)
        booked = clinic.book(person=who, dose_number=2, session=with_session)
        assert refusal(lambda: clinic.give(booked, "H-1", now_ms=clinic.now_ms + days * DAY_MS)) == reason  # noqa: B023, called at once
    first_again = clinic.book(person=who, dose_number=1, session=clinic.add_session())
    assert refusal(lambda: clinic.give(first_again, "H-1")) == "wrong_dose_number"


def test_on_the_day_the_interval_ends_the_hour_does_not_matter(clinic: Clinic) -> None:
    clinic.receive("H-1")
    who = clinic.add_person()
    clinic.give(clinic.book(person=who), "H-1")
    clinic.now_ms += 84 * DAY_MS - 3 * HOUR_MS
    clinic.judge()
    second = clinic.book(person=who, dose_number=2, session=clinic.add_session())
    assert clinic.give(second, "H-1").is_new


def later_session(clinic: Clinic, days: int):  # noqa: ANN201, a session
    return clinic.add_session(begins_in_ms=days * DAY_MS - HOUR_MS)


def test_a_minor_is_refused_until_the_eighteenth_birthday_by_indian_time(clinic: Clinic) -> None:
    clinic.receive("H-1")
    tomorrow = clinic.book(person=clinic.add_person(birth_date="2008-11-24"))
    today = clinic.book(person=clinic.add_person(birth_date="2008-11-23"))
    assert refusal(lambda: clinic.give(tomorrow, "H-1")) == "too_young"
    assert clinic.give(today, "H-1").is_new


def test_only_an_open_session_gives_doses(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    for at_ms in (clinic.now_ms - 2 * HOUR_MS, clinic.now_ms + 9 * HOUR_MS):
        assert refusal(lambda: clinic.give(booked, "H-1", now_ms=at_ms)) == "session_closed"  # noqa: B023, called at once
    with clinic.ledger.write() as conn:
        conn.execute(update(vaccination_session).values(cancelled_at_ms=clinic.now_ms))
    assert refusal(lambda: clinic.give(booked, "H-1")) == "session_closed"


def test_a_given_or_cancelled_appointment_gives_nothing_more(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked, cancelled = clinic.book(), clinic.book()
    clinic.give(booked, "H-1", key="key-0001")
    assert refusal(lambda: clinic.give(booked, "H-1", key="key-0002")) == "already_given"
    with clinic.ledger.write() as conn:
        gone = update(appointment).where(appointment.c.id == cancelled.appointment)
        conn.execute(gone.values(state="cancelled"))
    assert refusal(lambda: clinic.give(cancelled, "H-1")) == "already_given"


def test_another_sites_sessions_appointments_and_doses_do_not_exist(clinic: Clinic) -> None:
    clinic.receive("H-1")
    theirs = clinic.add_session("F-102")
    booked, foreign = clinic.book(), clinic.book(session=theirs)
    given = clinic.give(booked, "H-1")
    mixed = replace(foreign, session=booked.session)
    stranger = replace(clinic.staff, facility_id="F-102")
    for act in (
        lambda: clinic.give(foreign, "H-1"),
        lambda: clinic.give(mixed, "H-1"),
        lambda: clinic.give(replace(booked, session="nowhere"), "H-1", key="key-0002"),
        lambda: service.check(clinic.ledger, clinic.staff, CheckRequest(session=theirs.id, scan="H-1"), clinic.now_ms),
        lambda: service.given_dose(clinic.ledger, stranger, given.dose),
        lambda: service.given_dose(clinic.ledger, clinic.staff, "nothing"),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_given_dose_is_shown_without_its_person(clinic: Clinic) -> None:
    clinic.receive("H-1")
    given = clinic.give(clinic.book(), "H-1")
    shown = service.given_dose(clinic.ledger, clinic.staff, given.dose)
    assert (shown.dose, shown.certificate, shown.session) == (given.dose, given.certificate, clinic.session.id)
    assert (shown.dose_number, shown.administered_at_ms) == (1, clinic.now_ms)


def test_doses_are_found_for_recalls(clinic: Clinic) -> None:
    clinic.receive("H-1")
    early, late = clinic.dose_from("H-1", clinic.now_ms - 5), clinic.dose_from("H-1")
    with clinic.ledger.read() as conn:
        assert [one.id for one in service.doses_since(conn, ["H-1"], clinic.now_ms, None, 9)] == [late]
        assert service.count_doses_since(conn, ["H-1"], clinic.now_ms - 5) == 2
        assert [one.id for one in service.doses_by_id(conn, [late, early])] == [early, late]


def test_the_closed_appointments_refusal_is_the_registrations(clinic: Clinic) -> None:
    del clinic
    assert service.already_closed().facts["reason"] == "already_given"


def test_the_days_product_decides(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.receive("H-1")
    asked: list[int] = []
    found = catalogue.product_version

    def note(conn: object, product: str, on_ms: int) -> object:
        asked.append(on_ms)
        return found(conn, product, on_ms)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(catalogue, "product_version", note)
    clinic.give(clinic.book(), "H-1", now_ms=clinic.now_ms + 7)
    assert set(asked) == {clinic.now_ms + 7}
