"""The desk as a saboteur meets it: no code, wrong codes, other people's pages, old tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_agent.local.access import TRIES_MAX
from tests.edge_agent.local.kit import CODE, HOST, ILR, Stage, probe, stage, well_formed

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.local.request import Response

ACTS = ("test", "silence", "logout", "export")


@pytest.fixture
def here(tmp_path: Path) -> Stage:
    return stage(tmp_path, [probe(460), probe(None, ILR.__class__(probe="b", appliance="ILR-2"))])


def text(told: Response) -> str:
    return told.body.decode()


def test_reading_needs_no_code(here: Stage) -> None:
    for target in ("/", "/gw", "/gw?lang=hi", "/gw?probe=gw-t.b", "/gw/log", "/gw/log?probe=gw-t.b&lang=hi"):
        assert here.get(target).status == 200, target


@pytest.mark.parametrize("target", ["/gw/setup", "/gw/setup?lang=hi", "/gw/setup?done=test"])
def test_set_up_asks_for_the_code(here: Stage, target: str) -> None:
    told = here.get(target)
    assert told.status == 200
    assert 'type="password"' in text(told)
    assert "gw-t.ilr1-tvc" not in text(told)
    well_formed(text(told))


def test_the_code_opens_the_set_up_page(here: Stage) -> None:
    told = here.log_in()
    assert told.status == 303
    cookie = dict(told.headers)["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/gw", "Max-Age=900"} <= set(cookie.split("; "))
    shown = here.get("/gw/setup", here.token())
    assert "gw-t.ilr1-tvc" in text(shown)
    assert "No value" in text(shown)
    well_formed(text(shown))


def test_a_wrong_code_says_how_many_tries_are_left_and_then_locks(here: Stage) -> None:
    told = here.log_in("WRONG-CODE")
    assert (told.status, "Tries left: 4" in text(told)) == (403, True)
    for _ in range(TRIES_MAX - 1):
        told = here.log_in("WRONG-CODE")
    assert told.status == 429
    assert "Wait 15 min" in text(told)
    assert 'type="password"' not in text(told)
    assert here.log_in(CODE).status == 429
    assert "Set-Cookie" not in dict(here.log_in(CODE).headers)
    here.moment.pass_seconds(15 * 60)
    assert here.log_in(CODE).status == 303


def test_a_session_goes_on_while_another_locks_the_door(here: Stage) -> None:
    token = here.token()
    for _ in range(TRIES_MAX):
        here.log_in("WRONG-CODE")
    assert "gw-t.ilr1-tvc" in text(here.get("/gw/setup", token))


@pytest.mark.parametrize("act", ACTS)
def test_no_act_without_a_session(here: Stage, act: str) -> None:
    told = here.post(f"/gw/setup/{act}", "form=x")
    assert (told.status, dict(told.headers)["Location"]) == (303, "/gw/setup?lang=en")
    assert here.duty.view().shown == ""
    assert here.duty.view().silent_seconds == 0


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("form", ["", "form=", "form=x", "form=%00", "stick=1"])
def test_no_act_without_the_sessions_own_form(here: Stage, act: str, form: str) -> None:
    token = here.token()
    assert here.post(f"/gw/setup/{act}", form, token).status == 403
    assert here.access.session(token) is not None
    assert here.duty.view().shown == ""


@pytest.mark.parametrize("act", ["login", *ACTS])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": f"http://{HOST}.evil.example"},
    ],
)
def test_no_act_from_another_site(here: Stage, act: str, headers: dict[str, str]) -> None:
    token = here.token()
    told = here.post(f"/gw/setup/{act}", f"{here.form(token)}&code={CODE}", token, **headers)
    assert told.status == 403
    assert here.duty.view().shown == ""
    assert here.access.session(token) is not None


@pytest.mark.parametrize("target", ["/gw", "/gw/log", "/gw/setup", "/gw/setup/readings.csv"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8010", "", "192.168.1.7.evil.example"])
def test_nothing_is_read_through_a_name_that_is_not_ours(here: Stage, target: str, host: str) -> None:
    told = here.get(target, here.token(), Host=host)
    assert told.status == 421
    assert b"gw-t" not in told.body


def test_a_rebound_name_cannot_even_try_a_code(here: Stage) -> None:
    door = here.access.door_token()
    told = here.post("/gw/setup/login", f"form={door}&code=WRONG", Host="evil.example", Origin="http://evil.example")
    assert told.status == 421
    assert here.access.door().tries_left == TRIES_MAX


def test_the_acts_do_what_they_say(here: Stage) -> None:
    token = here.token()
    assert dict(here.post("/gw/setup/test", here.form(token), token).headers)["Location"].endswith("done=test")
    assert here.duty.view().shown == "test"
    assert "Test alarm. Nothing is wrong." in text(here.get("/gw"))
    assert here.post("/gw/setup/silence", here.form(token), token).status == 303
    assert here.duty.view().silent_seconds > 0
    assert "The buzzer is silent" in text(here.get("/gw/setup?done=silence", token))


def test_log_out_ends_it_and_a_replayed_cookie_is_nothing(here: Stage) -> None:
    token = here.token()
    form = here.form(token)
    told = here.post("/gw/setup/logout", form, token)
    assert "Max-Age=0" in dict(told.headers)["Set-Cookie"]
    assert 'type="password"' in text(here.get("/gw/setup", token))
    assert here.post("/gw/setup/test", form, token).status == 303
    assert here.duty.view().shown == ""


def test_a_session_ends_by_itself(here: Stage) -> None:
    token = here.token()
    form = here.form(token)
    here.moment.pass_seconds(15 * 60)
    assert here.post("/gw/setup/test", form, token).status == 303
    assert here.duty.view().shown == ""
    assert here.get("/gw/setup/readings.csv", token).status == 303


def test_one_sessions_form_is_no_key_to_another(here: Stage) -> None:
    first, second = here.token(), here.token()
    assert here.post("/gw/setup/test", here.form(first), second).status == 403


def test_an_old_log_in_form_counts_no_try(here: Stage) -> None:
    told = here.post("/gw/setup/login", f"form=1.x&code={CODE}")
    assert (told.status, "too old" in text(told)) == (403, True)
    assert here.access.door().tries_left == TRIES_MAX


def test_a_log_in_by_address_alone_is_none(here: Stage) -> None:
    door = here.access.door_token()
    told = here.get(f"/gw/setup/login?form={door}&code={CODE}")
    assert told.status == 404
    assert "Set-Cookie" not in dict(told.headers)


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "/gw/../../etc/passwd",
        "/gw/setup/../../x",
        "/gw/setup/%2e%2e",
        "/gw/setup/test",
        "/gw/log/../setup",
        "/gw/log/day?probe=../../etc&day=2026-01-01",
        "/gw/log?probe=%00",
        "/gw/setup/readings.csv/x",
    ],
)
def test_no_path_leads_elsewhere(here: Stage, target: str) -> None:
    assert here.get(target, here.token()).status == 404


def test_nobody_acts_by_an_unknown_name(here: Stage) -> None:
    token = here.token()
    for act in ("", "reboot", "login/x", "../gw"):
        assert here.post(f"/gw/setup/{act}", here.form(token), token).status == 404


def test_a_gateway_without_a_code_lets_nobody_in(tmp_path: Path) -> None:
    here = stage(tmp_path, code=None)
    assert "has no device code" in text(here.get("/gw/setup"))
    for code in ("", CODE, "None"):
        assert here.log_in(code).status == 403


def test_what_is_asked_for_is_never_echoed_raw(here: Stage) -> None:
    token = here.token()
    for target in ("/gw?probe=<script>", "/gw/log?probe=<script>", "/gw/setup?done=<script>&lang=<script>"):
        assert "<script>alert" not in text(here.get(target.replace("<script>", "<script>alert(1)"), token))


def test_the_code_stands_on_no_page(here: Stage) -> None:
    token = here.token()
    for target in ("/gw", "/gw/setup", "/gw/log"):
        assert CODE not in text(here.get(target, token))
        assert token not in text(here.get(target, token))
