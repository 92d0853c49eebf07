"""Every page of every slice, in every language, as an officer and as nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute

from portal.app import PAGES
from portal.headers import CONTENT_SECURITY_POLICY
from portal.identity.service import Role
from portal.language import LANGUAGES, localised
from tests.portal import district, given_gateways

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage

IDS = {
    "appliance_id": "A-102-1",
    "holding_id": "H-58213",
    "facility_id": "F-101",
    "lot_id": "covishield/CS-2301",
    "sensor_id": "gw-01.a-101-1-tvc",
    "gateway_id": "gw-01",
    "probe": "a-101-1-tvc",
}
FORBIDDEN = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
FACILITY = "/cc/facilities/F-101"
ANSWERS = {200, 303, 307, 403, 404, 409, 422, 503}
OFFICERS = (Role.PROGRAMME_MANAGER, Role.VACCINATOR)


def paths_of(*, changing: bool) -> list[str]:
    found = []
    for route in (route for router in PAGES for route in router.routes):
        assert isinstance(route, APIRoute)
        if changing is not bool(route.methods & {"GET"}):
            found.append(re.sub(r"\{(\w+)(?::path)?\}", lambda match: IDS.get(match[1], "unknown"), route.path))
    assert len(found) >= 6
    return found


@pytest.fixture
def seeded(stage: Stage) -> Stage:
    district.seed(district.Stores(stage.ledger, stage.telemetry, stage.readings, stage.cipher), stage.now_ms)
    given_gateways.report(stage.ledger, stage.now_ms)
    return stage


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", [*OFFICERS, None])
def test_every_page_answers_within_the_policy(client: Browser, seeded: Stage, role: Role | None, language: str) -> None:
    if role is not None:
        seeded.add_person(role)
        client.sign_in(role.value)
    for path in paths_of(changing=False):
        answer = client.get(localised(path, language))
        assert answer.status_code in ANSWERS, (path, answer.status_code)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'"), path
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert FORBIDDEN.search(answer.text) is None, path
            assert f'<html lang="{language}"' in answer.text or "<html" not in answer.text, path


@pytest.mark.parametrize("path", ["/", "/login", "/cc", "/cc/alarms", "/cc/lots", "/cc/facilities", "/cc/dead-letters"])
def test_the_main_pages_are_there(client: Browser, seeded: Stage, path: str) -> None:
    seeded.add_person(Role.PROGRAMME_MANAGER)
    client.sign_in("programme_manager")
    for language in LANGUAGES:
        answer = client.get(localised(path, language))
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_no_page_that_changes_something_is_open_to_another_site(client: Browser, seeded: Stage) -> None:
    seeded.add_person(Role.PROGRAMME_MANAGER)
    client.sign_in("programme_manager")
    for path in paths_of(changing=True):
        answer = client.post(path, data={}, headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, path


def test_every_page_marks_its_parts_for_assistive_tools(client: Browser, seeded: Stage) -> None:
    seeded.add_person(Role.PROGRAMME_MANAGER)
    client.sign_in("programme_manager")
    for path in (
        "/",
        "/login",
        "/cc",
        "/cc/appliances/A-102-1",
        "/cc/holdings/H-58213",
        "/cc/alarms",
        "/cc/facilities/F-101",
        "/cc/gateways",
        "/cc/gateways/gw-01",
        "/cc/gateways/gw-01/probes/a-101-1-tvc",
        "/cc/gateways/gw-01/retire",
    ):
        page = client.get(path).text
        assert page.count("<main") == 1, path
        assert page.count("<h1") == 1, path
        assert 'class="skip" href="#main"' in page, path
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), path
        for labelled in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page):
            assert set(labelled.split()) <= set(ids), (path, labelled)
        for field in re.findall(r'<(?:input|textarea|select)[^>]*\sid="([^"]+)"', page):
            assert f'for="{field}"' in page, (path, field)
