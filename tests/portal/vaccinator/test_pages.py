from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from portal.identity.service import Role
from portal.registration.tables import appointment
from portal.vaccinator.tables import dose
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import audit
from tests.portal.clinic import BIRTH_DATE, CODE, MOBILE, NAME, WRONG_CODE

if TYPE_CHECKING:
    from httpx import Response

    from tests.portal.clinic import Booked, Clinic
    from tests.portal.conftest import Browser, Stage

KEY = re.compile(r'name="key" value="([^"]+)"')
HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
LANGUAGES = ("", "/hi")


@pytest.fixture
def tablet(clinic: Clinic, client: Browser) -> Browser:
    del clinic
    client.sign_in("clinic")
    return client


def place(booked: Booked, scan: str | None = None) -> str:
    return f"session={booked.session}&appointment={booked.appointment}" + (f"&scan={scan}" if scan else "")


def heading(answer: Response) -> str:
    found = HEADING.search(answer.text)
    return re.sub(r"<[^>]*>", " ", found.group(1)).strip() if found else ""


def verdict(tablet: Browser, booked: Booked, scan: str, prefix: str = "") -> Response:
    answer = tablet.get(f"{prefix}/v/dose/check?{place(booked, scan)}")
    assert answer.status_code == 200
    return answer


def send(tablet: Browser, booked: Booked, scan: str, code: str = CODE, **changes: str) -> Response:
    """What a browser sends from the USE page."""
    page = tablet.get(f"/v/dose/check?{place(booked, scan)}").text
    found = KEY.search(page)
    fields = {
        "session": booked.session,
        "appointment": booked.appointment,
        "scan": scan,
        "key": found.group(1) if found else "key-of-no-page",
        "citizen_code": code,
    }
    return tablet.send_form("/v/dose", seen_on="/v/today", **(fields | changes))


