"""One certificate as a file that anyone may carry and only the holder of its link can read.

    file = version (1 byte) | nonce (12 bytes) | AES-256-GCM(length (4 bytes) | deflated JSON | zeros) with its tag

Name and key both come from the link's 128-bit secret, so that neither tells the other; the file is padded to 4, 16 or
64 KB, so that its size tells nothing. The nonce is a MAC of the content under the key: writing a certificate again
gives the same bytes, and one key never seals two contents under one nonce.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from typing import TYPE_CHECKING

import msgspec
import zxingcpp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.certificate.renderings.hcert import vaccinated_on
from sheetal.contracts.problem import Refused, Rejected

if TYPE_CHECKING:
    from sheetal.contracts.dose_record import DoseRecord

SECRET_BYTES = 16
SIZES = (4_096, 16_384, 65_536)
NAME = re.compile(r"[0-9a-f]{32}")
VERSION = 1
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_BYTES = 32
LENGTH_BYTES = 4
# A lighter error correction where the better one would need a code too fine for a small screen.
TEXT_CHARACTERS_AT_Q_MAX = 702  # ISO/IEC 18004: alphanumeric capacity of version 20-Q
_SIZE = re.compile(r'width="(\d+)" height="(\d+)"')
_INFO_KEY = b"sheetal bundle key 1"
_INFO_NAME = b"sheetal bundle name 1:"


class Dose(msgspec.Struct, frozen=True, kw_only=True):
    """One dose as the page shows it; `date` is local and ISO."""

    number: int
    total: int
    date: str
    administered_at_ms: int
    vaccine: str
    vaccine_name: str
    manufacturer: str
    lot: str
    facility: str
    facility_name: str
    district_name: str
    state_name: str


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle holds; the page believes only what the signature of `hcert` covers."""

    version: int
    certificate: str
    hcert: str
    qr_svg: str
    name: str
    birth_date: str
    doses: list[Dose]
    issued_at_ms: int


def content_of(record: DoseRecord, hcert: str, issued_at_ms: int) -> Content:
    """The content of one certificate's bundle."""
    return Content(
        version=VERSION,
        certificate=record.certificate,
        hcert=hcert,
        qr_svg=qr_svg(hcert),
        name=record.person_name,
        birth_date=record.birth_date,
        doses=[_dose(record)],
        issued_at_ms=issued_at_ms,
    )


def qr_svg(text: str) -> str:
    """The QR code of a text as an SVG drawing that scales, with its quiet zone."""
    level = "Q" if len(text) <= TEXT_CHARACTERS_AT_Q_MAX else "M"
    svg: str = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=level).to_svg()
    drawing = svg[svg.index("<svg") :]
    return _SIZE.sub(r'\g<0> viewBox="0 0 \1 \2"', drawing, count=1)


def name_of(secret: bytes, certificate: str) -> str:
    """The bundle's name: says nothing without the secret, and cannot be guessed from the certificate's id."""
    return hmac.new(secret, _INFO_NAME + certificate.encode(), hashlib.sha256).hexdigest()[:32]


def path_of(name: str) -> str:
    """Where the bundle stands in the mirror."""
    return f"b/{name[:2]}/{name}.enc"


def seal(content: Content, secret: bytes) -> bytes:
    """The file of one certificate; equal arguments give equal bytes; raises Rejected when it fits no size."""
    key = _key(secret)
    plain = _pad(zlib.compress(msgspec.json.encode(content), 9))
    nonce = hmac.new(key, plain, hashlib.sha256).digest()[:NONCE_BYTES]
    sealed = AESGCM(key).encrypt(nonce, plain, name_of(secret, content.certificate).encode())
    return bytes([VERSION]) + nonce + sealed


def unseal(data: bytes, secret: bytes, name: str) -> Content:
    """The content of a bundle; raises Refused (`wrong_secret`) when it does not open."""
    head = 1 + NONCE_BYTES
    if data[:1] != bytes([VERSION]):
        raise Refused("the bundle is of another version", reason="wrong_version")
    try:
        plain = AESGCM(_key(secret)).decrypt(data[1:head], data[head:], name.encode())
    except (InvalidTag, ValueError) as error:
        raise Refused("the link does not open this certificate", reason="wrong_secret") from error
    length = int.from_bytes(plain[:LENGTH_BYTES], "big")
    return msgspec.json.decode(zlib.decompress(plain[LENGTH_BYTES : LENGTH_BYTES + length]), type=Content)


def _dose(record: DoseRecord) -> Dose:
    return Dose(
        number=record.dose_number,
        total=record.doses_total,
        date=vaccinated_on(record),
        administered_at_ms=record.administered_at_ms,
        vaccine=record.vaccine,
        vaccine_name=record.vaccine_name,
        manufacturer=record.manufacturer,
        lot=record.batch,
        facility=record.facility,
        facility_name=record.facility_name,
        district_name=record.district_name,
        state_name=record.state_name,
    )


def _pad(data: bytes) -> bytes:
    overhead = 1 + NONCE_BYTES + TAG_BYTES
    needed = LENGTH_BYTES + len(data)
    for size in SIZES:
        if needed + overhead <= size:
            return len(data).to_bytes(LENGTH_BYTES, "big") + data.ljust(size - overhead - LENGTH_BYTES, b"\0")
    raise Rejected("a certificate's content fits no bundle size", size_bytes=needed)


def _key(secret: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=_INFO_KEY).derive(secret)
