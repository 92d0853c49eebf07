"""Authorities and certificates for the tests of TLS: real ones, made on the spot."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sheetal.contracts.clock import now_ms

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.timedelta(days=1)


class Pair(NamedTuple):
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


def now() -> dt.datetime:
    return dt.datetime.fromtimestamp(now_ms() // 1_000, dt.UTC)


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)
    return path


class Authority:
    """Signs whatever it is asked to, below one folder."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "ca.pem"
        builder = self._builder(self._name, self._key.public_key(), now() - DAY, now() + 30 * DAY)
        self._certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
            self._key, hashes.SHA256()
        )
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)
        self.file.write_bytes(self.pem)

    def client(self, name: str, *, days: float = 90, file: str = "") -> Pair:
        """A client's certificate that ends in so many days; a negative number has ended."""
        return self._pair(name, file or name, days, None)

    def server(self, name: str = "server", *, host: str = "127.0.0.1", days: float = 90) -> Pair:
        """A server's certificate for one address or name."""
        try:
            who: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            who = x509.DNSName(host)
        return self._pair(host, name, days, who)

    def sign(self, csr_pem: bytes) -> bytes:
        """What a portal would answer: a certificate for the request's own name and key."""
        asked = x509.load_pem_x509_csr(csr_pem)
        assert asked.is_signature_valid
        key = asked.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        builder = self._builder(asked.subject, key, now() - DAY, now() + 397 * DAY)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def revoke(self, *pairs: Pair) -> Path:
        """A new revocation list that names these certificates."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now() - DAY).next_update(now() + DAY)
        for pair in pairs:
            serial = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now() - DAY).build()
            builder = builder.add_revoked_certificate(revoked)
        path = self._folder / "gateways.crl"
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    def _pair(self, name: str, file: str, days: float, who: x509.GeneralName | None) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        ends = now() + days * DAY
        builder = self._builder(named(name), key.public_key(), min(now(), ends) - DAY, ends)
        if who is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([who]), critical=False)
        path = self._folder / f"{file}.pem"
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return Pair(path, write_key(self._folder / f"{file}.key", key))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begins: dt.datetime, ends: dt.datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
        )
