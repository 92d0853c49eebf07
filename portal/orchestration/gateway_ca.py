"""The gateways' certificate authority, EC P-256: it signs client certificates, a broker's own, and the list of revoked.

A folder holds `ca.pem`, `ca.key` (mode 0600) and `gateways.crl`; `portal.orchestration.authority` makes one from the
command line, the portal itself makes none. A demo authority says so in its certificate (OU=DEMO).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from portal.errors import FieldProblem
from portal.language import marked
from sheetal.contracts.enrolment import CSR_BYTES_MAX, RESERVED_IDS
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VARIABLE = "SHEETAL_GATEWAY_CA_FOLDER"
DEMO_MARK = "DEMO"
CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
HASHES = frozenset({"sha256", "sha384", "sha512"})
AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 397  # CA/Browser Forum baseline requirements 1.6.1 (2020), section 6.3.2: at most 398 days
LIST_DAYS = 7
AUTHORITY_NAME, KEY_NAME, LIST_NAME = "ca.pem", "ca.key", "gateways.crl"
EARLIER = timedelta(hours=1)
"""How far back a validity begins, for brokers whose clock is a little slow."""


class BadRequestForCertificate(FieldProblem):
    """A request that cannot be signed, whoever brings it."""

    code = "bad_request_for_certificate"


@dataclass(frozen=True, slots=True)
class SignedCertificate:
    """A gateway's new certificate; `serial` in hex digits."""

    pem: str
    serial: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority's certificate and key; `pem` is what a gateway and a broker are told to believe."""

    private_key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate
    is_demo: bool

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @classmethod
    def load(cls, folder: Path, *, demo_allowed: bool, now_ms: int) -> Authority:
        """The authority of a folder.

        Raises SettingProblem for a missing, unreadable or expired one, a key that is foreign or that others may read,
        and for a demo authority where it is not allowed.
        """
        certificate, key = _read_certificate(folder / AUTHORITY_NAME), _read_private_key(folder / KEY_NAME)
        if key.public_key() != certificate.public_key():
            _refuse("ca.key does not belong to ca.pem")
        if not certificate.not_valid_before_utc <= _moment(now_ms) < certificate.not_valid_after_utc:
            _refuse("the authority's certificate ca.pem is expired or not yet valid")
        words = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        is_demo = DEMO_MARK in {str(word.value) for word in words}
        if is_demo and not demo_allowed:
            _refuse("the authority is a demo one; make a real one, or set SHEETAL_DEMO=1 in a demo")
        return cls(private_key=key, certificate=certificate, is_demo=is_demo)

    def sign(self, request: x509.CertificateSigningRequest, gateway_id: str, now_ms: int) -> SignedCertificate:
        """A client certificate for a request that `read_request` has checked; only its public key is taken over."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway_id)])
        builder = _leaf(self, name, request.public_key(), now_ms, CERTIFICATE_DAYS)  # type: ignore[arg-type]  # EC, as checked
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        signed = builder.add_extension(usage, critical=True).sign(self.private_key, hashes.SHA256())
        return SignedCertificate(
            pem=signed.public_bytes(serialization.Encoding.PEM).decode(),
            serial=f"{signed.serial_number:x}",
            expires_at_ms=_epoch_ms(signed.not_valid_after_utc),
        )

    def revocation_list(self, revoked: Mapping[str, int], now_ms: int, after: datetime | None = None) -> bytes:
        """The PEM list of these serials (hex, with the instant of each); good for 7 days.

        Of two lists a broker believes the one that says it is the later, so it is dated after the one before (`after`).
        """
        began = _moment(now_ms) - EARLIER
        if after is not None and after >= began:
            began = after + timedelta(seconds=1)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(began)
            .next_update(_moment(now_ms) + timedelta(days=LIST_DAYS))
            .add_extension(x509.CRLNumber(int(began.timestamp())), critical=False)
            .add_extension(_authority_identifier(self), critical=False)
        )
        for serial, revoked_at_ms in sorted(revoked.items()):
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16))
            builder = builder.add_revoked_certificate(entry.revocation_date(_moment(revoked_at_ms)).build())
        return builder.sign(self.private_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def read_request(csr_pem: str, gateway_id: str) -> x509.CertificateSigningRequest:
    """The request, once it names this gateway alone and proves that its sender holds an EC key of 256 bits or more.

    Raises BadRequestForCertificate, whose message says what is wrong.
    """
    if len(csr_pem) > CSR_BYTES_MAX:
        raise _bad(marked("The certificate request is too large."))
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        names = [(one.oid, one.value) for one in request.subject]
        key, signed_with = request.public_key(), request.signature_hash_algorithm
        is_proven = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise _bad(marked("The certificate request cannot be read; send PEM (PKCS 10).")) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise _bad(marked("The certificate request needs an EC key on P-256, P-384 or P-521."))
    if signed_with is None or signed_with.name not in HASHES or not is_proven:
        raise _bad(marked("The certificate request is not signed by its own key."))
    if names != [(NameOID.COMMON_NAME, gateway_id)] or gateway_id.lower() in RESERVED_IDS:
        raise _bad(marked("The certificate request must name the gateway's id as its common name, and nothing else."))
    return request


def make_authority(folder: Path, *, name: str, demo: bool, now_ms: int) -> None:
    """Write a new authority with an empty list of revoked; raises SettingProblem when one is already there."""
    if (folder / KEY_NAME).exists():
        _refuse(f"{folder} already holds an authority; nothing was changed")
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    words = [(NameOID.ORGANIZATION_NAME, name)]
    words += [(NameOID.ORGANIZATIONAL_UNIT_NAME, DEMO_MARK)] if demo else []
    subject = x509.Name([x509.NameAttribute(oid, w) for oid, w in [*words, (NameOID.COMMON_NAME, "Gateways CA 1")]])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _dated(subject, key.public_key(), now_ms, timedelta(days=AUTHORITY_DAYS))
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private_key(folder / KEY_NAME, key)
    (folder / AUTHORITY_NAME).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made = Authority(private_key=key, certificate=certificate, is_demo=demo)
    (folder / LIST_NAME).write_bytes(made.revocation_list({}, now_ms))


def make_server_certificate(authority: Authority, out: Path, hosts: Sequence[str], now_ms: int) -> None:
    """Write `server.crt` and `server.key` for a broker with these names or addresses, for 397 days."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    builder = (
        _leaf(authority, subject, key.public_key(), now_ms, CERTIFICATE_DAYS)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=True)
        .add_extension(x509.SubjectAlternativeName([_host(one) for one in hosts]), critical=False)
    )
    signed = builder.sign(authority.private_key, hashes.SHA256())
    out.mkdir(parents=True, exist_ok=True)
    write_private_key(out / "server.key", key)
    (out / "server.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def write_private_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a key that nobody else may read, not even for a moment."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _leaf(
    authority: Authority, subject: x509.Name, key: ec.EllipticCurvePublicKey, now_ms: int, days: int
) -> x509.CertificateBuilder:
    """What every certificate below the authority has; it ends with the authority at the latest."""
    left = authority.certificate.not_valid_after_utc - _moment(now_ms)
    return (
        _dated(subject, key, now_ms, min(timedelta(days=days), left))
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_authority_identifier(authority), critical=False)
    )


def _dated(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, now_ms: int, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(now_ms) - EARLIER)
        .not_valid_after(_moment(now_ms) + lasts)
    )


def _usage(*granted: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in granted for name in names})


def _authority_identifier(authority: Authority) -> x509.AuthorityKeyIdentifier:
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority.private_key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror}")
    except ValueError:
        _refuse(f"{path} is not a PEM certificate")


def _read_private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            _refuse(f"others may read {path}; run: chmod 600 {path}")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror}")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        _refuse(f"{path} is not an unencrypted PEM private key")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        _refuse(f"{path} is not an EC key")
    return key


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _bad(message: str) -> BadRequestForCertificate:
    return BadRequestForCertificate(message, field="csr_pem")


def _refuse(message: str) -> NoReturn:
    raise SettingProblem(f"{VARIABLE}: {message}", variable=VARIABLE)
