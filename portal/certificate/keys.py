"""The issuer's keys: a country authority (CSCA) that certifies document signers (DSC), both P-256 in X.509.

`python -m portal.certificate.keys make FOLDER [--demo] [--issuer NAME]` makes a pair; the portal itself makes none.
A folder holds `csca.pem dsc.pem dsc.key` and, for signers that have retired but are still trusted, `earlier/*.pem`.
`csca.key` is only there until it is taken offline. Demo keys say so inside both certificates (OU=DEMO).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from sheetal.contracts.clock import now_ms as clock_now_ms
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIABLE = "SHEETAL_CERTIFICATE_KEY_FOLDER"
DEMO_MARK = "DEMO"
KID_BYTES = 8  # EU hcert_spec 1.0, section 3.3.2: the first 8 bytes of SHA-256 over the DSC's DER
# A CSCA outlives its signers; a DSC signs for a year and is trusted for as long as its certificates live.
CSCA_DAYS = 3650
DSC_DAYS = 1095
_COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A signer that a verifier believes: its key, key id and time of validity (epoch ms)."""

    kid: bytes
    public_key: ec.EllipticCurvePublicKey
    issuer_name: str
    not_before_ms: int
    not_after_ms: int
    certificate_der: bytes = field(repr=False)

    @classmethod
    def of(cls, certificate: x509.Certificate) -> TrustedKey:
        """The key of one DSC; raises SettingProblem when it is not on P-256."""
        public_key = certificate.public_key()
        if not isinstance(public_key, ec.EllipticCurvePublicKey) or public_key.curve.name != "secp256r1":
            _refuse("a signer's key is not on P-256")
        der = certificate.public_bytes(serialization.Encoding.DER)
        return cls(
            kid=hashlib.sha256(der).digest()[:KID_BYTES],
            public_key=public_key,
            issuer_name=_word_of(certificate, NameOID.ORGANIZATION_NAME),
            not_before_ms=_epoch_ms(certificate.not_valid_before_utc),
            not_after_ms=_epoch_ms(certificate.not_valid_after_utc),
            certificate_der=der,
        )


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The signer of the day, whom else to trust, and the public origin where its lists and bundles stand."""

    private_key: ec.EllipticCurvePrivateKey = field(repr=False)
    signer: TrustedKey
    earlier: tuple[TrustedKey, ...]
    country: str
    is_demo: bool
    standby_url: str

    @property
    def trust(self) -> list[TrustedKey]:
        """Every signer whose certificates are still believed, today's first."""
        return [self.signer, *self.earlier]

    def sign(self, message: bytes) -> bytes:
        """64 bytes r || s of ES256 (RFC 9053, 2.1); deterministic (RFC 6979), so that a rendering is pure."""
        der = self.private_key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return b"".join(part.to_bytes(_COORDINATE_BYTES, "big") for part in decode_dss_signature(der))

    @classmethod
    def load(cls, folder: Path, demo_allowed: bool, *, standby_url: str, now_ms: int) -> SigningKeys:  # noqa: FBT001 - the seam's signature
        """The keys in a folder.

        Raises SettingProblem for a missing or unreadable file, a DSC that is expired, not yet valid, foreign to its key
        or not signed by the CSCA, and for demo keys where they are not allowed.
        """
        csca = _read_certificate(folder / "csca.pem")
        dsc = _read_certificate(folder / "dsc.pem")
        private_key = _read_private_key(folder / "dsc.key")
        _check_chain(csca, dsc, private_key)
        signer = TrustedKey.of(dsc)
        if not signer.not_before_ms <= now_ms < signer.not_after_ms:
            _refuse("the signer's certificate dsc.pem is expired or not yet valid")
        is_demo = DEMO_MARK in {_word_of(one, NameOID.ORGANIZATIONAL_UNIT_NAME) for one in (csca, dsc)}
        if is_demo and not demo_allowed:
            _refuse("the keys are demo keys; make real ones, or set SHEETAL_DEMO=1 in a demo")
        return cls(
            private_key=private_key,
            signer=signer,
            earlier=tuple(TrustedKey.of(_read_certificate(path)) for path in sorted(folder.glob("earlier/*.pem"))),
            country=_word_of(dsc, NameOID.COUNTRY_NAME),
            is_demo=is_demo,
            standby_url=standby_url.rstrip("/"),
        )


