"""Messages that nobody with the gateway's key ever sent: sealed wrongly, tampered with, or moved (pure).

Each way takes what the forger wants to be believed and a seeded source of chance, and gives bytes for the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sheetal.contracts.seal import KEY_BYTES_MIN, WIRE_VERSION, Sealed, open_envelope, seal
from sheetal.contracts.topics import Channel

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


class Wish(NamedTuple):
    """What the forger wants believed on one channel of one gateway; `key` is the true one, which only tampering uses.

    `other` is another enrolled gateway and the key that it really has.
    """

    channel: Channel
    gateway: str
    key: bytes
    body: object
    other: tuple[str, bytes]


def forge(wish: Wish, chance: random.Random) -> tuple[str, bytes]:
    """One forgery and the name of its way."""
    way = chance.choice(WAYS)
    return way.__name__.strip("_"), way(wish, chance)


def _guessed_key(wish: Wish, chance: random.Random) -> bytes:
    return seal(wish.channel, wish.gateway, chance.randbytes(chance.choice((KEY_BYTES_MIN, 32))), wish.body)


def _empty_key(wish: Wish, _chance: random.Random) -> bytes:
    return seal(wish.channel, wish.gateway, b"", wish.body)


def _key_of_another_gateway(wish: Wish, _chance: random.Random) -> bytes:
    return seal(wish.channel, wish.gateway, wish.other[1], wish.body)


def _message_of_another_gateway(wish: Wish, _chance: random.Random) -> bytes:
    return seal(wish.channel, *wish.other, wish.body)


def _renamed_message_of_another_gateway(wish: Wish, _chance: random.Random) -> bytes:
    return _with(seal(wish.channel, *wish.other, wish.body), gateway=wish.gateway)


def _moved_from_another_channel(wish: Wish, chance: random.Random) -> bytes:
    channel = chance.choice([other for other in Channel if other is not wish.channel])
    return seal(channel, wish.gateway, wish.key, wish.body)


def _flipped_bit(wish: Wish, chance: random.Random) -> bytes:
    payload = bytearray(_genuine(wish))
    payload[chance.randrange(len(payload))] ^= 1 << chance.randrange(8)
    return bytes(payload)


def _cut_off(wish: Wish, chance: random.Random) -> bytes:
    payload = _genuine(wish)
    return payload[: chance.randrange(1, len(payload))]


def _body_under_an_old_mac(wish: Wish, chance: random.Random) -> bytes:
    old = seal(wish.channel, wish.gateway, wish.key, {"harmless": chance.random()})
    return _with(_genuine(wish), mac=open_envelope(old).mac)


def _mac_made_up(wish: Wish, chance: random.Random) -> bytes:
    made_up = ("", "0" * 64, chance.randbytes(32).hex(), open_envelope(_genuine(wish)).mac[:-1], "☃" * 32)
    return _with(_genuine(wish), mac=chance.choice(made_up))


def _other_version(wish: Wish, chance: random.Random) -> bytes:
    return _with(_genuine(wish), v=WIRE_VERSION + chance.choice((-1, 1, 2**31)))


WAYS: tuple[Callable[[Wish, random.Random], bytes], ...] = (
    _guessed_key,
    _empty_key,
    _key_of_another_gateway,
    _message_of_another_gateway,
    _renamed_message_of_another_gateway,
    _moved_from_another_channel,
    _flipped_bit,
    _cut_off,
    _body_under_an_old_mac,
    _mac_made_up,
    _other_version,
)


def _genuine(wish: Wish) -> bytes:
    return seal(wish.channel, wish.gateway, wish.key, wish.body)


def _with(payload: bytes, **changed: object) -> bytes:
    envelope = msgspec.structs.replace(open_envelope(payload), **changed)
    return msgspec.json.encode(Sealed(envelope.v, envelope.gateway, envelope.mac, envelope.body))
