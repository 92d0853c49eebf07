from __future__ import annotations

from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.raw_publisher import RawPublisher, packet, prepared
from demo.broker import EmbeddedBroker
from tests.ingest.raw_gateway import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def heard(broker: EmbeddedBroker) -> Iterator[list[bytes]]:
    messages: list[bytes] = []
    granted: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_subscribe = lambda *_: granted.append(True)
    client.on_message = lambda _client, _data, message: messages.append(bytes(message.payload))
    client.connect("127.0.0.1", broker.port)
    client.subscribe("t", 1)
    client.loop_start()
    until(lambda: bool(granted))
    yield messages
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("count", [0, 1, 249, 250, 1_001])
def test_prepared_messages_arrive_in_order(broker: EmbeddedBroker, heard: list[bytes], count: int) -> None:
    payloads = [str(number).encode() * (1 + number % 60) for number in range(count)]
    with RawPublisher(broker.port) as publisher:
        publisher.carry(prepared([("t", payload) for payload in payloads]))
    until(lambda: len(heard) == count)
    assert heard == payloads


def test_messages_published_one_by_one_arrive_in_order(broker: EmbeddedBroker, heard: list[bytes]) -> None:
    with RawPublisher(broker.port) as publisher:
        for number in range(600):
            publisher.publish("t", str(number).encode())
        publisher.flush()
    until(lambda: len(heard) == 600)
    assert heard == [str(number).encode() for number in range(600)]


def test_a_packet_id_is_never_zero() -> None:
    ids = [packet("t", b"", number)[5:7] for number in (0, 65_534, 65_535)]
    assert ids == [b"\x00\x01", b"\xff\xff", b"\x00\x01"]
