"""A gateway of a few lines: sends sealed batches by paho, hears its acks, keeps what is not acknowledged."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sheetal.contracts import topics
from tests.ingest.given import GATEWAY, batch, opened_ack, sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.contracts.batch import Ack, Batch, Row

WAIT_SECONDS = 30.0


def until(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class RawGateway:
    """Knows what it sent and which sequences an ack has named."""

    def __init__(self, port: int, gateway: str = GATEWAY) -> None:
        self.gateway = gateway
        self.stored: set[tuple[int, int]] = set()
        self.refused: dict[tuple[int, int], str] = {}
        self.heard: queue.Queue[Ack] = queue.Queue()
        self._subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"raw-{gateway}", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(1_000)
        self._client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]  # fractions work; paho only counts with them
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect_async("127.0.0.1", port, 30)
        self._client.loop_start()

    def __enter__(self) -> Self:
        until(lambda: self._subscribed)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send_bytes(self, payload: bytes, topic: str | None = None) -> None:
        self._client.publish(topic or topics.of_gateway(self.gateway, topics.Channel.DATA), payload, 1)

    def send(self, body: Batch) -> None:
        self.send_bytes(sealed(body))

    def send_until_acknowledged(self, boot: int, rows: list[Row], *, again_seconds: float = 1.0) -> None:
        """What an outbox does: repeats what no ack has named, in messages of ten rows."""
        deadline = time.monotonic() + 3 * WAIT_SECONDS
        while True:
            left = [row for row in rows if (boot, row.sequence) not in self.stored]
            if not left:
                return
            assert time.monotonic() < deadline, f"{len(left)} rows were never acknowledged"
            for first in range(0, len(left), 10):
                self.send(batch(left[first : first + 10], gateway=self.gateway, boot=boot))
            pause = time.monotonic() + again_seconds
            while time.monotonic() < pause and any((boot, row.sequence) not in self.stored for row in left):
                time.sleep(0.01)

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe(topics.of_gateway(self.gateway, topics.Channel.ACK), 1)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        ack = opened_ack(bytes(message.payload), self.gateway)
        self.stored |= {(ack.boot, number) for first, last in ack.stored for number in range(first, last + 1)}
        for no in ack.refused:
            self.refused.update({(ack.boot, number): no.reason for number in range(no.first, no.last + 1)})
        self.heard.put(ack)
