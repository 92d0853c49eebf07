from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from portal.orchestration.gateway_ca import (
    CERTIFICATE_DAYS,
    VARIABLE,
    Authority,
    BadRequestForCertificate,
    make_authority,
    make_server_certificate,
    read_request,
)
from sheetal.contracts.enrolment import CSR_BYTES_MAX
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import SettingProblem
from tests.portal.given_gateways import KEY, NAME, authority, csr, csr_of

if TYPE_CHECKING:
    from pathlib import Path

    from portal.orchestration.gateway_ca import SignedCertificate

NOW_MS = 1_795_425_631_000
NOW = datetime.fromtimestamp(NOW_MS // 1000, UTC)


def signed(one: Authority, name: str = "gw-01", now_ms: int = NOW_MS) -> tuple[SignedCertificate, x509.Certificate]:
    made = one.sign(read_request(csr(name), name), name, now_ms)
    return made, x509.load_pem_x509_certificate(made.pem.encode())


def test_an_authority_is_made_once_with_a_key_that_nobody_else_reads(tmp_path: Path) -> None:
    one = authority(tmp_path, NOW_MS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.key", "ca.pem", "gateways.crl"]
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    before = (tmp_path / "ca.key").read_bytes()
    with pytest.raises(SettingProblem, match="already holds an authority"):
        make_authority(tmp_path, name=NAME, demo=False, now_ms=NOW_MS)
    assert (tmp_path / "ca.key").read_bytes() == before
    assert "private" not in repr(one)
    one.certificate.verify_directly_issued_by(one.certificate)
    assert one.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_a_demo_authority_is_refused_outside_a_demo(tmp_path: Path) -> None:
    assert authority(tmp_path, NOW_MS, demo=True).is_demo
    with pytest.raises(SettingProblem, match="demo") as problem:
        Authority.load(tmp_path, demo_allowed=False, now_ms=NOW_MS)
    assert problem.value.facts["variable"] == VARIABLE
    assert not authority(tmp_path / "real", NOW_MS).is_demo


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    authority(tmp_path, NOW_MS)
    (tmp_path / name).write_text("nothing")
    with pytest.raises(SettingProblem, match=name):
        Authority.load(tmp_path, demo_allowed=False, now_ms=NOW_MS)
    (tmp_path / name).unlink()
    with pytest.raises(SettingProblem, match=f"{name} cannot be read"):
        Authority.load(tmp_path, demo_allowed=False, now_ms=NOW_MS)


def test_a_foreign_an_open_or_an_expired_key_is_refused(tmp_path: Path) -> None:
    authority(tmp_path, NOW_MS)
    with pytest.raises(SettingProblem, match="expired"):
        Authority.load(tmp_path, demo_allowed=False, now_ms=NOW_MS + 3651 * DAY_MS)
    (tmp_path / "ca.key").chmod(0o640)
    with pytest.raises(SettingProblem, match="chmod 600"):
        Authority.load(tmp_path, demo_allowed=False, now_ms=NOW_MS)
    authority(tmp_path / "other", NOW_MS)
    (tmp_path / "ca.key").chmod(0o600)
    (tmp_path / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(SettingProblem, match="does not belong"):
        Authority.load(tmp_path, demo_allowed=False, now_ms=NOW_MS)


def test_a_certificate_is_the_gateways_and_nothing_more(tmp_path: Path) -> None:
    one = authority(tmp_path, NOW_MS)
    made, found = signed(one)
    found.verify_directly_issued_by(one.certificate)
    assert [(part.oid, part.value) for part in found.subject] == [(NameOID.COMMON_NAME, "gw-01")]
    assert found.public_key() == KEY.public_key()
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert {one.value.__class__ for one in found.extensions} == {
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectKeyIdentifier,
        x509.AuthorityKeyIdentifier,
    }, "what the request wished for is not taken over"
    assert found.not_valid_after_utc == NOW + timedelta(days=CERTIFICATE_DAYS)
    assert found.not_valid_before_utc <= NOW
    assert made.expires_at_ms == NOW_MS + CERTIFICATE_DAYS * DAY_MS
    assert int(made.serial, 16) == found.serial_number
    assert len(made.serial) <= 40
    assert made.serial != signed(one)[0].serial


def test_no_certificate_outlives_its_authority(tmp_path: Path) -> None:
    one = authority(tmp_path, NOW_MS)
    _, found = signed(one, now_ms=NOW_MS + 3600 * DAY_MS)
    assert found.not_valid_after_utc == one.certificate.not_valid_after_utc


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_every_curve_of_256_bits_or_more_is_signed(tmp_path: Path, curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    made = authority(tmp_path, NOW_MS).sign(read_request(csr("gw-9", key), "gw-9"), "gw-9", NOW_MS)
    assert x509.load_pem_x509_certificate(made.pem.encode()).public_key() == key.public_key()


def damaged() -> str:
    """A request whose signature was made for another name."""
    honest = x509.load_pem_x509_csr(csr("gw-02").encode())
    forged = x509.load_pem_x509_csr(csr("gw-01").encode()).tbs_certrequest_bytes
    whole = honest.public_bytes(serialization.Encoding.DER).replace(honest.tbs_certrequest_bytes, forged)
    return x509.load_der_x509_csr(whole).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "cannot be read"),
        ("x" * (CSR_BYTES_MAX + 1), "too large"),
        (csr("gw-02"), "common name"),
        (csr("GW-01"), "common name"),
        (csr_of([(NameOID.COMMON_NAME, "gw-01"), (NameOID.ORGANIZATION_NAME, "x")]), "common name"),
        (csr_of([(NameOID.COMMON_NAME, "gw-01"), (NameOID.COMMON_NAME, "ingest")]), "common name"),
        (csr_of([]), "common name"),
        (csr("gw-01", rsa.generate_private_key(65537, 2048)), "EC key"),
        (csr("gw-01", ec.generate_private_key(ec.SECP224R1())), "EC key"),
        (csr("gw-01", ec.generate_private_key(ec.SECP256K1())), "EC key"),
        (damaged(), "its own key"),
    ],
    ids=range(12),
)
def test_a_request_that_proves_too_little_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadRequestForCertificate, match=said) as problem:
        read_request(text, "gw-01")
    assert problem.value.code == "bad_request_for_certificate"