@pytest.mark.parametrize(("prefix", "use", "stop"), [("", "USE", "DO NOT USE"), ("/hi", "उपयोग करें", "उपयोग न करें")])
def test_today_shows_vials_by_word_and_people_by_reference(
    tablet: Browser, clinic: Clinic, prefix: str, use: str, stop: str
) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302")
    booked, done = clinic.book(), clinic.book()
    clinic.give(done, "H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    page = tablet.get(f"{prefix}/v/today").text
    assert f"<span>{use}</span>" in page
    assert f"<span>{stop}</span>" in page
    assert f"{booked.reference[-4:]}</b>" in page
    assert booked.reference not in page
    assert f"appointment={booked.appointment}" in page
    assert f"appointment={done.appointment}" not in page


def test_today_without_a_session_says_so(tablet: Browser, clinic: Clinic, stage: Stage) -> None:
    del clinic
    stage.now_ms += 9 * HOUR_MS
    tablet.sign_in("clinic")
    assert "No session is open now" in tablet.get("/v/today").text


def test_a_session_that_is_not_open_offers_no_dose(tablet: Browser, clinic: Clinic) -> None:
    later = clinic.add_session(begins_in_ms=10 * HOUR_MS)
    clinic.book(session=later)
    page = tablet.get(f"/v/today?session={later.id}").text
    assert "This session is not open now." in page
    assert "Booked" in page
    assert "/v/dose?" not in page
    assert f"/v/today?session={clinic.session.id}" in page


def test_a_cancelled_appointment_is_not_called_given(tablet: Browser, clinic: Clinic) -> None:
    clinic.book()
    with clinic.ledger.write() as conn:
        conn.execute(update(appointment).values(state="cancelled"))
    page = tablet.get("/v/today").text
    assert "Cancelled" in page
    assert "Dose given" not in page


@pytest.mark.parametrize("prefix", LANGUAGES)
def test_the_whole_way_of_a_dose(tablet: Browser, clinic: Clinic, prefix: str) -> None:
    clinic.receive("H-1", doses=20)
    booked = clinic.book()
    page = tablet.get(f"{prefix}/v/dose?{place(booked)}").text
    assert f'action="{prefix}/v/dose/check"' in page
    assert verdict(tablet, booked, "h-1", prefix).text.count('class="button primary"') == 1
    answer = send(tablet, booked, "h-1")
    assert answer.status_code == 303
    given = tablet.get(f"{prefix}{answer.headers['location']}")
    assert given.status_code == 200
    certificate = re.search(r'href="[^"]*(/certificates/[A-Z2-7]+)"', given.text)
    assert certificate is not None
    assert tablet.get(certificate.group(1)).status_code == 200
    assert (clinic.count(dose), clinic.doses_left("H-1")) == (1, 19)


def test_use_is_one_word_with_the_facts(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1", doses=7)
    booked = clinic.book()
    answer = verdict(tablet, booked, "H-1")
    assert 'class="verdict use"' in answer.text
    assert heading(answer) == "USE"
    for fact in ("Covishield, dose 1 of 2", "CS-2301", "7 doses left", "ILR-1", booked.reference[-4:]):
        assert fact in answer.text
    assert booked.reference not in answer.text


@pytest.mark.parametrize(("prefix", "word"), [("", "DO NOT USE"), ("/hi", "रुकें उपयोग न करें")])
def test_do_not_use_says_why_in_steps_and_offers_another(
    tablet: Browser, clinic: Clinic, prefix: str, word: str
) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302", doses=180)
    clinic.freeze("H-1", clinic.now_ms - 20 * HOUR_MS)
    answer = verdict(tablet, clinic.book(), "H-1", prefix)
    assert 'class="verdict stop"' in answer.text
    assert heading(answer) == word
    assert '<b class="mono">CS-2301</b>' in answer.text
    assert answer.text.count("<li>") == 2
    assert "CS-2302" in answer.text
    assert "H-2" in answer.text
    assert 'name="citizen_code"' not in answer.text


def test_cannot_confirm_offers_to_try_again(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.judge(known_ago_ms=2 * HOUR_MS)
    page = verdict(tablet, clinic.book(), "H-1").text
    assert "Cannot confirm this vial" in page
    assert "2\u00a0h old. It counts for 1\u00a0h." in page
    assert "Try again" in page
    assert "Nothing is recorded" in page


def test_a_lot_that_does_not_tell_asks_for_the_label(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2")
    page = verdict(tablet, clinic.book(), "CS-2301").text
    assert "More than one holding of this lot is here." in page
    assert "Take this one instead" not in page


def test_a_condemned_holding_without_another_still_has_a_way_on(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.decide("H-1", Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED)
    page = verdict(tablet, clinic.book(), "H-1").text
    assert "Put this vial with the condemned stock." in page
    assert "No other vial of this session may be used" in page


@pytest.mark.parametrize("code", ["", "12", "12a4", "12345", "४८२१"])
def test_a_malformed_code_is_asked_for_again_and_not_counted(tablet: Browser, clinic: Clinic, code: str) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    answer = send(tablet, booked, "H-1", code)
    assert (answer.status_code, heading(answer)) == (422, "USE")
    assert 'aria-invalid="true"' in answer.text
    assert "Enter the 4 digits on the slip." in answer.text
    assert send(tablet, booked, "H-1").status_code == 303


def test_a_wrong_code_keeps_the_key_and_five_lock(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    answers = [send(tablet, booked, "H-1", WRONG_CODE, key="key-of-page") for _ in range(5)]
    assert {(answer.status_code, heading(answer)) for answer in answers} == {(409, "USE")}
    assert 'name="key" value="key-of-page"' in answers[0].text
    assert "The code does not fit this appointment." in answers[0].text
    locked = send(tablet, booked, "H-1")
    assert (locked.status_code, heading(locked)) == (409, "No dose recorded")
    assert "Too many wrong codes" in locked.text
    assert clinic.count(dose) == 0


def test_a_hold_between_look_and_dose_is_shown_as_do_not_use(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    verdict(tablet, booked, "H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    for code in (CODE, WRONG_CODE, "12"):
        answer = send(tablet, booked, "H-1", code)
        assert (answer.status_code, heading(answer)) == (409, "DO NOT USE")
    assert clinic.count(dose) == 0


def test_the_same_form_sent_twice_leads_to_the_same_dose(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    first, again = (send(tablet, booked, "H-1", key="key-of-page") for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    other = send(tablet, clinic.book(), "H-1", key="key-of-page")
    assert (other.status_code, heading(other)) == (409, "No dose recorded")
    assert "This key was used for another dose." in other.text


def test_a_closed_appointment_is_told_before_the_scan(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    clinic.give(booked, "H-1")
    for path in (f"/v/dose?{place(booked)}", f"/v/dose/check?{place(booked, 'H-1')}"):
        answer = tablet.get(path)
        assert (answer.status_code, heading(answer)) == (409, "No dose recorded")
        assert "This appointment is closed already." in answer.text


def test_too_early_says_the_day_in_both_languages(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    who = clinic.add_person()
    clinic.give(clinic.book(person=who), "H-1")
    second = clinic.book(person=who, dose_number=2, session=clinic.add_session())
    answer = send(tablet, second, "H-1")
    assert (answer.status_code, heading(answer)) == (409, "No dose recorded")
    assert "It is due on 15\u00a0Feb 2027." in answer.text
    assert "Book a later day." in answer.text


def test_an_empty_scan_is_asked_for_again(tablet: Browser, clinic: Clinic) -> None:
    answer = tablet.get(f"/v/dose/check?{place(clinic.book())}&scan=%20")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert tablet.get(f"/v/dose/check?{place(clinic.book(), 'x' * 97)}").status_code == 422


def test_another_sites_pages_do_not_exist(tablet: Browser, clinic: Clinic, stage: Stage) -> None:
    theirs = clinic.add_session("F-102")
    foreign = clinic.book(session=theirs)
    clinic.receive("H-1")
    given = clinic.give(clinic.book(), "H-1")
    paths = [f"/v/today?session={theirs.id}", f"/v/dose?{place(foreign)}", f"/v/dose/check?{place(foreign, 'H-1')}"]
    assert [tablet.get(path).status_code for path in [*paths, "/v/given/nothing"]] == [404] * 4
    assert send(tablet, foreign, "H-1").status_code == 404
    assert tablet.get(f"/v/given/{given.dose}").status_code == 200
    stage.add_person(Role.VACCINATOR, "F-102", "stranger")
    tablet.sign_in("stranger")
    assert tablet.get(f"/v/given/{given.dose}").status_code == 404


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VACCINATOR])
def test_only_vaccinators_have_these_pages(clinic: Clinic, stage: Stage, client: Browser, role: Role) -> None:
    del clinic
    stage.add_person(role)
    client.sign_in(role.value)
    assert client.get("/v/today").status_code == 403


def test_a_dose_needs_the_forms_token(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    form = {"session": booked.session, "appointment": booked.appointment, "scan": "H-1", "key": "k" * 8}
    assert tablet.post("/v/dose", data=form | {"citizen_code": CODE}).status_code == 403
    assert clinic.count(dose) == 0


def test_without_signing_keys_nothing_is_recorded(tablet: Browser, clinic: Clinic, stage: Stage) -> None:
    clinic.receive("H-1")
    stage.app.state.signing_keys = None
    assert send(tablet, clinic.book(), "H-1").status_code == 503
    assert clinic.count(dose) == 0


@pytest.mark.parametrize("prefix", LANGUAGES)
def test_no_personal_fact_is_shown_linked_logged_or_audited(
    tablet: Browser, clinic: Clinic, prefix: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    clinic.receive("H-1")
    person = clinic.add_person(mobile=MOBILE)
    booked, wrong = clinic.book(person=person), clinic.book()
    answers = [
        tablet.get(f"{prefix}/v/today"),
        tablet.get(f"{prefix}/v/dose?{place(booked)}"),
        verdict(tablet, booked, "H-1", prefix),
        send(tablet, wrong, "H-1", WRONG_CODE),
        send(tablet, booked, "H-1"),
    ]
    answers.append(tablet.get(prefix + answers[-1].headers["location"]))
    answers.append(tablet.get(f"{prefix}/v/today"))
    with clinic.ledger.read() as conn:
        trace = repr(audit.entries(conn, "F-101", 1_000))
    said = capfd.readouterr()
    places = [caplog.text, said.out, said.err, trace, *(str(answer.url) for answer in answers)]
    places += [answer.text for answer in answers] + [repr(answer.headers) for answer in answers]
    for secret in ("Unmistakable", NAME, BIRTH_DATE, MOBILE, person.reference_id, CODE):
        assert [text[:60] for text in places if secret in text] == [], secret
