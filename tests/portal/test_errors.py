from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter
from sqlalchemy.exc import DataError

from portal import errors
from portal.language import marked
from sheetal.contracts.problem import (
    FileProblem,
    NotFound,
    Problem,
    Refused,
    Rejected,
    SettingProblem,
    Unavailable,
    WireProblem,
)
from tests.portal.conftest import ORIGIN

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from tests.portal.conftest import Browser, Stage

PROBLEMS: list[tuple[Problem, int]] = [
    (errors.Forbidden("no"), 403),
    (NotFound("no"), 404),
    (Refused("no", reason="held"), 409),
    (Rejected("no"), 409),
    (errors.FieldProblem("no", field="x"), 422),
    (WireProblem("no", reason="bad_json"), 400),
    (errors.TooMany("no", retry_after_seconds=90), 429),
    (Unavailable("no", retry_after_seconds=2.0), 503),
    (SettingProblem("no", variable="X"), 500),
    (FileProblem("no", line=3), 500),
]


def raising(stage: Stage, problem: Exception) -> None:
    router = APIRouter()

    @router.get("/failing")
    @router.get("/api/failing")
    def failing() -> None:
        raise problem

    stage.app.include_router(router)


@pytest.mark.parametrize(("problem", "status"), PROBLEMS, ids=lambda value: type(value).__name__)
def test_the_api_answers_problem_json(client: Browser, stage: Stage, problem: Problem, status: int) -> None:
    raising(stage, problem)
    answer = client.get("/api/failing")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"] == f"urn:sheetal:problem:{problem.code}"
    assert document["retry"] is problem.retry
    assert document["detail"] == "no"


@pytest.mark.parametrize(("problem", "status"), PROBLEMS, ids=lambda value: type(value).__name__)
def test_a_page_says_what_happened(client: Browser, stage: Stage, problem: Problem, status: int) -> None:
    raising(stage, problem)
    for path, title in (("/failing", errors.TITLES[status]), ("/hi/failing", "")):
        answer = client.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert title in answer.text


def test_facts_go_along_but_only_plain_ones(client: Browser, stage: Stage) -> None:
    raising(stage, Refused("no", reason="held", verdict_id=7, secret=object()))
    assert client.get("/api/failing").json()["facts"] == {"reason": "held", "verdict_id": 7}


@pytest.mark.parametrize(("problem", "wait"), [(PROBLEMS[6][0], "90"), (PROBLEMS[7][0], "2")])
def test_a_wait_is_said_in_the_header(client: Browser, stage: Stage, problem: Problem, wait: str) -> None:
    raising(stage, problem)
    assert client.get("/api/failing").headers["Retry-After"] == wait
    assert client.get("/failing").headers["Retry-After"] == wait


def test_what_the_database_cannot_keep_is_asked_for_again(
    client: Browser, stage: Stage, logged: list[MutableMapping[str, Any]]
) -> None:
    raising(stage, DataError("SELECT", {}, ValueError("text cannot contain NUL: swordfish")))
    assert client.get("/api/failing").json()["status"] == 422
    page = client.get("/failing")
    assert (page.status_code, errors.TITLES[422] in page.text, "swordfish" in page.text) == (422, True, False)
    assert [entry["path_template"] for entry in logged] == ["/api/failing", "/failing"]
    assert "swordfish" not in str(logged)


def test_nobody_signed_in_is_led_to_the_sign_in_and_back(client: Browser) -> None:
    answer = client.get("/hi/cc/lots?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/hi/login?next=%2Fhi%2Fcc%2Flots%3Fx%3D1"


def test_a_live_part_is_led_to_the_sign_in_as_a_whole_page(client: Browser) -> None:
    answer = client.get("/cc/live", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"


def test_an_unforeseen_failure_tells_a_code_and_no_cause(
    client: Browser,
    stage: Stage,
    logged: list[MutableMapping[str, Any]],
) -> None:
    raising(stage, RuntimeError("the password is swordfish"))
    patient = type(client)(stage.app, base_url="http://testserver", raise_server_exceptions=False)
    for path in ("/failing", "/hi/failing", "/api/failing"):
        answer = patient.get(path)
        assert answer.status_code == 500
        assert "swordfish" not in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "कार्यक्रम को यह कोड बताएँ" in patient.get("/hi/failing").text
    code = patient.get("/api/failing").json()["error_code"]
    assert len(code) == 8
    assert logged[-1]["error_code"] == code
    assert logged[-1]["event"] == "A request failed"
    assert logged[-1]["path_template"] == "/api/failing"
    assert logged[-1]["failure"] == "RuntimeError"
    assert logged[-1]["frames"][-1].startswith("test_errors.py:")
    assert "swordfish" not in str(logged)


def test_a_wrong_question_names_its_fields_not_its_values(client: Browser) -> None:
    answer = client.get("/api/v1/sensors/gw-01.x/exposure?from_ms=swordfish")
    assert answer.status_code == 422
    assert "query.from_ms" in answer.json()["fields"]
    assert "swordfish" not in answer.text


def test_an_unknown_page_and_method_are_answered_as_pages(client: Browser) -> None:
    assert client.get("/hi/nothing").status_code == 404
    assert "ऐसा कोई पृष्ठ नहीं है" in client.get("/hi/nothing").text
    assert client.put("/login").status_code == 405
    assert client.get("/api/nothing").json()["status"] == 404


def test_every_title_is_marked_for_translation() -> None:
    assert {status for _, status in errors.STATUS} <= set(errors.TITLES)
    assert marked("x") == "x"


def test_a_field_that_no_form_can_ask_for_again_is_told_with_the_next_step(client: Browser) -> None:
    for prefix, said in (("", "Correct what is named here."), ("/hi", "यहाँ बताई बात ठीक करें।")):
        fields = {"user_name": "x" * 10_000, "csrf_token": client.form_token()}
        answer = client.post(f"{prefix}/login", data=fields, headers={"Origin": ORIGIN})
        assert answer.status_code == 422
        assert "body.user_name" in answer.text
        assert said in answer.text
