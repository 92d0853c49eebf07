"""COSE_Sign1 (RFC 9052, 4.2) with ES256, by hand: four fields need no library that costs ten times the signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from typing import Any

import cbor2

from sheetal.contracts.problem import WireProblem

ES256 = -7  # RFC 9053, table 1
HEADER_ALGORITHM = 1
HEADER_KID = 4
TAG_SIGN1 = 18
TAG_CWT = 61  # RFC 8392, 6: may wrap the signed message
SIGNATURE_BYTES = 64
DEPTH_MAX = 16
STRICT_OPTIONS: dict[str, Any] = {"max_depth": DEPTH_MAX, "allow_indefinite": False, "allow_duplicate_keys": False}
# cbor2 6 reads strictly but has no wheel for macOS on x86-64, where 5.8 serves.
IS_STRICT = int(version("cbor2").partition(".")[0]) >= 6  # noqa: PLR2004, the first version with these options
_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Sign1:
    """A signed message taken apart, not yet believed."""

    protected: bytes
    payload: bytes
    signature: bytes
    algorithm: object
    kid: bytes | None

    @property
    def to_be_signed(self) -> bytes:
        """The bytes that the signature is over."""
        return _to_be_signed(self.protected, self.payload)


def sign1(payload: bytes, kid: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """A tagged COSE_Sign1 over the payload, algorithm and key id in the protected header."""
    protected = cbor2.dumps({HEADER_ALGORITHM: ES256, HEADER_KID: kid})
    signature = sign(_to_be_signed(protected, payload))
    return cbor2.dumps(cbor2.CBORTag(TAG_SIGN1, [protected, {}, payload, signature]))


def open_sign1(data: bytes) -> Sign1:
    """The parts of a COSE_Sign1, wrapped as a CWT or not; raises WireProblem (`bad_cbor`, `bad_cose`).

    A key id in the protected header wins over one in the unprotected header; the algorithm counts only if protected.
    """
    protected, unprotected, payload, signature = _fields(load_cbor(data))
    headers = load_cbor(protected) if protected else {}
    if not isinstance(headers, Mapping) or not isinstance(unprotected, Mapping):
        raise WireProblem("the headers are not maps", reason="bad_cose")
    kid = headers.get(HEADER_KID, unprotected.get(HEADER_KID))
    if kid is not None and not isinstance(kid, bytes):
        raise WireProblem("the key id is not bytes", reason="bad_cose")
    return Sign1(protected, payload, signature, headers.get(HEADER_ALGORITHM), kid)


def load_cbor(data: bytes) -> object:
    """One definite-length CBOR item with no key twice and nothing after it; raises WireProblem (`bad_cbor`)."""
    stream = BytesIO(data)
    options = STRICT_OPTIONS if IS_STRICT else {}
    try:
        item: object = cbor2.CBORDecoder(stream, **options).decode()
        # What cbor2 5 cannot refuse as it reads (a key twice, indefinite length) does not write itself back the same.
        is_preferred_form = IS_STRICT or cbor2.dumps(item) == data[: stream.tell()]
    except (cbor2.CBORError, RecursionError) as error:
        raise WireProblem("not well-formed CBOR", reason="bad_cbor") from error
    if stream.tell() != len(data):
        raise WireProblem("bytes after the CBOR item", reason="bad_cbor")
    if not is_preferred_form:
        raise WireProblem("not in the one form CBOR prefers", reason="bad_cbor")
    return item


def _fields(item: object) -> tuple[bytes, object, bytes, bytes]:
    if isinstance(item, cbor2.CBORTag) and item.tag == TAG_CWT:
        item = item.value
    if not isinstance(item, cbor2.CBORTag) or item.tag != TAG_SIGN1:
        raise WireProblem("not a COSE_Sign1", reason="bad_cose")
    fields = item.value
    if not isinstance(fields, list | tuple) or len(fields) != _FIELDS:
        raise WireProblem("a COSE_Sign1 has four fields", reason="bad_cose")
    protected, unprotected, payload, signature = fields
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise WireProblem("a field of the COSE_Sign1 is not bytes", reason="bad_cose")
    return protected, unprotected, payload, signature


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", protected, b"", payload])
