"""A certificate's time, read from its PEM file by hand: the running gateway needs no cryptography package for it."""

from __future__ import annotations

import calendar
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS = 86_400_000
PEM_BYTES_MAX = 64 * 1024

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_LONG = 0x80
_VERSION = 0xA0
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18
"""The two forms that RFC 5280 section 4.1.2.5 allows; the first has two digits for a year from 1950 to 2049."""


class Life(NamedTuple):
    """When a certificate begins and ends, in UTC epoch ms."""

    begins_at_ms: int
    ends_at_ms: int


def life_of(path: Path) -> Life | None:
    """The time of the first certificate in a PEM file; None where there is none to be read."""
    try:
        text = path.read_text(encoding="ascii")[:PEM_BYTES_MAX]
        _, _, rest = text.partition(_BEGIN)
        return _validity(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{rest.partition(_END)[0]}{_END}"))
    except (OSError, ValueError, IndexError):
        return None


def days_left(ends_ms: int, now_ms: int) -> int:
    """Whole days until the end; negative once it has passed."""
    return (ends_ms - now_ms) // DAY_MS


def _validity(der: bytes) -> Life:
    """RFC 5280 section 4.1: Certificate { tbsCertificate { [version], serial, signature, issuer, validity { … } } }."""
    _, certificate, _ = _element(der)
    _, inside, _ = _element(certificate)
    tag, _, rest = _element(inside)
    for _ in range(3 if tag == _VERSION else 2):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    form, begins, rest = _element(validity)
    return Life(_instant_ms(form, begins), _instant_ms(*_element(rest)[:2]))


def _instant_ms(form: int, content: bytes) -> int:
    text = content.decode("ascii")
    if form == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif form != _GENERALIZED_TIME:
        raise ValueError(form)
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")) * 1_000


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element's tag and content, and what follows it."""
    length, start = data[1], 2
    if length & _LONG:
        start += length & ~_LONG
        length = int.from_bytes(data[2:start], "big")
    return data[0], data[start : start + length], data[start + length :]
