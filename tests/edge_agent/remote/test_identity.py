from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge_agent.remote.identity import SAMPLE, Files, check_answer, first_settings, keep_answer, request_for, write
from edge_agent.settings.file import load_settings
from sheetal.contracts.enrolment import CSR_BYTES_MAX, Enrolment
from sheetal.contracts.problem import Refused, SettingProblem
from tests.edge_agent.kit import KEY
from tests.edge_agent.tls_kit import Authority

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "sheetal", "gw-07")


@pytest.fixture
def authority(tmp_path: Path, files: Files) -> Authority:
    files.folder.mkdir()
    return Authority(tmp_path / "office")


def answer(authority: Authority, csr_pem: str, **fields: str) -> Enrolment:
    told = Enrolment(
        gateway="gw-07",
        certificate_pem=authority.sign(csr_pem.encode()).decode(),
        authority_pem=authority.pem.decode(),
        key_hex=KEY.hex(),
        broker_url="mqtts://broker.example:8883",
    )
    return msgspec.structs.replace(told, **fields)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("authority")
def test_the_request_names_the_gateway_and_proves_its_key(files: Files) -> None:
    csr = x509.load_pem_x509_csr(request_for(files).encode())
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == "CN=gw-07"
    key = csr.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert mode(files.tls_key) == 0o600
    assert len(request_for(files)) < CSR_BYTES_MAX


@pytest.mark.usefixtures("authority")
def test_the_key_is_made_once(files: Files) -> None:
    first, second = (x509.load_pem_x509_csr(request_for(files).encode()).public_key() for _ in range(2))
    assert first == second


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize("damage", ["garbage", "rsa", "open"])
def test_a_key_that_cannot_be_used_is_named(files: Files, damage: str) -> None:
    request_for(files)
    if damage == "garbage":
        files.tls_key.write_text("garbage")
    elif damage == "rsa":
        other = rsa.generate_private_key(65537, 2048)
        files.tls_key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    else:
        files.tls_key.chmod(0o644)
    with pytest.raises(SettingProblem, match=re.escape(str(files.tls_key))):
        request_for(files)


def test_what_enrolment_brought_makes_a_gateway_that_can_start(files: Files, authority: Authority) -> None:
    csr = request_for(files)
    told = answer(authority, csr)
    check_answer(files, csr, told)
    assert keep_answer(files, told, "https://portal.example:443")
    settings = load_settings(files.settings)
    assert (settings.gateway, settings.key, settings.sources) == ("gw-07", KEY, ())
    assert settings.broker.tls
    assert settings.broker.certificate_file == files.certificate
    assert settings.broker.ca_file == files.authority
    assert settings.portal_url == "https://portal.example:443"
    assert [mode(path) for path in (files.tls_key, files.sealing_key)] == [0o600, 0o600]
    assert sorted(path.name for path in files.folder.iterdir()) == [
        "authority.pem", "gateway.toml", "gw-07-tls.key", "gw-07.key", "gw-07.pem",
    ]  # fmt: skip


def test_a_settings_file_that_is_there_stays(files: Files, authority: Authority) -> None:
    files.settings.write_text("mine")
    csr = request_for(files)
    assert not keep_answer(files, answer(authority, csr), "https://portal.example")
    assert files.settings.read_text() == "mine"


@pytest.mark.parametrize(
    "wrong", ["another key", "another name", "another authority", "a short key", "no hex", "no certificate", "a page"]
)
def test_an_answer_for_somebody_else_is_not_kept(
    files: Files, authority: Authority, tmp_path: Path, wrong: str
) -> None:
    csr = request_for(files)
    stranger = Authority(tmp_path / "stranger", "Stranger")
    other = Files(tmp_path, "gw-08")
    fields = {
        "another key": {"certificate_pem": authority.sign(request_for(Files(tmp_path, "gw-07")).encode()).decode()},
        "another name": {"certificate_pem": authority.sign(request_for(other).encode()).decode()},
        "another authority": {"authority_pem": stranger.pem.decode()},
        "a short key": {"key_hex": "00" * 15},
        "no hex": {"key_hex": "zz" * 32},
        "no certificate": {"certificate_pem": "hello"},
        "a page": {"broker_url": "https://portal.example"},
    }[wrong]
    with pytest.raises(Refused, match="portal's answer"):
        check_answer(files, csr, answer(authority, csr, **fields))


def test_the_first_settings_are_the_sample_with_the_sources_commented_out(files: Files, authority: Authority) -> None:
    csr = request_for(files)
    text = first_settings(SAMPLE.read_text(), files, answer(authority, csr), "https://p")
    sample = SAMPLE.read_text()
    assert text.count("\n") == sample.count("\n")
    assert 'certificate_key_file = "gw-07-tls.key"' in text
    after = text[text.index("# [[source]]") :]
    assert all(line.startswith("#") or not line for line in after.splitlines())


def test_in_the_clear_no_certificate_is_named(files: Files, authority: Authority) -> None:
    csr = request_for(files)
    told = answer(authority, csr, broker_url="mqtt://127.0.0.1:1883")
    assert keep_answer(files, told, "http://127.0.0.1:8000")
    assert load_settings(files.settings).broker[:3] == ("127.0.0.1", 1883, False)


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    (tmp_path / "secret.new").write_text("left over by a power cut")
    for content in (b"first", b"second"):
        write(path, content, 0o600)
        assert (path.read_bytes(), mode(path)) == (content, 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_a_file_belongs_to_whom_its_folder_belongs(tmp_path: Path) -> None:
    owner = 65_534 if os.geteuid() == 0 else os.geteuid()
    (tmp_path / "etc").mkdir()
    os.chown(tmp_path / "etc", owner, -1)
    write(tmp_path / "etc" / "secret", b"x", 0o600)
    assert (tmp_path / "etc" / "secret").stat().st_uid == owner
