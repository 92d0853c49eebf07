from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.identity.service import Role
from portal.vaccinator.tables import dose
from sheetal.contracts.limits import HOUR_MS
from tests.portal.clinic import CODE, WRONG_CODE

if TYPE_CHECKING:
    from httpx import Response

    from tests.portal.clinic import Booked, Clinic
    from tests.portal.conftest import Browser, Stage

CHECK, GIVE = "/api/v1/doses/check", "/api/v1/doses"
KEYS_OF_AN_ANSWER = {"reason", "title", "detail", "next_step", "holding", "take_instead"}
PROBLEM = "application/problem+json"


@pytest.fixture
def tablet(clinic: Clinic, client: Browser) -> Browser:
    del clinic
    client.sign_in("clinic")
    return client


def check(tablet: Browser, clinic: Clinic, scan: str, prefix: str = "") -> Response:
    return tablet.post(prefix + CHECK, json={"session": clinic.session.id, "scan": scan})


def give(tablet: Browser, booked: Booked, label: str, *, key: str = "key-0001", **changes: str) -> Response:
    body = {"session": booked.session, "appointment": booked.appointment, "scan": label, "citizen_code": CODE}
    return tablet.post(GIVE, json=body | changes, headers={"Idempotency-Key": key})


def test_a_usable_vial(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1", doses=7)
    answer = check(tablet, clinic, "CS-2301")
    assert answer.status_code == 200
    said = answer.json()
    assert said.keys() == KEYS_OF_AN_ANSWER | {"usable", "batch", "doses_left"}
    assert (said["usable"], said["holding"], said["batch"], said["doses_left"]) == (True, "H-1", "CS-2301", 7)
    assert (said["reason"], said["title"], said["next_step"], said["take_instead"]) == (None, "USE", "", None)


def test_a_held_vial_says_why_what_to_do_and_what_to_take(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302", doses=180, appliance="A-101-2")
    clinic.freeze("H-1", clinic.now_ms - 20 * HOUR_MS)
    said = check(tablet, clinic, "H-1").json()
    assert said.keys() == KEYS_OF_AN_ANSWER | {"usable", "batch", "doses_left"}
    assert (said["usable"], said["reason"], said["title"]) == (False, "held", "Frozen on 22\u00a0Nov")
    assert "freezing for 74 min; the limit is 60" in said["detail"]
    assert said["next_step"] == "Put this vial in the HELD box. Do not throw it away. Take the vial below and scan it."
    assert said["take_instead"]["holding"] == "H-2"
    assert said["take_instead"]["doses_left"] == 180


def test_the_same_in_hindi(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.freeze("H-1", clinic.now_ms - 20 * HOUR_MS)
    said = check(tablet, clinic, "H-1", "/hi").json()
    assert said["title"] == "22\u00a0नव॰ को जम गई"
    assert said["next_step"].startswith("यह शीशी “रोकी गई” डिब्बे में रखें")


def test_a_dose_is_created_and_then_answered_again(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    first, again = give(tablet, booked, "H-1"), give(tablet, booked, "H-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json().keys() == {"dose", "certificate", "certificate_url"}
    assert clinic.count(dose) == 1


def test_a_refused_dose_is_a_problem_with_the_same_fields(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302")
    booked = clinic.book()
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    answer = give(tablet, booked, "H-1")
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    said = answer.json()
    assert said.keys() == KEYS_OF_AN_ANSWER | {"type", "status", "code", "instance", "retry"}
    assert (said["type"], said["status"], said["code"]) == ("urn:sheetal:problem:refused", 409, "refused")
    assert (said["reason"], said["holding"], said["take_instead"]["holding"]) == ("held", "H-1", "H-2")
    assert clinic.count(dose) == 0


def test_a_wrong_code_says_nothing_of_the_vial(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302")
    booked = clinic.book()
    said = give(tablet, booked, "H-1", citizen_code=WRONG_CODE).json()
    assert (said["reason"], said["take_instead"]) == ("wrong_code", None)
    assert said["next_step"] == "Read the 4 digits from the citizen's slip again."
    for _ in range(4):
        give(tablet, booked, "H-1", citizen_code=WRONG_CODE)
    said = give(tablet, booked, "H-1").json()
    assert (said["reason"], said["status"]) == ("too_many_codes", 409)


def test_another_dose_under_the_same_key_is_a_conflict(tablet: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    assert give(tablet, clinic.book(), "H-1").status_code == 201
    answer = give(tablet, clinic.book(), "H-1")
    assert (answer.status_code, answer.json()["reason"]) == (409, "other_request")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"citizen_code": "12"}, "body.citizen_code"),
        ({"scan": ""}, "body.scan"),
        ({"session": "x" * 49}, "body.session"),
        ({"mobile": "9812345670"}, "body.mobile"),
    ],
)
def test_a_malformed_request_names_its_field_and_repeats_nothing(
    tablet: Browser, clinic: Clinic, changed: dict[str, str], field: str
) -> None:
    answer = give(tablet, clinic.book(), "H-1", **changed)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["fields"] == [field]
    assert "9812345670" not in answer.text


@pytest.mark.parametrize("key", [None, "short", "k" * 81])
def test_a_dose_needs_a_key(tablet: Browser, clinic: Clinic, key: str | None) -> None:
    booked = clinic.book()
    body = {"session": booked.session, "appointment": booked.appointment, "scan": "H-1", "citizen_code": CODE}
    answer = tablet.post(GIVE, json=body, headers={"Idempotency-Key": key} if key else {})
    assert (answer.status_code, answer.json()["fields"]) == (422, ["header.Idempotency-Key"])


def test_another_sites_session_and_appointment_are_not_found(tablet: Browser, clinic: Clinic) -> None:
    theirs = clinic.add_session("F-102")
    foreign = clinic.book(session=theirs)
    clinic.receive("H-1")
    answers = [
        give(tablet, foreign, "H-1"),
        tablet.post(CHECK, json={"session": theirs.id, "scan": "H-1"}),
        tablet.post(
            GIVE,
            json={
                "session": clinic.session.id,
                "appointment": foreign.appointment,
                "scan": "H-1",
                "citizen_code": CODE,
            },
            headers={"Idempotency-Key": "key-0002"},
        ),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert clinic.count(dose) == 0


def test_nobody_asks_without_signing_in_nor_from_another_site(clinic: Clinic, client: Browser) -> None:
    assert check(client, clinic, "H-1").status_code == 401
    client.sign_in("clinic")
    answer = client.post(
        CHECK, json={"session": clinic.session.id, "scan": "H-1"}, headers={"Origin": "http://evil.example"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VACCINATOR])
def test_only_vaccinators_give(clinic: Clinic, stage: Stage, client: Browser, role: Role) -> None:
    stage.add_person(role)
    client.sign_in(role.value)
    assert check(client, clinic, "H-1").status_code == 403
    assert give(client, clinic.book(), "H-1").status_code == 403


def test_without_signing_keys_nothing_is_recorded(tablet: Browser, clinic: Clinic, stage: Stage) -> None:
    clinic.receive("H-1")
    stage.app.state.signing_keys = None
    assert give(tablet, clinic.book(), "H-1").status_code == 503
    assert clinic.count(dose) == 0
