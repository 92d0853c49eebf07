"""A person of the story against a scripted server, and against the portal itself."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
import uvicorn

from demo.broker import free_port
from demo.people import Person
from portal.app import Resources, create_app
from portal.identity.rules import Role, Staff
from portal.identity.service import add_staff
from portal.settings import Settings
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import Refused, Unavailable
from sheetal.ledger import assets
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.readings.connect import open_readings
from tests.demo.children import until
from tests.demo.web import Reply, Web, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.demo.conftest import Given

PASSWORD = "a long enough password"
FORM = b'<input type="hidden" name="csrf_token" value="t0ken">'


@pytest.fixture
def web() -> Iterator[Web]:
    replies = {"GET /login": Reply(200, FORM), "POST /login": Reply(303, headers=(("Location", "/cc"),))}
    with serving(Web(replies)) as running:
        yield running


def test_signing_in_sends_the_forms_token_from_the_same_origin(web: Web) -> None:
    with Person(web.url, "officer", PASSWORD):
        pass
    sent = web.heard[1]
    assert (sent.method, sent.path) == ("POST", "/login")
    assert sent.body == b"user_name=officer&password=a+long+enough+password&csrf_token=t0ken"
    assert sent.headers["Origin"] == web.url


def test_a_wrong_password_is_told_without_it(web: Web) -> None:
    web.replies["POST /login"] = Reply(422)
    with pytest.raises(Unavailable, match="officer could not sign in") as caught, Person(web.url, "officer", PASSWORD):
        pass
    assert PASSWORD not in str(caught.value)


def test_pages_and_answers_are_what_the_server_says(web: Web) -> None:
    web.replies["GET /cc"] = Reply(200, b"<h1>Cold chain</h1>")
    web.replies["GET /api/v1/x"] = Reply(200, b'{"readings": 3}')
    with Person(web.url, "officer", PASSWORD) as officer:
        assert "Cold chain" in officer.page("/cc")
        assert officer.ask("/api/v1/x", from_ms=1, name="a b") == {"readings": 3}
    assert web.heard[-1].path == "/api/v1/x?from_ms=1&name=a+b"


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_what_is_not_shown_may_come_later(web: Web, status: int) -> None:
    web.replies |= {"GET /cc": Reply(status), "GET /api/v1/x": Reply(status), "POST /api/v1/x": Reply(status)}
    with Person(web.url, "officer", PASSWORD) as officer:
        for act in (officer.page, officer.ask):
            with pytest.raises(Unavailable, match=str(status)):
                act("/cc" if act == officer.page else "/api/v1/x")
        with pytest.raises(Unavailable, match=str(status)):
            officer.act("/api/v1/x", {})


@pytest.mark.parametrize("status", [200, 201])
def test_an_act_carries_its_key_and_body(web: Web, status: int) -> None:
    web.replies["POST /api/v1/doses"] = Reply(status, b'{"dose": "d1"}')
    with Person(web.url, "vaccinator", PASSWORD) as vaccinator:
        assert vaccinator.act("/api/v1/doses", {"scan": "H-1"}, key="key-1234") == {"dose": "d1"}
    sent = web.heard[-1]
    assert json.loads(sent.body) == {"scan": "H-1"}
    assert sent.headers["Idempotency-Key"] == "key-1234"


def test_a_refusal_carries_the_problems_own_facts(web: Web) -> None:
    problem = {"title": "DO NOT USE", "reason": "held", "next_step": "put it aside", "message": "?", "status": 409}
    web.replies["POST /api/v1/doses"] = Reply(409, json.dumps(problem).encode())
    with Person(web.url, "vaccinator", PASSWORD) as vaccinator, pytest.raises(Refused) as caught:
        vaccinator.act("/api/v1/doses", {})
    assert caught.value.message == "DO NOT USE (held)"
    assert caught.value.facts == {"title": "DO NOT USE", "reason": "held", "status": 409}


def test_a_server_that_goes_away_is_unavailable() -> None:
    with serving(Web({"GET /login": Reply(200, FORM), "POST /login": Reply(303)})) as web:
        person = Person(web.url, "officer", PASSWORD).__enter__()
    with pytest.raises(Unavailable, match="the portal does not answer"):
        person.page("/cc")
    person.__exit__(None, None, None)


def test_nobody_there_is_unavailable_and_leaves_nothing_open() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match="the portal does not answer"), Person(url, "officer", PASSWORD):
        pass


@pytest.fixture
def portal(given: Given, migrated: Path) -> Iterator[str]:
    """The real portal with one facility and one officer, on a port of its own."""
    (given.folder / "telemetry.db").write_bytes((migrated / "telemetry.db").read_bytes())
    url = f"http://127.0.0.1:{free_port()}"
    with given.ledger.write() as connection:
        place = assets.Facility(
            id="F-101",
            name="One",
            name_hindi="एक",
            kind="cold_chain_point",
            state_id=21,
            state_name="Maharashtra",
            district_id=363,
            district_name="Pune",
        )
        assets.add_facility(connection, place, now_ms())
        who = Staff("", "K. Sample", Role.COLD_CHAIN_OFFICER, "F-101", "en")
        add_staff(connection, who, user_name="officer", password=PASSWORD, now_ms=now_ms())
    settings = Settings(
        ledger_url=f"sqlite:///{given.folder}/ledger.db",
        telemetry_url=f"sqlite:///{given.folder}/telemetry.db",
        field_key_file=given.folder / "field-keys",
        portal_url=url,
    )
    resources = Resources(
        open_ledger(settings.ledger_url),
        open_telemetry(settings.telemetry_url),
        open_readings("memory:"),
        FieldCipher.from_file(settings.field_key_file),
    )
    port = int(url.rpartition(":")[2])
    config = uvicorn.Config(create_app(settings, resources), port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield url
    server.should_exit = True
    thread.join()


def test_the_portal_itself_lets_a_person_in_and_asks_others_to_sign_in(portal: str) -> None:
    with Person(portal, "officer", PASSWORD) as officer:
        assert "K. Sample" in officer.page("/cc")
        with pytest.raises(Unavailable, match="404"):
            officer.ask("/api/v1/recalls/H-1")
        with pytest.raises(Unavailable, match="403"):
            officer.act("/api/v1/doses/check", {"session": "s", "scan": "H-1"})
    with pytest.raises(Unavailable, match="could not sign in"), Person(portal, "officer", "another password"):
        pass
