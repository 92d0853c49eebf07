"""What goes down to gateways and out of the database: queued messages, sealed one by one, and the minute's seal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog

from sheetal.contracts import topics
from sheetal.contracts.problem import Rejected
from sheetal.contracts.seal import UNREADABLE, seal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Command
from sheetal.ledger import assets, downlink, gateway_twins, seals

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.downlink import Downlink
    from sheetal.ledger.field_cipher import FieldCipher

log = structlog.get_logger()

SEAL_PURPOSE = "audit seal"

_command = msgspec.json.Decoder(Command)


class Wire(Protocol):
    """The subscriber, as what publishes sees it."""

    @property
    def connections(self) -> int:
        """How many connections have come about so far."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the broker; False while it is away."""


class Downlinks:
    """Publishes the queue, at most 500 messages a turn, so that a whole fleet's configurations do not go at once.

    After each new connection the newest configuration of every gateway is queued again: a broker that was started anew
    may have lost what it retained. An order, which no broker retains, is told again until its outcome is reported or
    it expires: a gateway that was just then between two connections has not heard it. It is done once, by its id.
    """

    def __init__(self, ledger: Ledger, cipher: FieldCipher, wire: Wire) -> None:
        self._ledger = ledger
        self._cipher = cipher
        self._wire = wire
        self._known_connections = 0
        self._told_through = 0

    def publish(self, now_ms: int) -> int:
        """One turn of the process that holds the lease; gives how many messages were dealt with. Raises Unavailable."""
        connections = self._wire.connections
        if connections != self._known_connections:
            with self._ledger.write() as conn:
                again = downlink.queue_again(conn)
            self._known_connections = connections
            log.info("Configurations go to the broker once more", gateways=again)
        with self._ledger.read() as conn:
            waiting = downlink.unpublished(conn)
            keys = {gateway: self._key_of(conn, gateway) for gateway in {message.gateway_id for message in waiting}}
        gone = [message.id for message in waiting if self._send(message, keys[message.gateway_id], now_ms)]
        if gone:
            with self._ledger.write() as conn:
                for number in gone:
                    downlink.mark_published(conn, number, now_ms)
        return len(gone)

    def publish_again(self, now_ms: int) -> int:
        """One turn for orders without an outcome, 500 at most; gives how many went out. Raises Unavailable."""
        with self._ledger.read() as conn:
            page = downlink.to_tell_again(conn, now_ms, self._told_through)
            again = gateway_twins.unanswered(conn, page, now_ms)
            keys = {gateway: self._key_of(conn, gateway) for gateway in {message.gateway_id for message in again}}
        self._told_through = page[-1].id if len(page) >= downlink.PENDING_MAX else 0
        gone = [message for message in again if self._send(message, keys[message.gateway_id], now_ms)]
        if gone:
            with self._ledger.write() as conn:
                for message in gone:
                    downlink.mark_told_again(conn, message.id, now_ms)
            log.info("Orders without an outcome went out once more", orders=len(gone))
        return len(gone)

    def _key_of(self, conn: Connection, gateway: str) -> bytes | None:
        """Straight from the ledger: a gateway taken in a moment ago would refuse what its earlier key has sealed."""
        try:
            return assets.gateway_key(conn, self._cipher, gateway)
        except Rejected:
            return None

    def _send(self, message: Downlink, key: bytes | None, now_ms: int) -> bool:
        """True when it went out, or never can: a retired gateway hears nothing more, an expired order does nothing."""
        if key is None:
            log.warning("A message for a gateway without a key is dropped", **_named(message))
            return True
        if message.channel is Channel.COMMAND and _has_expired(message.body, now_ms):
            log.warning("An order that has expired is dropped", **_named(message))
            return True
        sealed = seal(message.channel, message.gateway_id, key, msgspec.Raw(message.body.encode()))
        topic = topics.of_gateway(message.gateway_id, message.channel)
        return self._wire.publish(topic, sealed, retain=message.channel is Channel.DESIRED)


def _named(message: Downlink) -> dict[str, object]:
    return {"gateway": message.gateway_id, "number": message.id}


def _has_expired(body: str, now_ms: int) -> bool:
    try:
        return _command.decode(body).expires_at_ms <= now_ms
    except UNREADABLE:
        return False


def seal_heads(ledger: Ledger, cipher: FieldCipher, wire: Wire, now_ms: int) -> bool:
    """Chain and sign the heads of all audit chains, and put the seal outside the database as a retained message.

    Raises Unavailable. False when the broker is away; the next seal holds this one's hash.
    """
    with ledger.write() as conn:
        made = seals.add_seal(conn, lambda text: cipher.blind_index(text.decode(), purpose=SEAL_PURPOSE), now_ms)
    return wire.publish(topics.SEAL, msgspec.json.encode(made), retain=True)
