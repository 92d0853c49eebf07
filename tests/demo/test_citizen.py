"""A citizen's download from a real standby process: authentic or refused, there or not yet."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from demo import citizen
from portal.certificate import bundle
from portal.certificate.advisory import Level
from portal.certificate.keys import SigningKeys, make_keys
from sheetal.contracts.problem import Problem, Refused, Unavailable
from tests.portal.given_certificates import NOW_MS, Books, another, demo_keys, open_books
from tests.portal.standby.site import free_port, publish, set_level, standing_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def books(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setattr(citizen, "now_ms", lambda: NOW_MS + 60_000)
    with open_books(tmp_path, migrated, f"http://127.0.0.1:{free_port()}") as opened:
        publish(opened, NOW_MS)
        with standing_by(opened):
            yield opened


def bundle_file(books: Books, link: str) -> Path:
    return books.mirror / bundle.path_of(link.partition("#")[0].rpartition("/")[2])


def test_an_issued_certificate_is_authentic_and_without_advisory(books: Books) -> None:
    issued = books.issue(another())
    publish(books, NOW_MS)
    found = citizen.download(issued.link, books.keys.trust)
    assert (found.issuer, found.advisory_level) == ("IN", 0)
    assert found.hcert.startswith("HC1:")
    assert found.status_from_ms == NOW_MS


def test_an_advisory_shows_beside_an_authentic_certificate(books: Books) -> None:
    issued, other = books.issue(another()), books.issue(another())
    set_level(books, issued.dose, Level.UNDER_INVESTIGATION, NOW_MS + 1)
    assert citizen.download(issued.link, books.keys.trust).advisory_level == 1
    assert citizen.download(other.link, books.keys.trust).advisory_level == 0


def test_a_certificate_that_is_not_exported_yet_may_come_later(books: Books) -> None:
    issued = books.issue(another())
    with pytest.raises(Unavailable, match="is not on the static site") as caught:
        citizen.download(issued.link, books.keys.trust)
    assert issued.link.partition("#")[2] not in caught.value.message


def test_a_changed_bundle_is_refused(books: Books) -> None:
    issued = books.issue(another())
    publish(books, NOW_MS)
    file = bundle_file(books, issued.link)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(Problem) as caught:
        citizen.download(issued.link, books.keys.trust)
    assert not isinstance(caught.value, Unavailable)


def test_a_link_with_another_secret_opens_nothing(books: Books) -> None:
    issued = books.issue(another())
    publish(books, NOW_MS)
    wrong = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    with pytest.raises(Problem) as caught:
        citizen.download(f"{issued.link.partition('#')[0]}#{wrong}", books.keys.trust)
    assert not isinstance(caught.value, Unavailable)


def test_a_signer_that_nobody_believes_is_refused(books: Books, tmp_path: Path) -> None:
    issued = books.issue(another())
    publish(books, NOW_MS)
    make_keys(tmp_path / "other", issuer="Somebody Else", country="IN", demo=True, now_ms=NOW_MS)
    stranger = SigningKeys.load(tmp_path / "other", demo_allowed=True, standby_url="http://x", now_ms=NOW_MS)
    with pytest.raises(Refused) as caught:
        citizen.download(issued.link, stranger.trust)
    assert caught.value.facts["reason"] == "unknown_key"


def test_an_expired_certificate_is_not_passed_over(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = books.issue(another())
    publish(books, NOW_MS)
    monkeypatch.setattr(citizen, "now_ms", lambda: NOW_MS + 20 * 365 * 86_400_000)
    with pytest.raises(Unavailable, match="has findings"):
        citizen.download(issued.link, books.keys.trust)


def test_a_site_that_is_away_is_unavailable(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path / "keys")
    with pytest.raises(Unavailable, match="the static site does not answer: ConnectError"):
        citizen.download(f"http://127.0.0.1:{free_port()}/c/{'0' * 32}#{'A' * 43}", keys.trust)
