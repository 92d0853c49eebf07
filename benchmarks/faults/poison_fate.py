"""A hostile message, what must become of it, and the gateways with whose true keys the worst are sealed (pure)."""

from __future__ import annotations

import hashlib
import hmac
import json
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts import topics
from sheetal.contracts.seal import WIRE_VERSION

if TYPE_CHECKING:
    import random

    from ingest.reasons import Reason

PREFIX = "mad"
GATEWAYS = 40
PROBES = 8
BOOT = 9 << 32
STARTS_AT_MS = 1_700_000_000_000
"""2023-11-14; message number n has the thousand milliseconds from n seconds later on to itself: no two share a key."""
Json = dict[str, object]


class Way(Enum):
    """How a message is published."""

    CONFIRMED = 1
    """At QoS 1."""
    UNCONFIRMED = 0
    """At QoS 0: the broker may drop it."""
    ALONE = 2
    """At QoS 1 over a connection of its own, which the broker may end for it."""


class Fate(NamedTuple):
    """What must become of one message.

    Either it is refused as a whole, by one letter with one of `refused`; or each of `rows` is one letter that names
    rows, and the rest is stored, so many of each kind. One that is not `certain` is refused so or comes to nothing at
    all; of one that is not `heard` ingest learns nothing.
    """

    refused: frozenset[Reason] = frozenset()
    rows: frozenset[Reason] = frozenset()
    readings: int = 0
    repeated: int = 0
    conflicts: int = 0
    aux: int = 0
    days: int = 0
    unplaced: int = 0
    thinned: int = 0
    contradicting: bool = False
    certain: bool = True
    heard: bool = True


class Hostile(NamedTuple):
    """One message of the flood; the same number is always the same message."""

    number: int
    kind: str
    topic: bytes
    payload: bytes
    fate: Fate
    way: Way


class Made(NamedTuple):
    """What a maker of one kind gives; without a topic it goes where its gateway's batches go."""

    payload: bytes
    fate: Fate
    topic: bytes | None = None
    way: Way = Way.CONFIRMED


class Draw(NamedTuple):
    """One number, its own seeded chance, and the gateway that has gone mad."""

    number: int
    chance: random.Random
    gateway: str

    @property
    def topic(self) -> bytes:
        """Where the gateway's batches go."""
        return topics.of_gateway(self.gateway, topics.Channel.DATA).encode()

    @property
    def at_ms(self) -> int:
        """The first of the thousand milliseconds that are this message's alone."""
        return STARTS_AT_MS + self.number * 1_000

    def sensor(self, probe: int = 0) -> str:
        """One of the few sensors that the gateway really has."""
        return topics.sensor_of(self.gateway, f"p{probe % PROBES}")

    def rows(self, count: int, first: int = 0) -> list[list[object]]:
        """Ordinary rows, as they stand on the wire."""
        start = self.number * 1_000 + first
        return [[start + n, self.at_ms + first + n, self.sensor(n), 300 + (start + n) % 500, 0] for n in range(count)]

    def body(self, **parts: object) -> Json:
        """A batch of the gateway with these parts."""
        return {"gateway": self.gateway, "boot": BOOT, "sent_at_ms": self.at_ms, "clock_source": "ntp", **parts}

    def true_batch(self, rows: int = 3) -> bytes:
        """A message that ingest would believe."""
        return self.sealed(self.body(rows=self.rows(rows)))

    def sealed(self, body: object) -> bytes:
        """The body under the gateway's own true key."""
        return self.sealed_bytes(text(body))

    def sealed_bytes(self, body: bytes) -> bytes:
        """The same, of a body that is written out, be it JSON or not."""
        return envelope(self.gateway, mac(self.gateway, body), body)


def text(value: object) -> bytes:
    """JSON as Python writes it: with NaN, Infinity, lone surrogates and integers of any size."""
    return json.dumps(value, separators=(",", ":")).encode()


def envelope(gateway: str, seal: str, body: bytes) -> bytes:
    """The wire's envelope around a body as it is."""
    head = f'{{"v":{WIRE_VERSION},"gateway":{json.dumps(gateway)},"mac":{json.dumps(seal)},"body":'
    return head.encode() + body + b"}"


def mac(gateway: str, body: bytes, channel: str = "data", key: bytes | None = None) -> str:
    """The seal, made by hand from its definition."""
    signed = b"\x00".join((channel.encode(), gateway.encode(), body))
    return hmac.new(key or key_of(gateway), signed, hashlib.sha256).hexdigest()


def name(number: int) -> str:
    """The id of one of the mad gateways."""
    return f"{PREFIX}-{number:02d}"


@lru_cache(1_000)
def key_of(gateway: str) -> bytes:
    """The key with which a gateway is enrolled."""
    return hashlib.sha256(f"{PREFIX} {gateway}".encode()).digest()


def keys() -> dict[str, bytes]:
    """Every mad gateway's key, by its id."""
    return {name(number): key_of(name(number)) for number in range(GATEWAYS)}
