from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from portal.static_files import STATIC_FOLDER, StaticNames

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.conftest import Browser


def test_an_address_changes_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("one")
    before = StaticNames(tmp_path).own("a.css")
    (tmp_path / "a.css").write_text("two")
    assert StaticNames(tmp_path).own("a.css") != before
    assert before.startswith("/static/a.css?v=")


def test_without_npm_files_there_is_no_address(tmp_path: Path) -> None:
    assert StaticNames(tmp_path).vendor("htmx.js") is None


def test_an_installed_file_is_found_as_soon_as_it_is_there(tmp_path: Path) -> None:
    names = StaticNames(tmp_path)
    assert names.vendor("htmx.js") is None
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "manifest.json").write_text(json.dumps({"files": {"htmx.js": "htmx.0a.js"}}))
    assert names.vendor("htmx.js") == "/static/vendor/htmx.0a.js"
    assert names.vendor("unknown.js") is None


def test_every_address_on_a_page_is_answered(client: Browser) -> None:
    for path in ("/", "/hi/login", "/nothing"):
        page = client.get(path).text
        for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert "immutable" in answer.headers["Cache-Control"]


def test_nothing_outside_the_folder_is_served(client: Browser) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert client.get(path).status_code == 404


def test_no_script_of_ours_makes_code_from_text() -> None:
    for script in STATIC_FOLDER.glob("*.js"):
        source = script.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", source), script.name
        assert source.startswith('"use strict"'), script.name
