"""What goes down to gateways and out of the database: queued messages, sealed one by one, and the minute's seal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog

from sheetal.contracts import topics
from sheetal.contracts.problem import Rejected
from sheetal.contracts.seal import seal
from sheetal.ledger import downlink, seals

if TYPE_CHECKING:
    from alerts.keys import Keys
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

log = structlog.get_logger()

SEAL_PURPOSE = "audit seal"


class Wire(Protocol):
    """The subscriber, as what publishes sees it."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the broker; False while it is away."""


def publish_downlinks(ledger: Ledger, keys: Keys, wire: Wire, now_ms: int) -> int:
    """Publish what the portal has queued; gives how many went out. Raises Unavailable."""
    with ledger.read() as conn:
        waiting = downlink.unpublished(conn)
    published = [message.id for message in waiting if _publish(message, keys, wire)]
    if published:
        with ledger.write() as conn:
            for number in published:
                downlink.mark_published(conn, number, now_ms)
    return len(published)


def _publish(message: downlink.Downlink, keys: Keys, wire: Wire) -> bool:
    """True when it went out, or never can: a retired gateway hears nothing more."""
    try:
        key = keys.key_of(message.gateway_id)
    except Rejected:
        key = None
    if key is None:
        log.warning("A message for a gateway without a key is dropped", gateway=message.gateway_id, number=message.id)
        return True
    sealed = seal(message.channel, message.gateway_id, key, msgspec.Raw(message.body.encode()))
    topic = topics.of_gateway(message.gateway_id, message.channel)
    return wire.publish(topic, sealed, retain=message.channel is topics.Channel.DESIRED)


def seal_heads(ledger: Ledger, cipher: FieldCipher, wire: Wire, now_ms: int) -> bool:
    """Chain and sign the heads of all audit chains, and put the seal outside the database as a retained message.

    Raises Unavailable. False when the broker is away; the next seal holds this one's hash.
    """
    with ledger.write() as conn:
        made = seals.add_seal(conn, lambda text: cipher.blind_index(text.decode(), purpose=SEAL_PURPOSE), now_ms)
    return wire.publish(topics.SEAL, msgspec.json.encode(made), retain=True)
