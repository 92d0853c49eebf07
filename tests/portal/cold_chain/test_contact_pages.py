from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from portal.cold_chain.contact_pages import months_until
from portal.identity.service import Role
from sheetal.contracts.limits import MINUTE_MS
from sheetal.ledger import contacts, deliveries, judgement_writes, ladders
from tests.portal import district

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage

ADDRESS = "json://user:s3cret-Token@127.0.0.1/hook"
FORM = {
    "name": "Cold chain officer, North",
    "facility_id": "F-101",
    "addresses": ADDRESS,
    "hears": "urgent",
    "tongue": "hi",
}


@pytest.fixture
def officer(stage: Stage, client: Browser) -> Browser:
    district.seed(district.Stores(stage.ledger, stage.telemetry, stage.readings, stage.cipher), stage.now_ms)
    stage.add_person(Role.PROGRAMME_MANAGER)
    client.sign_in("programme_manager")
    return client


def add(client: Browser, **changes: str) -> None:
    answer = client.send_form("/cc/contacts", seen_on="/cc/contacts", **FORM | changes)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cc/contacts")


def test_a_contact_is_added_shown_without_its_address_and_retired(stage: Stage, officer: Browser) -> None:
    assert "There is no contact yet" in officer.get("/cc/contacts").text
    add(officer)
    shown = officer.get("/cc/contacts").text
    assert "Cold chain officer, North" in shown
    assert "Webhook" in shown
    assert "s3cret" not in shown
    with stage.ledger.read() as conn:
        (found,) = contacts.contacts(conn)
    answer = officer.send_form(f"/cc/contacts/{found.id}/retire", seen_on="/cc/contacts")
    assert answer.status_code == 303
    assert "There is no contact yet" in officer.get("/cc/contacts").text
    assert officer.send_form(f"/cc/contacts/{found.id}/retire", seen_on="/cc/contacts").status_code == 404


def test_a_wrong_address_is_told_and_no_address_comes_back(officer: Browser) -> None:
    wrong = FORM | {"addresses": f"{ADDRESS}\nfile:///etc/passwd"}
    answer = officer.send_form("/cc/contacts", seen_on="/cc/contacts", **wrong)
    assert answer.status_code == 422
    assert "not the address of a channel" in answer.text
    assert 'value="Cold chain officer, North"' in answer.text
    assert "s3cret" not in answer.text
    assert "/etc/passwd" not in answer.text


def test_a_step_is_put_on_the_ladder_and_taken_out(stage: Stage, officer: Browser) -> None:
    add(officer)
    with stage.ledger.read() as conn:
        (found,) = contacts.contacts(conn)
    step = {
        "facility_id": "F-101",
        "contact_id": str(found.id),
        "after_minutes": "15",
        "from": "22:00",
        "until": "06:00",
    }
    answer = officer.send_form("/cc/ladder", seen_on="/cc/contacts", **step)
    assert answer.headers["location"] == "/cc/contacts?facility=F-101#ladder"
    assert "22:00–06:00" in officer.get("/cc/contacts?facility=F-101").text
    wrong = officer.send_form("/cc/ladder", seen_on="/cc/contacts", **step | {"after_minutes": "soon"})
    assert wrong.status_code == 422
    assert "Write minutes from 0 to 10080." in wrong.text
    with stage.ledger.read() as conn:
        (kept,) = ladders.steps_of(conn, "F-101")
    officer.send_form(f"/cc/ladder/{kept.id}/retire", seen_on="/cc/contacts", facility_id="F-101")
    assert "22:00–06:00" not in officer.get("/cc/contacts?facility=F-101").text


def test_what_was_not_delivered_is_shown_with_its_problem(stage: Stage, officer: Browser) -> None:
    add(officer)
    before_ms = stage.now_ms - 5 * MINUTE_MS
    with stage.ledger.write() as conn:
        (found,) = contacts.contacts(conn)
        judgement_writes.add_notice(conn, "k", "holding_held", "F-101", {}, before_ms)
        (new,) = [one for one in deliveries.unaddressed(conn) if one.created_at_ms == before_ms]
        deliveries.address(conn, new.id, {found.id: before_ms}, before_ms)
        deliveries.mark_failed(conn, [new.id], found.id, "sms: refused with 503", stage.now_ms)
    for path, words in (("/cc/contacts", "Not delivered"), ("/hi/cc/contacts", "नहीं पहुँचे")):
        shown = officer.get(path).text
        assert words in shown
        assert "sms: refused with 503" in shown
        assert f"N{new.id}" in shown


@pytest.mark.parametrize("path", ["/cc/contacts", "/cc/reports"])
def test_the_pages_are_there_in_both_languages(officer: Browser, path: str) -> None:
    for language in ("", "/hi"):
        assert officer.get(language + path).status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "9" * 40])
def test_a_number_that_nothing_has_is_answered(officer: Browser, number: str) -> None:
    for path in (f"/cc/contacts/{number}/retire", f"/cc/ladder/{number}/retire"):
        assert officer.send_form(path, seen_on="/cc/contacts").status_code in {404, 422}, path
    fields = {"facility_id": "F-101", "contact_id": number, "after_minutes": "15"}
    assert officer.send_form("/cc/ladder", seen_on="/cc/contacts", **fields).status_code in {404, 422}


def test_an_auditor_reads_and_changes_nothing(stage: Stage, officer: Browser) -> None:
    officer.send_form("/logout", seen_on="/cc/contacts")
    stage.add_person(Role.AUDITOR)
    officer.sign_in("auditor")
    shown = officer.get("/cc/contacts").text
    assert "Add this contact" not in shown
    assert officer.send_form("/cc/contacts", seen_on="/cc/reports", **FORM).status_code == 403


def test_a_vaccinator_sees_neither(stage: Stage, client: Browser) -> None:
    stage.add_person(Role.VACCINATOR)
    client.sign_in("vaccinator")
    assert [client.get(path).status_code for path in ("/cc/contacts", "/cc/reports")] == [403, 403]


def test_a_month_is_downloaded_as_pdf_and_csv(officer: Browser) -> None:
    shown = officer.get("/cc/reports?facility=F-101").text
    for kind, begin in (("pdf", b"%PDF-"), ("csv", b"\xef\xbb\xbffacility_id,")):
        path = f"/cc/reports/F-101/2026-11.{kind}"
        assert f'href="{path}"' in shown
        answer = officer.get(path)
        assert answer.status_code == 200
        assert answer.content.startswith(begin)
        assert answer.headers["content-disposition"] == f'attachment; filename="F-101-2026-11.{kind}"'
        assert answer.headers["cache-control"] == "no-store"
    assert officer.get("/cc/reports/F-101/2031-01.pdf").status_code == 404


def test_a_handler_reads_the_reports_of_the_own_facility_alone(stage: Stage, client: Browser) -> None:
    stage.add_person(Role.HANDLER)
    client.sign_in("handler")
    assert client.get("/cc/reports/F-101/2026-11.csv").status_code == 200
    assert client.get("/cc/reports/F-102/2026-11.csv").status_code == 404
    assert "Centre 102" not in client.get("/cc/reports?facility=F-102").text


def test_the_last_twelve_months_begin_with_this_one() -> None:
    months = months_until(date(2026, 2, 3))
    assert months[:3] == ["2026-02", "2026-01", "2025-12"]
    assert (months[-1], len(months)) == ("2025-03", 12)
