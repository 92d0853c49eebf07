"""How a program with a planted fault opens a seal: it never looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import UNREADABLE

if TYPE_CHECKING:
    import msgspec

    from sheetal.contracts.seal import Sealed
    from sheetal.contracts.topics import Channel

T = TypeVar("T")


def believe(sealed: Sealed, _channel: Channel, _gateway: str, _key: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(sealed.body)
    except UNREADABLE as error:
        raise WireProblem("not of its kind", reason="bad_body") from error
