from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.identity.service import OFFICERS, Role
from portal.recall import api
from portal.recall.service import open_new_recalls
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import judgement_writes

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic
    from tests.portal.conftest import Browser, Stage

PATH = "/api/v1/recalls/H-1"
FIELDS = {"holding", "side", "compromised_from_ms", "withdrawn_at_ms", "total", "page", "pages", "doses"}
FIELDS_OF_A_DOSE = {"dose", "certificate", "administered_at_ms", "level", "contact_state"}


@pytest.fixture
def officer(clinic: Clinic, stage: Stage, client: Browser) -> Browser:
    del clinic
    stage.add_person(Role.COLD_CHAIN_OFFICER, "F-102", "officer")
    client.sign_in("officer")
    return client


def recall(clinic: Clinic, doses: int = 1) -> tuple[list[str], int]:
    clinic.receive("H-1")
    given = [clinic.dose_from("H-1", clinic.now_ms - 100 + number) for number in range(doses)]
    compromise = clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    open_new_recalls(clinic.ledger, clinic.now_ms)
    return given, compromise


def test_the_doses_of_a_recall_without_any_person(officer: Browser, clinic: Clinic) -> None:
    given, _ = recall(clinic, 3)
    answer = officer.get(PATH)
    assert answer.status_code == 200
    said = answer.json()
    assert said.keys() == FIELDS
    assert (said["holding"], said["side"], said["compromised_from_ms"]) == ("H-1", "cold", clinic.now_ms - HOUR_MS)
    assert [dose["dose"] for dose in said["doses"]] == given
    assert all(dose.keys() == FIELDS_OF_A_DOSE for dose in said["doses"])
    assert {(dose["level"], dose["contact_state"]) for dose in said["doses"]} == {(1, "to_contact")}
    assert "Unmistakable" not in answer.text


def test_a_long_recall_comes_in_pages(officer: Browser, clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE_SIZE", 2)
    given, _ = recall(clinic, 3)
    pages = [officer.get(f"{PATH}?page={page}").json() for page in (1, 2)]
    assert [dose["dose"] for page in pages for dose in page["doses"]] == given
    assert {(page["total"], page["pages"]) for page in pages} == {(3, 2)}
    assert officer.get(f"{PATH}?page=3").status_code == 404
    assert officer.get(f"{PATH}?page=0").status_code == 422


def test_a_finding_taken_back_says_so(officer: Browser, clinic: Clinic) -> None:
    _, compromise = recall(clinic)
    with clinic.ledger.write() as conn:
        judgement_writes.withdraw_compromise(conn, compromise, clinic.now_ms)
    assert officer.get(PATH).json()["withdrawn_at_ms"] == clinic.now_ms


def test_what_was_never_compromised_has_no_recall(officer: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    for path in (PATH, "/api/v1/recalls/nothing"):
        answer = officer.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("role", list(Role))
def test_officers_alone_read_recalls(clinic: Clinic, stage: Stage, client: Browser, role: Role) -> None:
    recall(clinic)
    stage.add_person(role, user_name="who")
    client.sign_in("who")
    assert client.get(PATH).status_code == (200 if role in OFFICERS else 403)


def test_nobody_reads_recalls_without_signing_in(clinic: Clinic, client: Browser) -> None:
    recall(clinic)
    assert client.get(PATH).status_code == 401
