from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.settings.certificate import DAY_MS, Life, days_left, life_of
from tests.edge_agent.tls_kit import Authority, named

if TYPE_CHECKING:
    from pathlib import Path

KEY = ec.generate_private_key(ec.SECP256R1())
BEGINS = dt.datetime(1960, 1, 1, tzinfo=dt.UTC)
BEGINS_MS = round(BEGINS.timestamp() * 1_000)


def pem(ends: dt.datetime, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEY) -> bytes:
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(name)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_after(ends)
    return builder.not_valid_before(BEGINS).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    ends=st.integers(1, 253_402_214_400).map(lambda second: dt.datetime.fromtimestamp(second, dt.UTC)),
    name=st.text("abcdefghij ", min_size=1, max_size=60).filter(str.strip),
)
def test_the_end_is_read_like_the_library_reads_it(tmp_path: Path, ends: dt.datetime, name: str) -> None:
    path = tmp_path / "c.pem"
    path.write_bytes(
        b"a bag's words\n" + pem(ends, name) + pem(ends + dt.timedelta(seconds=1), "next")
        if ends.year < 9999
        else pem(ends, name)
    )
    assert life_of(path) == Life(BEGINS_MS, round(ends.timestamp() * 1_000))


def test_a_certificate_with_a_long_key_is_read(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 4096)
    ends = dt.datetime(2031, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    (tmp_path / "c.pem").write_bytes(pem(ends, "x" * 60, key))
    assert life_of(tmp_path / "c.pem") == Life(BEGINS_MS, round(ends.timestamp() * 1_000))


@pytest.mark.parametrize("text", [b"", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_has_no_end(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "c.pem").write_bytes(text)
    assert life_of(tmp_path / "c.pem") is None
    assert life_of(tmp_path / "missing.pem") is None


def test_every_cut_of_a_certificate_is_survived(tmp_path: Path) -> None:
    whole = Authority(tmp_path).client("gw-t").certificate.read_text()
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.pem").write_text(whole[:length] + "\n-----END CERTIFICATE-----\n")
        life_of(tmp_path / "cut.pem")


@pytest.mark.parametrize(("left_ms", "days"), [(DAY_MS, 1), (DAY_MS - 1, 0), (0, 0), (-1, -1), (30 * DAY_MS + 5, 30)])
def test_days_are_whole(left_ms: int, days: int) -> None:
    assert days_left(1_000 + left_ms, 1_000) == days
