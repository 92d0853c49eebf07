from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from portal.identity.service import OFFICERS, Role
from portal.recall import service
from portal.recall.pages import TELLERS
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import audit, judgement_writes
from tests.portal.clinic import BIRTH_DATE, MOBILE, NAME

if TYPE_CHECKING:
    from httpx import Response

    from tests.portal.clinic import Clinic
    from tests.portal.conftest import Browser, Stage

PATH = "/cc/recalls/H-1"


@pytest.fixture
def officer(clinic: Clinic, stage: Stage, client: Browser) -> Browser:
    del clinic
    stage.add_person(Role.MEDICAL_OFFICER, "F-101", "doctor")
    client.sign_in("doctor")
    return client


def recall(clinic: Clinic, doses: int = 1) -> tuple[list[str], int]:
    clinic.receive("H-1")
    person = clinic.add_person(mobile=MOBILE)
    given = [clinic.give(clinic.book(person=person), "H-1").dose]
    given += [clinic.dose_from("H-1", clinic.now_ms + number) for number in range(1, doses)]
    compromise = clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    service.open_new_recalls(clinic.ledger, clinic.now_ms)
    return given, compromise


def tell(browser: Browser, dose: str, state: str, holding: str = "H-1") -> Response:
    return browser.send_form(f"/cc/recalls/{holding}/contact", seen_on=PATH, dose=dose, state=state)


def acts(clinic: Clinic, facility: str = "F-101") -> list[str]:
    with clinic.ledger.read() as conn:
        return [entry.act for entry in audit.entries(conn, facility, 100)]


@pytest.mark.parametrize(
    ("prefix", "texts"),
    [
        ("", ("Recall list", "1 dose to follow up", "Authentic, with advisory", "To be told")),
        ("/hi", ("रिकॉल सूची", "1 खुराक पर ध्यान दें", "असली, सूचना के साथ", "बताना बाकी")),
    ],
)
def test_the_list_says_what_happened_and_whom_to_tell(
    officer: Browser, clinic: Clinic, prefix: str, texts: tuple[str, ...]
) -> None:
    recall(clinic)
    page = officer.get(prefix + PATH).text
    for text in texts:
        assert text in page
    assert "Unmistakable" not in page


def test_the_list_shows_the_end_of_the_reference_alone(officer: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    clinic.give(booked, "H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    service.open_new_recalls(clinic.ledger, clinic.now_ms)
    page = officer.get(PATH).text
    assert f"…{booked.reference[-4:]}" in page
    assert booked.reference not in page


def test_a_recall_without_doses_says_so(officer: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    service.open_new_recalls(clinic.ledger, clinic.now_ms)
    assert "No dose to follow up" in officer.get(PATH).text


def test_a_long_list_has_pages(officer: Browser, clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.recall_of, "__defaults__", (1, 2))
    recall(clinic, 5)
    first, last = officer.get(PATH).text, officer.get(f"{PATH}?page=3").text
    assert "Page 1 of 3" in first
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last
    assert officer.get(f"{PATH}?page=4").status_code == 404


def test_a_finding_taken_back_stays_on_the_page_with_a_banner(officer: Browser, clinic: Clinic) -> None:
    _, compromise = recall(clinic)
    with clinic.ledger.write() as conn:
        judgement_writes.withdraw_compromise(conn, compromise, clinic.now_ms)
    page = officer.get(PATH).text
    assert "The engine took this finding back at" in page
    assert "1 dose to follow up" in page


@pytest.mark.parametrize(("state", "word"), [("contacted", "Told"), ("unreachable", "Not reached")])
def test_an_officer_notes_that_an_owner_was_told(officer: Browser, clinic: Clinic, state: str, word: str) -> None:
    given, _ = recall(clinic)
    answer = tell(officer, given[0], state)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?page=1")
    assert f"{word} <span" in officer.get(PATH).text
    assert acts(clinic)[0] == "recall_contact"


def test_only_a_known_state_of_a_listed_dose_is_noted(officer: Browser, clinic: Clinic) -> None:
    given, _ = recall(clinic)
    assert tell(officer, given[0], "forgotten").status_code == 422
    assert tell(officer, "nothing", "contacted").status_code == 404
    assert tell(officer, given[0], "contacted", "H-2").status_code == 404
    assert "recall_contact" not in acts(clinic)


def test_noting_needs_the_forms_token(officer: Browser, clinic: Clinic) -> None:
    given, _ = recall(clinic)
    assert officer.post(f"{PATH}/contact", data={"dose": given[0], "state": "contacted"}).status_code == 403


def test_a_name_opens_for_staff_of_the_facility_and_leaves_a_trace(officer: Browser, clinic: Clinic) -> None:
    given, _ = recall(clinic)
    page = officer.send_form(f"{PATH}/person", seen_on=PATH, dose=given[0])
    assert page.status_code == 200
    assert NAME in page.text
    assert MOBILE in page.text
    assert acts(clinic)[0] == "person_opened"


def test_a_name_does_not_open_for_anybody_else(clinic: Clinic, stage: Stage, client: Browser) -> None:
    given, _ = recall(clinic)
    stage.add_person(Role.MEDICAL_OFFICER, "F-102", "stranger")
    client.sign_in("stranger")
    assert "Show name and mobile" not in client.get(PATH).text
    answer = client.send_form(f"{PATH}/person", seen_on=PATH, dose=given[0])
    assert answer.status_code == 404
    assert NAME not in answer.text
    assert "person_opened" not in acts(clinic)


@pytest.mark.parametrize("role", list(Role))
def test_officers_read_and_only_tellers_write(clinic: Clinic, stage: Stage, client: Browser, role: Role) -> None:
    given, _ = recall(clinic)
    stage.add_person(role, user_name="who")
    client.sign_in("who")
    seen = client.get(PATH)
    assert seen.status_code == (200 if role in OFFICERS else 403)
    token = client.form_token("/login" if role not in OFFICERS else PATH)
    for act, fields in (("contact", {"state": "contacted"}), ("person", {})):
        form = {"dose": given[0], "csrf_token": token, **fields}
        answer = client.post(f"{PATH}/{act}", data=form)
        assert (answer.status_code in {200, 303}) == (role in TELLERS), (act, answer.status_code)
    assert ("Not reached" in seen.text) == (role in TELLERS)


def test_no_person_stands_in_a_log_an_address_or_the_audit_chain(
    officer: Browser, clinic: Clinic, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    given, _ = recall(clinic)
    answers = [
        officer.get(PATH),
        officer.send_form(f"{PATH}/person", seen_on=PATH, dose=given[0]),
        tell(officer, given[0], "contacted"),
    ]
    with clinic.ledger.read() as conn:
        trace = repr(audit.entries(conn, "F-101", 1_000))
    said = capfd.readouterr()
    places = [caplog.text, said.out, said.err, trace, *(str(answer.url) for answer in answers), answers[0].text]
    for secret in ("Unmistakable", MOBILE, BIRTH_DATE):
        assert [text[:60] for text in places if secret in text] == [], secret
