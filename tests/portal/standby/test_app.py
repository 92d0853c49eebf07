from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import pytest

from portal.certificate.mirror import PAGES
from portal.standby.app import STATIC_FOLDER, create_app
from tests.portal.given_certificates import NOW_MS, RECORD
from tests.portal.standby.site import name_in, publish

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx`")
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.portal.given_certificates import Books

UNKNOWN = "0" * 32


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "mirror").mkdir(exist_ok=True)
    with TestClient(create_app(tmp_path / "mirror"), follow_redirects=False) as made:
        yield made


def test_a_bundle_is_served_for_ever_and_byte_by_byte(books: Books, client: TestClient) -> None:
    name = name_in(books.issue(RECORD).link)
    publish(books, NOW_MS)
    answer = client.get(f"/b/{name[:2]}/{name}.enc")
    assert answer.status_code == 200
    assert answer.content == (books.mirror / "b" / name[:2] / f"{name}.enc").read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "application/octet-stream"


def test_the_lists_are_served_and_kept_shortly(books: Books, client: TestClient) -> None:
    publish(books, NOW_MS)
    for path in ("/status/doses.json", "/keys/trust.json"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert "immutable" not in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        f"/b/00/{UNKNOWN}.enc",
        f"/b/01/{UNKNOWN}.enc",
        "/b/00/",
        "/b/../../etc/passwd",
        "/b/%2e%2e/%2e%2e/ledger.db",
        f"/b/00/{UNKNOWN}.enc/../../../ledger.db",
        "/status/../ledger.db",
        "/status/..%2fledger.db",
        "/status/nothing.json",
        "/keys/dsc.key",
        "/keys/",
        "/static/app.py",
        "/static/..%2fapp.py",
        "/static/certificate.html",
        "/c/short",
        f"/c/{UNKNOWN}/more",
        f"/c/{'G' * 32}",
        "/nothing",
        "/ledger.db",
    ],
)
def test_an_unknown_name_is_a_plain_404(client: TestClient, tmp_path: Path, path: str) -> None:
    (tmp_path / "mirror" / "keys").mkdir()
    (tmp_path / "mirror" / "keys" / "dsc.key").write_text("secret")
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text
    assert len(answer.text) < 40


@pytest.mark.parametrize("prefix", ["", "/hi"])
def test_the_page_is_there_before_its_bundle_is_and_says_404(books: Books, client: TestClient, prefix: str) -> None:
    name = name_in(books.issue(RECORD).link)
    before = client.get(f"{prefix}/c/{name}")
    publish(books, NOW_MS)
    after = client.get(f"{prefix}/c/{name}")
    assert (before.status_code, after.status_code) == (404, 200)
    assert before.text == after.text
    assert RECORD.person_name not in after.text


@pytest.mark.parametrize("path", ["/verify", "/hi/verify", "/sw.js", "/static/site.css", "/static/hcert.js"])
def test_pages_and_their_parts_are_served_with_an_empty_mirror(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(("path", "target"), [("/", "/verify"), ("/hi", "/hi/verify")])
def test_the_front_door_leads_to_the_verifier(client: TestClient, path: str, target: str) -> None:
    assert client.get(path).headers["location"] == target


def test_no_robot_is_invited(client: TestClient) -> None:
    assert "Disallow: /" in client.get("/robots.txt").text


def test_health_is_the_folder(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/healthz").json() == {"ok": True}
    (tmp_path / "mirror").rmdir()
    assert client.get("/healthz").status_code == 503


def test_only_reading_is_possible(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert client.request(method, "/verify").status_code == 405


def test_every_part_that_a_page_or_script_names_exists() -> None:
    for path in STATIC_FOLDER.iterdir():
        text = path.read_text()
        named = re.findall(r'(?:from|import) "\./([\w.-]+)"', text) + re.findall(r'"/static/([\w.-]+)"', text)
        assert [name for name in named if not (STATIC_FOLDER / name).is_file()] == [], path.name


def test_no_page_has_inline_script_or_style_or_a_foreign_address() -> None:
    for name in ("certificate.html", "verify.html"):
        text = (STATIC_FOLDER / name).read_text()
        assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?://", text) == []


def test_both_languages_have_the_same_words() -> None:
    english, hindi = (
        dict(
            re.findall(r'^  "?([\w-]+)"?: "(.*)",$', (STATIC_FOLDER / f"words-{language}.js").read_text(), re.MULTILINE)
        )
        for language in ("en", "hi")
    )
    assert english.keys() == hindi.keys()
    assert len(english) > 90
    for name, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", hindi[name])), name


def test_every_word_that_a_script_says_exists() -> None:
    words = (STATIC_FOLDER / "words-en.js").read_text()
    said = {name for path in STATIC_FOLDER.glob("*.js") for name in re.findall(r'say\("(\w+)"', path.read_text())}
    assert [name for name in sorted(said) if f"  {name}: " not in words] == []


def test_the_verifier_keeps_every_script_that_it_needs() -> None:
    worker = (STATIC_FOLDER / "sw.js").read_text()
    seen, open_ends = set(), ["verify.js"]
    while open_ends:
        name = open_ends.pop()
        seen.add(name)
        imported = re.findall(r'(?:from|import) "\./([\w.-]+)"', (STATIC_FOLDER / name).read_text())
        open_ends += [other for other in imported if other not in seen]
    assert [name for name in sorted(seen) if f'"{name.removesuffix(".js")}"' not in worker] == []


def test_the_verifier_is_a_light_page() -> None:
    assert sum(path.stat().st_size for path in STATIC_FOLDER.iterdir()) < 150_000
    assert set(PAGES) <= {path.name for path in STATIC_FOLDER.iterdir()}
