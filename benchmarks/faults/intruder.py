"""Somebody who has got as far as the broker: publishes what it likes on any topic and hears any topic."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWER_SECONDS_MAX = 20.0


class Intruder:
    """One connection; a context manager that is subscribed once entered. `heard` is (topic, payload), oldest first."""

    def __init__(self, port: int, topics: Sequence[str] = ()) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._port = port
        self._topics = list(topics)
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "intruder", protocol=paho.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, said: self.heard.append((said.topic, bytes(said.payload)))

    def publish(self, topic: str, payload: bytes) -> None:
        """Returns once the broker has it; raises RuntimeError when it does not take it in time."""
        handed_over = self._client.publish(topic, payload, 1)
        handed_over.wait_for_publish(ANSWER_SECONDS_MAX)
        if not handed_over.is_published():
            raise RuntimeError(f"the broker did not take a message on {topic}")

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, 30)
        self._client.loop_start()
        if not self._ready.wait(ANSWER_SECONDS_MAX):
            raise RuntimeError("the broker does not answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        if self._topics:
            client.subscribe([(topic, 1) for topic in self._topics])
        else:
            self._ready.set()
