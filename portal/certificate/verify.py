"""Decides whether a health certificate is authentic; the clock and the key's life are findings, never part of that."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from portal.certificate import base45, cose
from portal.certificate.renderings.hcert import (
    CLAIM_EXPIRES,
    CLAIM_HCERT,
    CLAIM_ISSUED,
    CLAIM_ISSUER,
    CLAIM_STATUS,
    PREFIX,
)
from sheetal.contracts.problem import Refused, WireProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.certificate.keys import TrustedKey

TEXT_CHARACTERS_MAX = 4_296  # ISO/IEC 18004: the most alphanumeric characters any QR code holds
INFLATED_BYTES_MAX = 64 * 1024


class FindingWord(StrEnum):
    """What is worth saying beside "authentic"."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SIGNER_EXPIRED = "signer_expired"


@dataclass(frozen=True, slots=True)
class VerifiedHcert:
    """An authentic certificate; `subclaims` are claim -260 by number and hold personal data."""

    issuer: str
    kid: bytes
    issued_at_ms: int
    expires_at_ms: int
    subclaims: dict[int, dict[str, object]] = field(repr=False)
    status_index: int | None
    status_uri: str | None
    findings: tuple[FindingWord, ...]


def verify_hcert(text: str, trust: Sequence[TrustedKey], now_ms: int) -> VerifiedHcert:
    """The certificate, after its signature proved good.

    Raises WireProblem when the text is no certificate (`not_hcert`, `bad_base45`, `bad_zlib`, `too_big`, `bad_cbor`,
    `bad_cose`, `bad_claims`) and Refused when it cannot be believed (`unknown_key`, `wrong_algorithm`,
    `wrong_signature`).
    """
    message = cose.open_sign1(_inflate(_unwrap(text)))
    signer = _signer_of(message, trust)
    claims = cose.load_cbor(message.payload)
    if not isinstance(claims, dict):
        raise WireProblem("the claims are not a map", reason="bad_claims")
    return _verified(claims, signer, now_ms)


def _unwrap(text: str) -> bytes:
    stripped = text.strip("\r\n\t")
    if not stripped.startswith(PREFIX):
        raise WireProblem("a health certificate starts with HC1:", reason="not_hcert")
    if len(stripped) > TEXT_CHARACTERS_MAX:
        raise WireProblem("the text is longer than any QR code", reason="too_big")
    try:
        return base45.decode(stripped[len(PREFIX) :])
    except ValueError as error:
        raise WireProblem(str(error), reason="bad_base45") from error


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, INFLATED_BYTES_MAX)
    except zlib.error as error:
        raise WireProblem("the compression is damaged", reason="bad_zlib") from error
    if inflater.unconsumed_tail:
        raise WireProblem("the content grows past all measure", reason="too_big")
    if not inflater.eof or inflater.unused_data:
        raise WireProblem("the compressed content is cut short or followed by more", reason="bad_zlib")
    return inflated


def _signer_of(message: cose.Sign1, trust: Sequence[TrustedKey]) -> TrustedKey:
    candidates = [key for key in trust if key.kid == message.kid]
    if not candidates:
        raise Refused(
            "the issuer's key is not known here",
            reason="unknown_key",
            next_step="Renew the list of keys, then check again.",
        )
    # Our trusted keys are all P-256, so the only algorithm that fits a key is ES256, whatever the message asks for.
    if message.algorithm != cose.ES256 or isinstance(message.algorithm, bool):
        raise Refused("the algorithm does not fit the key", reason="wrong_algorithm")
    for key in candidates:
        if is_signed_by(key.public_key, message.signature, message.to_be_signed):
            return key
    raise Refused("the signature does not match the content", reason="wrong_signature")


def is_signed_by(public_key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    """Whether a raw ES256 signature (r || s) of this key is over this message."""
    if len(signature) != cose.SIGNATURE_BYTES:
        return False
    half = cose.SIGNATURE_BYTES // 2
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    try:
        public_key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _verified(claims: dict[object, object], signer: TrustedKey, now_ms: int) -> VerifiedHcert:
    issued, expires = claims.get(CLAIM_ISSUED), claims.get(CLAIM_EXPIRES)
    subclaims = claims.get(CLAIM_HCERT)
    if not isinstance(issued, int) or not isinstance(expires, int) or not isinstance(subclaims, dict):
        raise WireProblem("a claim that every health certificate has is missing", reason="bad_claims")
    if not all(isinstance(key, int) and isinstance(value, dict) for key, value in subclaims.items()):
        raise WireProblem("a subclaim is not a map", reason="bad_claims")
    index, uri = _status(claims.get(CLAIM_STATUS))
    return VerifiedHcert(
        issuer=str(claims.get(CLAIM_ISSUER, "")),
        kid=signer.kid,
        issued_at_ms=issued * 1000,
        expires_at_ms=expires * 1000,
        subclaims=subclaims,
        status_index=index,
        status_uri=uri,
        findings=tuple(_findings(issued * 1000, expires * 1000, signer, now_ms)),
    )


def _status(claim: object) -> tuple[int, str] | tuple[None, None]:
    entry = claim.get("status_list") if isinstance(claim, dict) else None
    index, uri = (entry.get("idx"), entry.get("uri")) if isinstance(entry, dict) else (None, None)
    return (index, uri) if isinstance(index, int) and isinstance(uri, str) else (None, None)


def _findings(issued_at_ms: int, expires_at_ms: int, signer: TrustedKey, now_ms: int) -> list[FindingWord]:
    found = {
        FindingWord.EXPIRED: now_ms >= expires_at_ms,
        FindingWord.NOT_YET_VALID: now_ms < issued_at_ms,
        FindingWord.SIGNER_EXPIRED: now_ms >= signer.not_after_ms,
    }
    return [word for word, is_so in found.items() if is_so]
