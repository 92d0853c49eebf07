"""A subscriber in a thread of its own, and a client beside it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.inbox import Inbox, Message
from ingest.peers import Peers
from ingest.settings import BrokerAddress
from ingest.subscriber import Subscriber
from sheetal.contracts.clock import now_ms
from tests.ingest.raw_gateway import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOPIC = "cc/v1/gw-01/data"


@dataclass
class Worker:
    subscriber: Subscriber
    inbox: Inbox
    peers: Peers
    stop: threading.Event = field(default_factory=threading.Event)

    def take_all(self, number: int) -> list[Message]:
        until(lambda: len(self.inbox) >= number)
        return [taken for _ in range(len(self.inbox)) if (taken := self.inbox.take()) is not None]


@contextmanager
def working(
    port: int, name: str = "ingest-a", *, login: tuple[str, str] | None = None, **bounds: int
) -> Iterator[Worker]:
    inbox, peers = Inbox(**bounds), Peers(name)
    username, password = login or (None, None)
    address = BrokerAddress("127.0.0.1", port, is_encrypted=False, username=username, password=password)
    worker = Worker(Subscriber(address, inbox, peers, now_ms), inbox, peers)
    thread = threading.Thread(target=worker.subscriber.run, args=[worker.stop])
    thread.start()
    try:
        yield worker
    finally:
        worker.stop.set()
        worker.subscriber.wake()
        thread.join(3)
        assert not thread.is_alive()


@contextmanager
def client_at(
    port: int, listen_to: str | None = None, *, login: tuple[str, str] | None = None
) -> Iterator[tuple[Callable[[bytes], None], list[tuple[str, bytes]]]]:
    heard: list[tuple[str, bytes]] = []
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(5_000)
    if login:
        client.username_pw_set(*login)
    client.on_message = lambda _client, _data, message: heard.append((message.topic, bytes(message.payload)))
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    if listen_to:
        client.subscribe(listen_to, 1)
        subscribed.wait(5)
    try:
        yield lambda payload: client.publish(TOPIC, payload, 1).wait_for_publish(10), heard
    finally:
        client.disconnect()
        client.loop_stop()
