from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.app import create_app
from portal.identity.rules import FAILURES_FREE
from portal.identity.service import Role

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage

PASSWORD = "a long enough password"


def test_home_offers_three_choices_in_both_languages(client: Browser) -> None:
    for path, words in (("/", "Get vaccinated"), ("/hi", "टीका लगवाएँ")):
        page = client.get(path).text
        assert page.count('class="choice-word"') == 3
        assert words in page
        assert 'href="/hi"' in page
        assert 'href="/"' in page


def test_home_knows_who_is_signed_in(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.VACCINATOR)
    assert "Signed in as" not in client.get("/").text
    client.sign_in("vaccinator")
    page = client.get("/").text
    assert "Signed in as Person vaccinator." in page
    assert 'href="/v/today"' in page


@pytest.mark.parametrize(("role", "home"), [(Role.VACCINATOR, "/v/today"), (Role.AUDITOR, "/cc")])
def test_each_role_starts_at_its_own_page(client: Browser, stage: Stage, role: Role, home: str) -> None:
    stage.add_person(role)
    answer = client.send_form("/login", user_name=role.value, password=PASSWORD)
    assert answer.headers["location"] == home


def test_signing_in_goes_on_to_where_the_person_was_heading(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    answer = client.send_form("/login", user_name="admin", password=PASSWORD, next="/hi/cc/lots?x=1")
    assert answer.headers["location"] == "/hi/cc/lots?x=1"


def test_signing_in_never_leads_away(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    answer = client.send_form("/login", user_name="admin", password=PASSWORD, next="//evil.example/")
    assert answer.headers["location"] == "/cc"


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    made = client.send_form("/login", user_name="admin", password=PASSWORD).headers["set-cookie"]
    assert made.startswith("session=")
    assert "HttpOnly" in made
    assert "SameSite=lax" in made


def test_over_https_cookies_are_bound_to_the_host(stage: Stage, client: Browser) -> None:
    secure = stage.settings.model_copy(update={"portal_url": "https://testserver"})
    stage.add_person(Role.ADMIN)
    app = create_app(secure)
    browser = type(client)(
        app, base_url="https://testserver", follow_redirects=False, headers={"Origin": "https://testserver"}
    )
    answer = browser.send_form("/login", user_name="admin", password=PASSWORD)
    assert answer.headers["set-cookie"].startswith("__Host-session=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    for store in (app.state.ledger, app.state.telemetry, app.state.readings):
        store.close()


def test_a_wrong_password_keeps_the_name_and_shows_the_error_twice(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    answer = client.send_form("/login", user_name="admin", password="something else")
    assert answer.status_code == 422
    assert 'value="admin"' in answer.text
    assert answer.text.count("User name and password do not fit together.") == 2
    assert "something else" not in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_too_many_wrong_tries_wait(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    for _ in range(FAILURES_FREE):
        client.send_form("/login", user_name="admin", password="something else")
    answer = client.send_form("/login", user_name="admin", password=PASSWORD)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "30"
    stage.now_ms += 31_000
    client.sign_in("admin")


def test_signing_out_closes_the_door(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    client.sign_in("admin")
    kept = client.cookies["session"]
    assert client.send_form("/logout", seen_on="/cc").headers["location"] == "/login"
    client.cookies.set("session", kept)
    assert client.get("/cc").status_code == 303


def test_signing_out_is_no_link(client: Browser) -> None:
    assert client.get("/logout").status_code == 405


def test_an_endless_field_is_refused(client: Browser) -> None:
    assert client.send_form("/login", user_name="x" * 10_000, password="y").status_code == 422
