from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.csrf import cookie_name
from portal.identity.service import Role

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage

FORM = {"user_name": "nobody", "password": "a wrong password"}


def test_a_form_with_its_token_is_heard(client: Browser) -> None:
    token = client.form_token()
    assert client.post("/login", data=FORM | {"csrf_token": token}).status_code == 422


def test_the_token_may_come_in_a_header(client: Browser) -> None:
    token = client.form_token()
    assert client.post("/login", data=FORM, headers={"X-CSRF-Token": token}).status_code == 422


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_form_with_another_token_is_refused(client: Browser, token: str) -> None:
    client.form_token()
    answer = client.post("/login", data=FORM | {"csrf_token": token})
    assert answer.status_code == 403
    assert "This form is too old." in answer.text


def test_a_form_without_the_browsers_cookie_is_refused(client: Browser) -> None:
    token = client.form_token()
    client.cookies.clear()
    assert client.post("/login", data=FORM | {"csrf_token": token}).status_code == 403


def test_a_token_of_before_signing_in_does_not_count_after(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    before = client.form_token()
    client.sign_in("admin")
    assert client.post("/logout", data={"csrf_token": before}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver.elsewhere.example"},
    ],
)
def test_a_form_from_elsewhere_is_refused(client: Browser, headers: dict[str, str]) -> None:
    token = client.form_token()
    answer = client.post("/login", data=FORM | {"csrf_token": token}, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.text


def test_a_form_that_does_not_say_where_it_comes_from_is_refused(client: Browser) -> None:
    token = client.form_token()
    del client.headers["Origin"]
    assert client.post("/login", data=FORM | {"csrf_token": token}).status_code == 403


def test_a_fetch_from_our_own_page_is_heard(client: Browser) -> None:
    token = client.form_token()
    del client.headers["Origin"]
    answer = client.post("/login", data=FORM | {"csrf_token": token}, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 422


def test_cookies_are_bound_to_the_host_over_https() -> None:
    assert cookie_name("session", secure=True) == "__Host-session"
    assert cookie_name("session", secure=False) == "session"


def test_the_browsers_cookie_cannot_be_read_by_scripts(client: Browser) -> None:
    made = client.get("/login").headers["set-cookie"]
    assert "HttpOnly" in made
    assert "SameSite=lax" in made
    assert "Path=/" in made
