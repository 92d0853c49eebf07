"""The gateway's own files: its TLS key and the request for it, what enrolment brought, and its first settings file.

cryptography is only imported here, inside what needs it: a running gateway does without.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.settings.broker import secret_text
from sheetal.contracts.problem import Refused, SettingProblem
from sheetal.contracts.seal import KEY_BYTES_MIN

if TYPE_CHECKING:
    from sheetal.contracts.enrolment import Enrolment

SAMPLE = Path(__file__).resolve().parent.parent / "sample.toml"
SECRET_MODE = 0o600
OPEN_MODE = 0o644


class Files(NamedTuple):
    """Where one gateway's things are."""

    folder: Path
    gateway: str

    @property
    def tls_key(self) -> Path:
        """The key of its certificate; it never leaves this machine."""
        return self.folder / f"{self.gateway}-tls.key"

    @property
    def certificate(self) -> Path:
        """Who it is, signed by the portal."""
        return self.folder / f"{self.gateway}.pem"

    @property
    def authority(self) -> Path:
        """Who signed it, and the broker's certificate too."""
        return self.folder / "authority.pem"

    @property
    def sealing_key(self) -> Path:
        """The enrolment key in hex."""
        return self.folder / f"{self.gateway}.key"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.folder / "gateway.toml"


def request_for(files: Files) -> str:
    """A PEM request for a certificate with the gateway's id as its common name, by its one key, made where none is.

    Raises SettingProblem for a key that cannot be used, OSError for a folder that cannot be written.
    """
    from cryptography import x509  # noqa: PLC0415 - only for enrolment
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    if files.tls_key.exists():
        try:
            pem = secret_text(files.tls_key, str(files.tls_key)).encode()
            key = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:
            raise SettingProblem(
                f"{files.tls_key} is damaged: remove it and enrol again", variable="--folder"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SettingProblem(f"{files.tls_key} is no EC key: remove it and enrol again", variable="--folder")
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        form = serialization.PrivateFormat.PKCS8
        made = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        write(files.tls_key, made, SECRET_MODE)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, files.gateway)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM).decode()


def check_answer(files: Files, csr_pem: str, answer: Enrolment) -> None:
    """Raises Refused when what the portal sent is not for this gateway and its key; then nothing is written."""
    from cryptography import x509  # noqa: PLC0415 - only for enrolment

    try:
        certificate = x509.load_pem_x509_certificate(answer.certificate_pem.encode())
        authority = x509.load_pem_x509_certificate(answer.authority_pem.encode())
        certificate.verify_directly_issued_by(authority)
        names = [str(one.value) for one in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
        fits = certificate.public_key() == x509.load_pem_x509_csr(csr_pem.encode()).public_key()
        fits = fits and names == [files.gateway] == [answer.gateway] and answer.broker_url.startswith("mqtt")
        fits = fits and len(bytes.fromhex(answer.key_hex)) >= KEY_BYTES_MIN
    except Exception as error:  # cryptography raises many kinds for what is no certificate
        raise Refused(f"the portal's answer cannot be used: {type(error).__name__}", reason="bad_answer") from error
    if not fits:
        raise Refused("the portal's answer is not for this gateway and its key", reason="bad_answer")


def keep_answer(files: Files, answer: Enrolment, portal_url: str) -> bool:
    """Writes what enrolment brought, each file whole or not at all; says whether it made a settings file.

    A settings file that is there stays as it is. Raises OSError.
    """
    write(files.certificate, answer.certificate_pem.encode(), OPEN_MODE)
    write(files.authority, answer.authority_pem.encode(), OPEN_MODE)
    write(files.sealing_key, answer.key_hex.encode(), SECRET_MODE)
    if files.settings.exists():
        return False
    write(
        files.settings,
        first_settings(SAMPLE.read_text(encoding="utf-8"), files, answer, portal_url).encode(),
        OPEN_MODE,
    )
    return True


def first_settings(sample: str, files: Files, answer: Enrolment, portal_url: str) -> str:
    """The sample with this gateway's names in it; its sources are commented out, for nobody knows yet what is there."""
    encrypted = answer.broker_url.startswith("mqtts:")
    values = {
        "id": files.gateway,
        "key_file": files.sealing_key.name,
        "outbox": f"{files.gateway}.outbox",
        "broker_url": answer.broker_url,
        "portal_url": portal_url,
        "broker_ca_file": files.authority.name if encrypted else None,
        "certificate_file": files.certificate.name if encrypted else None,
        "certificate_key_file": files.tls_key.name if encrypted else None,
    }
    head, mark, sources = sample.partition("[[source]]")
    named = "\n".join(_with_value(line, values) for line in head.split("\n"))
    commented = "\n".join(f"# {line}" if line and not line.startswith("#") else line for line in sources.split("\n"))
    return named + (f"# {mark}{commented}" if mark else "")


def _with_value(line: str, values: dict[str, str | None]) -> str:
    found = re.match(r"(?:# )?(\w+) = \S+", line)
    value = values.get(found[1]) if found else None
    return f"{found[1]} = {json.dumps(value)}{line[found.end() :]}" if found and value is not None else line


def write(path: Path, content: bytes, mode: int) -> None:
    """Puts a whole file in its place, durable and with this mode from its first byte on. Raises OSError.

    Written by root it belongs to the folder's owner, since that is who the gateway runs as.
    """
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
