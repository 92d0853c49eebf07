from __future__ import annotations

import hashlib
import hmac
import socket
from typing import TYPE_CHECKING

import pytest

from edge_agent.replay.portal_question import ask_exposure, signature
from edge_agent.settings.file import Settings, load_settings
from sheetal.contracts.problem import SettingProblem, Unavailable
from tests.edge_agent.kit import KEY, SENSOR, T0_MS, WRONG_KEY, write_settings
from tests.edge_agent.portal_kit import FakePortal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def portal() -> Iterator[FakePortal]:
    with FakePortal([]) as running:
        yield running


def settings_for(folder: Path, url: str) -> Settings:
    return load_settings(write_settings(folder, gateway=f'portal_url = "{url}"'))


def test_the_signature_covers_method_path_and_instant() -> None:
    expected = hmac.new(KEY, b"GET\n/api/v1/x?a=1\n1790000000000", hashlib.sha256).hexdigest()
    assert signature(KEY, "/api/v1/x?a=1", 1_790_000_000_000) == expected
    others = [signature(KEY, "/api/v1/x?a=2", T0_MS), signature(KEY, "/api/v1/x?a=1", T0_MS + 1)]
    assert expected not in [*others, signature(WRONG_KEY, "/api/v1/x?a=1", T0_MS)]


def test_a_signed_question_is_answered_with_a_report(portal: FakePortal, tmp_path: Path) -> None:
    report = ask_exposure(settings_for(tmp_path, portal.url), SENSOR, T0_MS, T0_MS + 1_000, T0_MS)
    assert (report.sensor, report.from_ms, report.until_ms, report.readings) == (SENSOR, T0_MS, T0_MS + 1_000, 0)
    assert portal.seen == [f"/api/v1/sensors/{SENSOR}/exposure?from_ms={T0_MS}&until_ms={T0_MS + 1_000}"]


def test_a_portal_below_a_path_is_asked_and_signed_there(portal: FakePortal, tmp_path: Path) -> None:
    report = ask_exposure(settings_for(tmp_path, portal.url + "/vaccines/"), SENSOR, 1, 2, T0_MS)
    assert report.sensor == SENSOR
    assert portal.seen[0].startswith("/vaccines/api/v1/sensors/")


def test_a_forged_question_is_refused_and_said(portal: FakePortal, tmp_path: Path) -> None:
    forged = settings_for(tmp_path, portal.url)._replace(key=WRONG_KEY)
    with pytest.raises(Unavailable, match="answered 401"):
        ask_exposure(forged, SENSOR, 1, 2, T0_MS)


@pytest.mark.parametrize(("status", "body"), [(200, b"not json"), (200, b'{"sensor":1}'), (503, b"{}"), (404, b"")])
def test_a_useless_answer_is_unavailable(portal: FakePortal, tmp_path: Path, status: int, body: bytes) -> None:
    portal.status, portal.body = status, body
    with pytest.raises(Unavailable, match=r"answered \d+|did not answer"):
        ask_exposure(settings_for(tmp_path, portal.url), SENSOR, 1, 2, T0_MS)


def test_no_portal_is_unavailable_by_its_address(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=url):
            ask_exposure(settings_for(tmp_path, url), SENSOR, 1, 2, T0_MS)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "portal"])
def test_an_address_that_is_not_http_is_a_wrong_setting(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingProblem, match=r"gateway\.portal_url"):
        ask_exposure(settings_for(tmp_path, url), SENSOR, 1, 2, T0_MS)
