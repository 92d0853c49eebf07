from __future__ import annotations

import io
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from edge_agent.remote import enrol
from edge_agent.remote.enrol import main, portal_of
from edge_agent.settings.file import load_settings
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import KEY
from tests.edge_agent.remote.office_kit import CODE, EnrolmentOffice
from tests.edge_agent.tls_kit import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "office")


@pytest.fixture
def office(authority: Authority) -> Iterator[EnrolmentOffice]:
    with EnrolmentOffice(authority) as running:
        yield running


def attempt(url: str, folder: Path, *more: str, code: str = CODE) -> int:
    arguments = ["--portal", url, "--gateway", "gw-07", "--folder", str(folder), *more]
    return main(arguments, io.StringIO(f"{code}\n"), io.StringIO())


def said(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_a_code_buys_everything_a_gateway_needs(office: EnrolmentOffice, tmp_path: Path) -> None:
    assert attempt(office.url, tmp_path / "etc") == 0
    settings = load_settings(tmp_path / "etc" / "gateway.toml")
    assert (settings.gateway, settings.key, settings.portal_url) == ("gw-07", KEY, office.url)
    certificate = x509.load_pem_x509_certificate((tmp_path / "etc" / "gw-07.pem").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=gw-07"


@pytest.mark.parametrize("typed", [CODE.lower(), f"{CODE[:5]}-{CODE[5:]}", f"  {CODE[:5]} {CODE[5:]} "])
def test_a_code_may_be_typed_as_people_type(office: EnrolmentOffice, tmp_path: Path, typed: str) -> None:
    assert attempt(office.url, tmp_path, code=typed) == 0


def test_over_https_the_portal_is_proved(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EnrolmentOffice(authority, authority.server()) as office:
        assert attempt(office.url, tmp_path / "etc") == 1
        assert "--ca-file" in said(capsys)
        assert attempt(office.url, tmp_path / "etc", "--ca-file", str(authority.file)) == 0


@pytest.mark.parametrize("days", [-1, -400])
def test_a_clock_that_is_wrong_is_named(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str], days: int
) -> None:
    with EnrolmentOffice(authority, authority.server(days=days)) as office:
        assert attempt(office.url, tmp_path / "etc", "--ca-file", str(authority.file)) == 1
    assert "set its clock" in said(capsys)


def test_a_portal_under_another_name_is_not_told_the_code(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EnrolmentOffice(authority, authority.server(host="portal.example")) as office:
        assert attempt(office.url, tmp_path / "etc", "--ca-file", str(authority.file)) == 1
        assert office.asked == []
    assert "not believed" in said(capsys)


def test_a_wrong_code_is_one_line_and_the_key_stays(
    office: EnrolmentOffice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attempt(office.url, tmp_path, code="WRONG") == 1
    told = said(capsys)
    assert "ask for a new one in the portal" in told
    assert "The code does not fit." in told
    assert "WRONG" not in told
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["gw-07-tls.key"]
    key = (tmp_path / "gw-07-tls.key").read_bytes()
    assert attempt(office.url, tmp_path) == 0
    assert (tmp_path / "gw-07-tls.key").read_bytes() == key


def test_broken_off_after_the_portal_signed_it_goes_on_with_a_new_code(
    office: EnrolmentOffice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office.hangs_up_after_signing = True
    assert attempt(office.url, tmp_path) == 1
    assert "give the same command again" in said(capsys)
    assert attempt(office.url, tmp_path) == 1
    assert "used" in said(capsys)
    office.codes.add("NEWCODE234")
    assert attempt(office.url, tmp_path, code="NEWCODE234") == 0
    first, *others = [x509.load_pem_x509_csr(asked.csr_pem.encode()).public_key() for asked in office.asked]
    assert all(key == first for key in others)


def test_enrolled_again_it_gets_new_files_and_keeps_its_settings(office: EnrolmentOffice, tmp_path: Path) -> None:
    assert attempt(office.url, tmp_path) == 0
    before = (tmp_path / "gw-07.pem").read_bytes()
    (tmp_path / "gateway.toml").write_text("# mine")
    office.codes.add(CODE)
    assert attempt(office.url, tmp_path) == 0
    assert (tmp_path / "gw-07.pem").read_bytes() != before
    assert (tmp_path / "gateway.toml").read_text() == "# mine"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (429, b'{"title":"Too many"}', "wait some minutes"),
        (500, b"<html>", "give the same command again"),
        (503, b'{"detail":"closed"}', "closed"),
        (422, b'{"detail":"The request is\\nnot for this gateway."}', "The request is not for this gateway."),
        (404, b"", "is --portal its address"),
        (200, b"<html>hello</html>", "is --portal its address"),
        (200, b'{"gateway":"gw-07"}', "is --portal its address"),
        (301, b"", "give --portal the address"),
        (308, b"", "give --portal the address"),
    ],
)
def test_what_the_portal_says_instead_is_told_in_one_line(
    office: EnrolmentOffice, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int, body: bytes, words: str
) -> None:
    office.says = [(status, body)]
    assert attempt(office.url, tmp_path) == 1
    assert words in said(capsys)
    assert attempt(office.url, tmp_path) == 0


def test_a_portal_that_is_away_is_asked_again_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert attempt(f"http://127.0.0.1:{port}", tmp_path) == 1
    assert "nothing is lost" in said(capsys)


def test_a_folder_that_cannot_be_written_is_named(
    office: EnrolmentOffice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert attempt(office.url, tmp_path / "file" / "etc") == 2
    assert str(tmp_path / "file") in said(capsys)
    assert office.asked == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://portal.example", "ftp://x", "portal.example", "https://", "https://u@x", "https://x:99999"),
        *("https://x?y", "https://a..b", "https://ex ample", "https://[x"),
    ],
)
def test_an_address_that_would_tell_the_code_to_others_is_refused(url: str) -> None:
    with pytest.raises(SettingProblem, match="--portal"):
        portal_of(url, None)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://portal.example", "https://portal.example:443"),
        ("https://portal.example/sheetal/", "https://portal.example:443/sheetal"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses(url: str, told: str) -> None:
    assert portal_of(url, None).url == told


def test_wrong_words_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--portal", "https://x", "--gateway", "a/b", "--folder", str(tmp_path)], io.StringIO(CODE)) == 2
    assert "--gateway" in said(capsys)
    assert attempt("https://x", tmp_path, code="") == 2
    assert "standard input" in said(capsys)
    assert attempt("https://x", tmp_path, "--ca-file", str(tmp_path / "none.pem")) == 2
    assert "--ca-file" in said(capsys)


def test_the_code_is_never_an_argument(office: EnrolmentOffice, tmp_path: Path) -> None:
    assert "code" not in {word.strip("-") for word in vars(enrol) if word.startswith("--")}
    command = [sys.executable, "-m", "edge_agent", "enrol", "--portal", office.url, "--gateway", "gw-07"]
    command += ["--folder", str(tmp_path)]
    done = subprocess.run(command, input=f"{CODE}\n", cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "check --config" in done.stdout
    assert KEY.hex() not in done.stdout
    wrong = subprocess.run([*command, "--code", CODE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
