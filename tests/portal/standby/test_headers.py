from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import pytest

from portal.standby.app import STATIC_FOLDER, create_app
from portal.standby.headers import POLICY

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx`")
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", ["/verify", "/nothing", "/healthz", "/static/site.css", "/", "/c/" + "0" * 32])
def test_every_answer_has_them(tmp_path: Path, path: str) -> None:
    with TestClient(create_app(tmp_path), follow_redirects=False) as client:
        headers = client.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-robots-tag"].startswith("noindex")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_only_our_own_scripts_run_and_nothing_is_framed() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("name", ["certificate.html", "verify.html"])
def test_the_pages_carry_the_policy_to_servers_that_send_none(name: str) -> None:
    carried = re.findall(r'Content-Security-Policy" content="([^"]+)"', (STATIC_FOLDER / name).read_text())[0]
    assert f"{carried}; frame-ancestors 'none'" == POLICY