def make_keys(folder: Path, *, issuer: str, country: str, demo: bool, now_ms: int) -> None:
    """Write a new CSCA and a DSC signed by it; raises SettingProblem when keys are already there."""
    if (folder / "dsc.key").exists():
        _refuse(f"{folder} already holds keys; nothing was changed")
    folder.mkdir(parents=True, exist_ok=True)
    csca_key, dsc_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    csca_name = _name(country, issuer, "CSCA 1", demo=demo)
    dsc_name = _name(country, issuer, "DSC 1", demo=demo)
    csca = _certificate((csca_name, csca_key.public_key()), (csca_name, csca_key), now, CSCA_DAYS)
    dsc = _certificate((dsc_name, dsc_key.public_key()), (csca_name, csca_key), now, DSC_DAYS)
    for name, certificate in (("csca.pem", csca), ("dsc.pem", dsc)):
        (folder / name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    for name, key in (("csca.key", csca_key), ("dsc.key", dsc_key)):
        _write_private_key(folder / name, key)


def _name(country: str, issuer: str, common_name: str, *, demo: bool) -> x509.Name:
    words = [(NameOID.COUNTRY_NAME, country), (NameOID.ORGANIZATION_NAME, issuer)]
    words += [(NameOID.ORGANIZATIONAL_UNIT_NAME, DEMO_MARK)] if demo else []
    return x509.Name([x509.NameAttribute(oid, word) for oid, word in [*words, (NameOID.COMMON_NAME, common_name)]])


def _certificate(
    subject: tuple[x509.Name, ec.EllipticCurvePublicKey],
    signer: tuple[x509.Name, ec.EllipticCurvePrivateKey],
    now: datetime,
    days: int,
) -> x509.Certificate:
    is_authority = subject[0] == signer[0]
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject[0])
        .issuer_name(signer[0])
        .public_key(subject[1])
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject[1]), critical=False)
        .sign(signer[1], hashes.SHA256())
    )


def _check_chain(csca: x509.Certificate, dsc: x509.Certificate, private_key: ec.EllipticCurvePrivateKey) -> None:
    if private_key.public_key() != dsc.public_key():
        _refuse("dsc.key does not belong to dsc.pem")
    try:
        dsc.verify_directly_issued_by(csca)
    except (ValueError, TypeError, InvalidSignature):
        _refuse("dsc.pem is not signed by csca.pem")


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror}")
    except ValueError:
        _refuse(f"{path} is not a PEM certificate")


def _read_private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror}")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        _refuse(f"{path} is not an unencrypted PEM private key")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        _refuse(f"{path} is not a P-256 key")
    return key


def _write_private_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _word_of(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _refuse(message: str) -> NoReturn:
    raise SettingProblem(f"{VARIABLE}: {message}", variable=VARIABLE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make keys from the command line; 0 when made, 2 with one line when not."""
    parser = argparse.ArgumentParser(prog="python -m portal.certificate.keys", description="Make signing keys.")
    parser.add_argument("act", choices=["make"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--demo", action="store_true", help="mark them as demo keys, refused outside a demo")
    parser.add_argument("--issuer", default="Sheetal Demo Health Department", help="who signs, as people know them")
    parser.add_argument("--country", default="IN", help="ISO 3166-1 alpha-2")
    chosen = parser.parse_args(arguments)
    try:
        make_keys(chosen.folder, issuer=chosen.issuer, country=chosen.country, demo=chosen.demo, now_ms=clock_now_ms())
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 2
    sys.stdout.write(f"Keys are in {chosen.folder}. Take csca.key offline.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
