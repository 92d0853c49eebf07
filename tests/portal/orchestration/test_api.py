from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from portal.orchestration.api import BODY_BYTES_MAX
from sheetal.contracts.enrolment import Enrolment
from sheetal.ledger import enrolment
from tests.portal.given_gateways import BROKER_URL, authority, csr

if TYPE_CHECKING:
    from pathlib import Path

    from httpx import Response

    from tests.portal.conftest import Browser, Stage

PATH = "/api/v1/gateways/enrol"
NEW = "gw-new"


@pytest.fixture
def opened(seeded: Stage, tmp_path: Path) -> Stage:
    seeded.app.state.gateway_authority = authority(tmp_path / "ca", seeded.now_ms)
    seeded.app.state.settings = seeded.settings.model_copy(update={"gateway_broker_url": BROKER_URL})
    return seeded


def code(stage: Stage) -> str:
    with stage.ledger.write() as conn:
        return enrolment.issue_code(conn, NEW, "F-101", "s-1", stage.now_ms)


def ask(client: Browser, **changes: object) -> Response:
    body = {"gateway": NEW, "code": "2222222222", "csr_pem": csr(NEW)} | changes
    return client.post(PATH, json=body)


def problem(answer: Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    return dict(answer.json())


def test_a_code_is_answered_by_an_enrolment_that_nobody_keeps(client: Browser, opened: Stage) -> None:
    answer = ask(client, code=code(opened))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    found = msgspec.json.decode(answer.content, type=Enrolment)
    assert (found.gateway, found.broker_url, len(found.key_hex)) == (NEW, BROKER_URL, 64)
    assert "set-cookie" not in answer.headers


def test_a_program_without_an_origin_may_ask(opened: Stage, client: Browser) -> None:
    client.headers.pop("Origin")
    assert ask(client, code=code(opened)).status_code == 200


def test_a_wrong_code_is_a_403_of_its_own_kind(client: Browser, opened: Stage) -> None:
    code(opened)
    wrong, unknown = ask(client), ask(client, gateway="gw-nobody", csr_pem=csr("gw-nobody"))
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    assert problem(wrong)["type"] == "urn:sheetal:problem:wrong_code"
    assert wrong.content == unknown.content


def test_a_bad_certificate_request_is_a_422(client: Browser, opened: Stage) -> None:
    answer = ask(client, code=code(opened), csr_pem=csr("gw-other"))
    assert answer.status_code == 422
    assert problem(answer)["type"] == "urn:sheetal:problem:bad_request_for_certificate"


def test_too_many_tries_are_a_429_that_says_when(client: Browser, opened: Stage) -> None:
    for _ in range(5):
        assert ask(client).status_code == 403
    answer = ask(client, code=code(opened))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert problem(answer)["retry"] is True


def test_a_closed_office_is_a_503_that_names_the_setting(client: Browser, seeded: Stage) -> None:
    answer = ask(client, code=code(seeded))
    assert answer.status_code == 503
    assert "SHEETAL_GATEWAY_CA_FOLDER" in problem(answer)["next_step"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"gateway":1,"code":2,"csr_pem":3}', b"[" * 9_000])
def test_what_is_no_request_is_a_400(client: Browser, body: bytes) -> None:
    answer = client.post(PATH, content=body)
    assert answer.status_code == 400
    assert problem(answer)["type"] == "urn:sheetal:problem:wire"


def test_a_large_body_is_not_read_to_its_end(client: Browser) -> None:
    assert client.post(PATH, content=b" " * (BODY_BYTES_MAX + 1)).status_code == 413
    assert client.post(PATH, content=(b" " * 1_000 for _ in range(100))).status_code == 413


def test_another_sites_page_cannot_use_a_session_to_ask(client: Browser) -> None:
    client.cookies.set("session", "x")
    answer = client.post(PATH, json={}, headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_only_a_post_enrols(client: Browser) -> None:
    assert client.get(PATH).status_code == 405
