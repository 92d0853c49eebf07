"""Anybody with a connection to the broker: sends what it likes where it likes, and hears one gateway's acks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sheetal.contracts import topics
from sheetal.contracts.batch import Ack, Batch
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel
from tests.journeys.evidence import until

if TYPE_CHECKING:
    from types import TracebackType

    from sheetal.contracts.batch import Row

ANSWER_SECONDS_MAX = 20.0

_ack = msgspec.json.Decoder(Ack)


class Voice:
    """A client that may seal for one gateway; a context manager that is subscribed once entered."""

    def __init__(self, url: str, gateway: str, key: bytes) -> None:
        self.gateway = gateway
        self.key = key
        self.stored: set[tuple[int, int]] = set()
        self.refused: dict[tuple[int, int], str] = {}
        self._port = int(url.rpartition(":")[2])
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"voice-of-{gateway}", protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(topics.of_gateway(gateway, Channel.ACK), 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, 30)
        self._client.loop_start()
        assert self._subscribed.wait(ANSWER_SECONDS_MAX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, payload: bytes, topic: str | None = None) -> None:
        """Hand it to the broker, by default on this gateway's own data topic."""
        topic = topic or topics.of_gateway(self.gateway, Channel.DATA)
        self._client.publish(topic, payload, 1).wait_for_publish(ANSWER_SECONDS_MAX)

    def seal(self, body: object, channel: Channel = Channel.DATA) -> bytes:
        return seal(channel, self.gateway, self.key, body)

    def send(self, boot: int, rows: list[Row]) -> None:
        """One honest batch."""
        self.publish(self.seal(Batch(gateway=self.gateway, boot=boot, sent_at_ms=rows[0].measured_at_ms, rows=rows)))

    def until_answered(self, boot: int, rows: list[Row]) -> None:
        names = {(boot, row.sequence) for row in rows}
        until(lambda: names <= self.stored | self.refused.keys(), ANSWER_SECONDS_MAX)

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        ack = unseal(open_envelope(bytes(message.payload)), Channel.ACK, self.gateway, self.key, _ack)
        self.stored |= {(ack.boot, number) for first, last in ack.stored for number in range(first, last + 1)}
        for no in ack.refused:
            self.refused |= {(ack.boot, number): no.reason for number in range(no.first, no.last + 1)}
