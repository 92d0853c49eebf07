"""The seal on every message: HMAC-SHA-256 under the gateway's enrolment key, over the exact bytes of the body.

The wire form is `{"v":1,"gateway":"…","mac":"<64 hex>","body":{…}}`. The mac covers channel, gateway and body, so that
a message can be moved neither to another channel nor to another gateway.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sheetal.contracts.problem import WireProblem

if TYPE_CHECKING:
    from sheetal.contracts.topics import Channel

WIRE_VERSION = 1
KEY_BYTES_MIN = 16
PIECE_BYTES = 2_047
"""Over more at once Python hands the interpreter to another thread, and a busy one gives it back only much later."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not JSON of the type: wrong syntax or type, bad UTF-8, too deep a nest."""
T = TypeVar("T")


class Sealed(msgspec.Struct, frozen=True):
    """The envelope; `body` stays raw until the mac has been checked."""

    v: int
    gateway: str
    mac: str
    body: msgspec.Raw


_envelope = msgspec.json.Decoder(Sealed)


def seal(channel: Channel, gateway: str, key: bytes, body: object) -> bytes:
    """The message's bytes, ready to publish."""
    raw = msgspec.json.encode(body)
    return msgspec.json.encode(
        Sealed(v=WIRE_VERSION, gateway=gateway, mac=_mac(channel, gateway, key, raw), body=msgspec.Raw(raw)),
    )


def open_envelope(payload: bytes) -> Sealed:
    """The envelope, not yet believed; raises WireProblem (`bad_json`, `wrong_version`)."""
    try:
        sealed = _envelope.decode(payload)
    except UNREADABLE as error:
        raise WireProblem(f"not an envelope: {error}", reason="bad_json") from error
    if sealed.v != WIRE_VERSION:
        raise WireProblem(f"wire version {sealed.v} is not understood", reason="wrong_version")
    return sealed


def unseal(sealed: Sealed, channel: Channel, gateway: str, key: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """The body, after its mac proved good for this channel and gateway.

    Raises WireProblem (`foreign_gateway`, `wrong_mac`, `bad_body`).
    """
    prove(sealed, channel, gateway, key)
    try:
        return decoder.decode(sealed.body)
    except UNREADABLE as error:
        raise WireProblem(f"the body is not of its kind: {error}", reason="bad_body") from error


def prove(sealed: Sealed, channel: Channel, gateway: str, key: bytes) -> None:
    """Returns when the mac fits this channel and gateway; raises WireProblem (`foreign_gateway`, `wrong_mac`)."""
    if sealed.gateway != gateway:
        raise WireProblem(f"gateway {sealed.gateway!r} spoke on the topic of {gateway!r}", reason="foreign_gateway")
    if not hmac.compare_digest(sealed.mac.encode(), _mac(channel, gateway, key, bytes(sealed.body)).encode()):
        raise WireProblem("the mac does not fit", reason="wrong_mac")


def _mac(channel: Channel, gateway: str, key: bytes, body: bytes) -> str:
    mac = hmac.new(key, b"\x00".join((channel.value.encode(), gateway.encode(), b"")), "sha256")
    for start in range(0, len(body), PIECE_BYTES):
        mac.update(body[start : start + PIECE_BYTES])
    return mac.hexdigest()
