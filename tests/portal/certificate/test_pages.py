from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from portal.certificate import service
from portal.identity.service import Role
from sheetal.ledger import audit
from tests.portal.given_certificates import NAME, RECORD, demo_keys

if TYPE_CHECKING:
    from pathlib import Path

    from portal.certificate.schemas import Issued
    from tests.portal.conftest import Browser, Stage


@pytest.fixture
def issued(stage: Stage, tmp_path: Path) -> Issued:
    stage.app.state.signing_keys = demo_keys(tmp_path / "keys")
    with stage.ledger.write() as connection:
        return service.issue(connection, stage.cipher, stage.app.state.signing_keys, RECORD, stage.now_ms)


def as_role(stage: Stage, client: Browser, role: Role, facility: str = "F-101") -> None:
    stage.add_person(role, facility)
    client.sign_in(role.value)


@pytest.mark.parametrize("language", ["", "/hi"])
def test_the_vaccinator_hands_over_the_link_as_a_code(
    stage: Stage, client: Browser, issued: Issued, language: str
) -> None:
    as_role(stage, client, Role.VACCINATOR)
    answer = client.get(f"{language}/certificates/{issued.certificate}")
    assert answer.status_code == 200
    assert ("प्रमाणपत्र दें" if language else "Hand over the certificate") in answer.text
    assert issued.link.split("#")[0] in answer.text
    picture = answer.text.split('src="data:image/svg+xml;base64,')[1].split('"')[0]
    assert base64.b64decode(picture).startswith(b"<svg")
    assert "no-store" in answer.headers["cache-control"]
    assert NAME not in answer.text


def test_opening_the_slip_leaves_a_trace_without_a_name(stage: Stage, client: Browser, issued: Issued) -> None:
    as_role(stage, client, Role.VACCINATOR)
    client.get(f"/certificates/{issued.certificate}")
    with stage.ledger.read() as connection:
        newest = audit.entries(connection, "F-101", 10, None)
    acts = [(entry.act, entry.subject) for entry in newest]
    assert ("certificate_slip_opened", issued.certificate) in acts
    assert NAME not in str(newest)


def test_other_facilities_and_later_days_find_nothing(stage: Stage, client: Browser, issued: Issued) -> None:
    as_role(stage, client, Role.VACCINATOR, "F-102")
    there = client.get(f"/certificates/{issued.certificate}")
    nowhere = client.get("/certificates/NOSUCHCERTIFICATE")
    assert (there.status_code, nowhere.status_code) == (404, 404)
    client.cookies.clear()
    as_role(stage, client, Role.MEDICAL_OFFICER)
    assert client.get(f"/certificates/{issued.certificate}").status_code == 200
    stage.now_ms += 12 * 3_600_000
    client.cookies.clear()
    client.sign_in("medical_officer")
    assert client.get(f"/certificates/{issued.certificate}").status_code == 404


def test_strangers_are_sent_to_sign_in_and_other_roles_stay_out(stage: Stage, client: Browser, issued: Issued) -> None:
    assert client.get(f"/certificates/{issued.certificate}").status_code == 303
    as_role(stage, client, Role.HANDLER)
    assert client.get(f"/certificates/{issued.certificate}").status_code == 403


def test_without_keys_the_page_says_so(stage: Stage, client: Browser, issued: Issued) -> None:
    stage.app.state.signing_keys = None
    as_role(stage, client, Role.VACCINATOR)
    assert client.get(f"/certificates/{issued.certificate}").status_code == 503


def test_a_citizen_is_told_how_to_open_a_certificate_and_asked_for_nothing(client: Browser) -> None:
    page = client.get("/certificate")
    assert page.status_code == 200
    assert "<form" not in page.text
    assert "/verify" in page.text
    assert "पर्ची" in client.get("/hi/certificate").text


def test_the_verifier_stands_on_the_static_site(stage: Stage, client: Browser) -> None:
    for path in ("/verify", "/hi/verify"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"] == stage.settings.standby_url + path