@pytest.mark.parametrize("name", ["ingest", "alerts"])
def test_no_certificate_bears_a_services_name(name: str) -> None:
    with pytest.raises(BadRequestForCertificate):
        read_request(csr(name), name)


def test_an_edwards_key_is_refused_in_words() -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gw-01")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    pem = request.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(BadRequestForCertificate, match="EC key"):
        read_request(pem.decode(), "gw-01")


def test_a_list_names_the_revoked_and_is_good_for_a_week(tmp_path: Path) -> None:
    one = authority(tmp_path, NOW_MS)
    made = x509.load_pem_x509_crl(one.revocation_list({"0a": NOW_MS - 5_000, "ff": NOW_MS}, NOW_MS))
    assert made.is_signature_valid(KEY.public_key()) is False
    assert made.is_signature_valid(one.private_key.public_key())
    assert {entry.serial_number for entry in made} == {10, 255}
    assert made.last_update_utc <= NOW
    assert made.next_update_utc == NOW + timedelta(days=7)


def test_a_later_list_says_so_even_within_a_second_or_under_a_clock_set_back(tmp_path: Path) -> None:
    one = authority(tmp_path, NOW_MS)
    first = x509.load_pem_x509_crl(one.revocation_list({}, NOW_MS))
    for now_ms in (NOW_MS, NOW_MS - 600_000):
        again = x509.load_pem_x509_crl(one.revocation_list({}, now_ms, first.last_update_utc))
        assert again.last_update_utc > first.last_update_utc
        number, before = (
            made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for made in (again, first)
        )
        assert number > before


def test_the_brokers_certificate_names_its_hosts_and_is_for_servers_only(tmp_path: Path) -> None:
    one = authority(tmp_path, NOW_MS)
    make_server_certificate(one, tmp_path / "out", ["broker.example", "192.0.2.7"], NOW_MS)
    found = x509.load_pem_x509_certificate((tmp_path / "out" / "server.crt").read_bytes())
    found.verify_directly_issued_by(one.certificate)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    assert stat.S_IMODE((tmp_path / "out" / "server.key").stat().st_mode) == 0o600
