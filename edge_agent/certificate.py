"""When a certificate ends, read from its PEM file by hand: the running gateway needs no cryptography package for it."""

from __future__ import annotations

import calendar
import ssl
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS = 86_400_000
PEM_BYTES_MAX = 64 * 1024

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_LONG = 0x80
_VERSION = 0xA0
_FORMS = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""UTCTime and GeneralizedTime, the two forms RFC 5280 section 4.1.2.5 allows."""


def ends_at_ms(path: Path) -> int | None:
    """The end of the first certificate in a PEM file, in UTC epoch ms; None where there is none to be read."""
    try:
        text = path.read_text(encoding="ascii")[:PEM_BYTES_MAX]
        _, _, rest = text.partition(_BEGIN)
        der = ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{rest.partition(_END)[0]}{_END}")
        return _not_after_ms(der)
    except (OSError, ValueError, IndexError, KeyError):
        return None


def days_left(ends_ms: int, now_ms: int) -> int:
    """Whole days until the end; negative once it has passed."""
    return (ends_ms - now_ms) // DAY_MS


def _not_after_ms(der: bytes) -> int:
    """RFC 5280 section 4.1: Certificate { tbsCertificate { [version], serial, signature, issuer, validity { … } } }."""
    _, certificate, _ = _element(der)
    _, inside, _ = _element(certificate)
    tag, _, rest = _element(inside)
    for _ in range(3 if tag == _VERSION else 2):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, rest = _element(validity)
    form, ends, _ = _element(rest)
    return calendar.timegm(time.strptime(ends.decode("ascii"), _FORMS[form])) * 1_000


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element's tag and content, and what follows it."""
    length, start = data[1], 2
    if length & _LONG:
        start += length & ~_LONG
        length = int.from_bytes(data[2:start], "big")
    return data[0], data[start : start + length], data[start + length :]
