from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from portal.certificate.keys import SigningKeys, main, make_keys
from portal.certificate.verify import is_signed_by
from sheetal.contracts.problem import SettingProblem
from tests.portal.given_certificates import DAY_MS, NOW_MS, STANDBY_URL, demo_keys

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, *, demo: bool = True, now_ms: int = NOW_MS) -> SigningKeys:
    return SigningKeys.load(folder, demo, standby_url=STANDBY_URL, now_ms=now_ms)


def test_the_signer_is_certified_by_the_authority_and_named_by_its_hash(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path)
    csca = x509.load_pem_x509_certificate((tmp_path / "csca.pem").read_bytes())
    dsc = x509.load_pem_x509_certificate((tmp_path / "dsc.pem").read_bytes())
    dsc.verify_directly_issued_by(csca)
    csca.verify_directly_issued_by(csca)
    assert keys.signer.kid == hashlib.sha256(dsc.public_bytes(serialization.Encoding.DER)).digest()[:8]
    assert keys.country == "IN"
    assert keys.signer.issuer_name == "Sample Health Department"
    assert (tmp_path / "dsc.key").stat().st_mode & 0o077 == 0


def test_a_signature_is_deterministic_and_verifies(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path)
    signature = keys.sign(b"message")
    assert signature == keys.sign(b"message")
    assert is_signed_by(keys.signer.public_key, signature, b"message")
    assert not is_signed_by(keys.signer.public_key, signature, b"another")


def test_nothing_secret_is_in_a_repr(tmp_path: Path) -> None:
    assert "private" not in repr(demo_keys(tmp_path))


def test_demo_keys_are_refused_outside_a_demo(tmp_path: Path) -> None:
    demo_keys(tmp_path)
    assert load(tmp_path).is_demo
    with pytest.raises(SettingProblem, match="demo keys") as problem:
        load(tmp_path, demo=False)
    assert problem.value.facts["variable"] == "SHEETAL_CERTIFICATE_KEY_FOLDER"


def test_real_keys_are_accepted_everywhere(tmp_path: Path) -> None:
    make_keys(tmp_path, issuer="State Health", country="IN", demo=False, now_ms=NOW_MS)
    assert not load(tmp_path, demo=False).is_demo


@pytest.mark.parametrize("name", ["csca.pem", "dsc.pem", "dsc.key"])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    demo_keys(tmp_path)
    (tmp_path / name).write_text("not a key")
    with pytest.raises(SettingProblem, match=name):
        load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SettingProblem, match=f"{name} cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("days", [-2, 1095, 4000])
def test_an_expired_or_future_signer_is_refused(tmp_path: Path, days: int) -> None:
    demo_keys(tmp_path)
    with pytest.raises(SettingProblem, match=r"dsc\.pem is expired or not yet valid"):
        load(tmp_path, now_ms=NOW_MS + days * DAY_MS)


def test_a_key_of_another_signer_or_a_foreign_authority_is_refused(tmp_path: Path) -> None:
    demo_keys(tmp_path / "one")
    demo_keys(tmp_path / "two")
    key = (tmp_path / "two" / "dsc.key").read_bytes()
    (tmp_path / "one" / "dsc.key").write_bytes(key)
    with pytest.raises(SettingProblem, match=r"dsc\.key does not belong"):
        load(tmp_path / "one")
    (tmp_path / "one" / "dsc.pem").write_bytes((tmp_path / "two" / "dsc.pem").read_bytes())
    with pytest.raises(SettingProblem, match=r"not signed by csca\.pem"):
        load(tmp_path / "one")


def test_an_rsa_key_is_refused(tmp_path: Path) -> None:
    demo_keys(tmp_path)
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "dsc.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(SettingProblem, match="not a P-256 key"):
        load(tmp_path)


def test_earlier_signers_stay_trusted(tmp_path: Path) -> None:
    earlier = demo_keys(tmp_path / "earlier-keys")
    demo_keys(tmp_path / "now")
    (tmp_path / "now" / "earlier").mkdir()
    (tmp_path / "now" / "earlier" / "2025.pem").write_bytes((tmp_path / "earlier-keys" / "dsc.pem").read_bytes())
    assert [key.kid for key in load(tmp_path / "now").trust][1:] == [earlier.signer.kid]


def test_keys_are_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make", str(tmp_path), "--demo"]) == 0
    before = (tmp_path / "dsc.key").read_bytes()
    assert main(["make", str(tmp_path), "--demo"]) == 2
    assert (tmp_path / "dsc.key").read_bytes() == before
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_makes_keys_that_are_valid_now(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "portal.certificate.keys", "make", str(tmp_path / "k"), "--demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "csca.key offline" in done.stdout
    dsc = x509.load_pem_x509_certificate((tmp_path / "k" / "dsc.pem").read_bytes())
    assert load(tmp_path / "k", now_ms=int(dsc.not_valid_before_utc.timestamp() * 1000) + DAY_MS).is_demo
