"""The signed file of all doses' advisory levels: a flattened JWS (RFC 7515, 7.2.2), ES256 by the document signer.

It is written on a fixed clock whether or not anything changed, so that its timing tells nothing; a verifier keeps it
and says its age. Past `validUntil` the quality of a dose is unknown, which never makes a certificate less authentic.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from portal.certificate import advisory
from portal.certificate.renderings.hcert import STATUS_PATH
from portal.certificate.verify import is_signed_by
from sheetal.contracts.problem import Refused, WireProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portal.certificate.advisory import Level
    from portal.certificate.keys import SigningKeys, TrustedKey

VALID_DAYS = 14  # the programme's choice: how long a verifier without a network may rely on its copy
LIST_BYTES_MAX = 8 * 1024 * 1024
DAY_MS = 86_400_000


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed; `sub` is the address that certificates name, `encodedList` is base64url of gzip."""

    iss: str
    sub: str
    validFrom: str  # noqa: N815 - the words of W3C Bitstring Status List
    validUntil: str  # noqa: N815 - as above
    statusSize: int  # noqa: N815 - as above
    encodedList: str  # noqa: N815 - as above


class Signed(msgspec.Struct, frozen=True):
    """The file."""

    protected: str
    payload: str
    signature: str


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str


@dataclass(frozen=True, slots=True)
class StatusList:
    """A list whose signature proved good."""

    uri: str
    valid_from_ms: int
    valid_until_ms: int
    packed: bytes = field(repr=False)

    def level_of(self, index: int) -> Level:
        """The advisory level of one dose; raises IndexError outside the list."""
        return advisory.level_at(self.packed, index)

    def is_stale(self, now_ms: int) -> bool:
        """Whether the list no longer counts."""
        return now_ms >= self.valid_until_ms


def sign_list(levels: Mapping[int, Level], keys: SigningKeys, now_ms: int) -> bytes:
    """The file for these levels; equal arguments give equal bytes."""
    payload = Payload(
        iss=keys.country,
        sub=keys.standby_url + STATUS_PATH,
        validFrom=_iso(now_ms),
        validUntil=_iso(now_ms + VALID_DAYS * DAY_MS),
        statusSize=advisory.BITS,
        encodedList=_base64url(gzip.compress(advisory.pack(levels), 9, mtime=0)),
    )
    protected = _base64url(msgspec.json.encode(_Header(alg="ES256", kid=_base64url(keys.signer.kid))))
    body = _base64url(msgspec.json.encode(payload))
    signature = _base64url(keys.sign(f"{protected}.{body}".encode()))
    return msgspec.json.encode(Signed(protected, body, signature))


def open_list(data: bytes, trust: Sequence[TrustedKey]) -> StatusList:
    """The list, after its signature proved good; raises WireProblem (`bad_list`) or Refused (`wrong_signature`)."""
    try:
        signed = msgspec.json.decode(data, type=Signed)
        header = msgspec.json.decode(_from_base64url(signed.protected), type=_Header)
        _check_signature(signed, header, trust)
        payload = msgspec.json.decode(_from_base64url(signed.payload), type=Payload)
        return StatusList(
            uri=payload.sub,
            valid_from_ms=_epoch_ms(payload.validFrom),
            valid_until_ms=_epoch_ms(payload.validUntil),
            packed=_gunzip(_from_base64url(payload.encodedList)),
        )
    except (msgspec.DecodeError, binascii.Error, ValueError, zlib.error) as error:
        raise WireProblem("not a status list", reason="bad_list") from error


def _check_signature(signed: Signed, header: _Header, trust: Sequence[TrustedKey]) -> None:
    message = f"{signed.protected}.{signed.payload}".encode()
    signature = _from_base64url(signed.signature)
    fitting = [key for key in trust if _base64url(key.kid) == header.kid and header.alg == "ES256"]
    if not any(is_signed_by(key.public_key, signature, message) for key in fitting):
        raise Refused("the status list is not signed by a trusted key", reason="wrong_signature")


def _gunzip(data: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    packed = inflater.decompress(data, LIST_BYTES_MAX)
    if not inflater.eof:
        message = "the list is cut short or grows past all measure"
        raise ValueError(message)
    return packed


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
