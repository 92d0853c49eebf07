from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from portal.orchestration.tables import vaccination_session
from portal.vaccinator import site
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import NotFound

if TYPE_CHECKING:
    from portal.orchestration.service import Session
    from portal.vaccinator.schemas import Today
    from tests.portal.clinic import Clinic


def today(clinic: Clinic, session: Session | None = None) -> Today | None:
    return site.today(clinic.ledger, clinic.staff, session.id if session else "", clinic.now_ms)


def test_the_session_that_is_open_now_is_shown_with_its_names(clinic: Clinic) -> None:
    clinic.add_session(begins_in_ms=10 * HOUR_MS)
    found = today(clinic)
    assert found is not None
    assert (found.session, found.is_open) == (clinic.session, True)
    assert (found.site.facility_name, found.site.product_name, found.site.doses_total) == (
        "Centre 101",
        "Covishield",
        2,
    )
    assert (found.site.facility_name_hindi, found.site.product_name_hindi) == ("केंद्र 101", "कोविशील्ड")


def test_another_session_is_shown_when_it_is_asked_for(clinic: Clinic) -> None:
    later = clinic.add_session(begins_in_ms=10 * HOUR_MS)
    found = today(clinic, later)
    assert found is not None
    assert (found.session, found.is_open, found.others) == (later, False, [clinic.session])


def test_without_an_open_session_there_is_nothing(clinic: Clinic) -> None:
    clinic.now_ms += 9 * HOUR_MS
    clinic.add_session("F-102")
    assert today(clinic) is None


def test_a_cancelled_session_is_not_offered(clinic: Clinic) -> None:
    with clinic.ledger.write() as conn:
        conn.execute(update(vaccination_session).values(cancelled_at_ms=clinic.now_ms))
    assert today(clinic) is None


def test_people_who_wait_stand_first_and_nobody_has_a_name(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = [clinic.book() for _ in range(5)]
    for one in booked[:3]:
        clinic.give(one, "H-1")
    found = today(clinic)
    assert found is not None
    assert [one.state for one in found.appointments] == ["booked"] * 2 + ["given"] * 3
    assert "Unmistakable" not in repr(found)


def test_the_vials_say_what_the_gate_says(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    found = today(clinic)
    assert found is not None
    assert [(one.holding, one.refused is None) for one in found.holdings] == [("H-1", False), ("H-2", True)]


def test_another_sites_sessions_do_not_exist(clinic: Clinic) -> None:
    theirs = clinic.add_session("F-102")
    foreign = clinic.book(session=theirs)
    booked = clinic.book()
    for act in (
        lambda: today(clinic, theirs),
        lambda: today(clinic, replace(theirs, id="nowhere")),
        lambda: site.site_of_session(clinic.ledger, clinic.staff, theirs.id, clinic.now_ms),
        lambda: site.appointment_at(clinic.ledger, clinic.staff, theirs.id, foreign.appointment),
        lambda: site.appointment_at(clinic.ledger, clinic.staff, clinic.session.id, foreign.appointment),
        lambda: site.appointment_at(clinic.ledger, clinic.staff, theirs.id, booked.appointment),
    ):
        with pytest.raises(NotFound):
            act()


def test_an_own_appointment_is_shown_in_any_state(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    for state in ("booked", "given"):
        found = site.appointment_at(clinic.ledger, clinic.staff, clinic.session.id, booked.appointment)
        assert (found.state, found.reference_id) == (state, booked.reference)
        clinic.give(booked, "H-1")


def test_the_head_of_a_page_is_the_sessions(clinic: Clinic) -> None:
    found = site.site_of_session(clinic.ledger, clinic.staff, clinic.session.id, clinic.now_ms)
    assert found.facility_name == "Centre 101"
