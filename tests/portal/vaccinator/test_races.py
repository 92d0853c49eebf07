"""Many at once, by threads on a real ledger: one dose a key, a person and a vial, and none behind a hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from portal.certificate.tables import certificate
from portal.registration import service as registration
from portal.vaccinator.tables import dose
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from portal.vaccinator.schemas import Given
    from tests.portal.clinic import Booked, Clinic


def outcome(clinic: Clinic, booked: Booked, *, key: str = "", code: str = "") -> str:
    try:
        return "new" if clinic.give(booked, "H-1", key=key, code=code).is_new else "again"
    except Refused as refused:
        return str(refused.facts["reason"])


def state_of(clinic: Clinic, booked: Booked) -> str:
    with clinic.ledger.read() as conn:
        return registration.appointment_by_id(conn, booked.appointment).state


def test_codes_tried_at_the_same_time_cannot_outrun_the_count(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    start = Barrier(20)

    def guess(number: int) -> str:
        start.wait(10)
        return outcome(clinic, booked, key=f"guess-{number}", code=f"{number:04}")

    with ThreadPoolExecutor(20) as pool:
        reasons = list(pool.map(guess, range(20)))
    assert reasons.count("wrong_code") == 5
    assert reasons.count("too_many_codes") == 15
    assert outcome(clinic, booked) == "too_many_codes"


def test_twenty_equal_posts_at_once_are_one_dose(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    start = Barrier(20)

    def post(_: int) -> Given:
        start.wait(10)
        return clinic.give(booked, "H-1", key="key-0001")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert sum(answer.is_new for answer in answers) == 1
    assert len({(answer.dose, answer.certificate, answer.certificate_url) for answer in answers}) == 1
    assert (clinic.count(dose), clinic.count(certificate), clinic.doses_left("H-1")) == (1, 1, 19)


def test_different_keys_for_one_appointment_at_once_are_one_dose(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    start = Barrier(8)

    def post(number: int) -> str:
        start.wait(10)
        return outcome(clinic, booked, key=f"key-{number:04}")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert sorted(answers) == ["already_given"] * 7 + ["new"]
    assert (clinic.count(dose), clinic.doses_left("H-1")) == (1, 19)


def test_the_last_dose_is_given_once(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=3)
    people = [clinic.book() for _ in range(8)]
    start = Barrier(8)

    def post(booked: Booked) -> str:
        start.wait(10)
        return outcome(clinic, booked)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, people))
    assert sorted(answers) == ["new"] * 3 + ["no_doses_left"] * 5
    assert (clinic.count(dose), clinic.count(certificate), clinic.doses_left("H-1")) == (3, 3, 0)
    assert sorted(state_of(clinic, booked) for booked in people) == ["booked"] * 5 + ["given"] * 3


def test_one_person_in_two_sessions_gets_one_first_dose(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=20)
    who = clinic.add_person()
    bookings = [clinic.book(person=who), clinic.book(person=who, session=clinic.add_session())]
    start = Barrier(2)

    def post(booked: Booked) -> str:
        start.wait(10)
        return outcome(clinic, booked)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(post, bookings))
    assert answers.count("new") == 1
    assert set(answers) - {"new"} <= {"already_given", "wrong_dose_number"}
    assert (clinic.count(dose), clinic.doses_left("H-1")) == (1, 19)


@pytest.mark.parametrize("times", range(3))
def test_a_dose_against_a_hold_is_before_it_or_never(clinic: Clinic, times: int) -> None:
    del times
    clinic.receive("H-1", doses=50)
    people = [clinic.book() for _ in range(10)]
    start = Barrier(11)

    def post(booked: Booked) -> bool:
        start.wait(10)
        try:
            return clinic.give(booked, "H-1").is_new
        except Refused as refused:
            return refused.facts["reason"] != "held"

    def hold(_: None) -> int:
        start.wait(10)
        clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
        return clinic.doses_left("H-1")

    with ThreadPoolExecutor(11) as pool:
        left_at_hold = pool.submit(hold, None)
        given = sum(pool.map(post, people))
    assert clinic.doses_left("H-1") == left_at_hold.result() == 50 - given
    assert clinic.count(dose) == given
