from __future__ import annotations

from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.faults.line import wait_for
from benchmarks.faults.poison_corpus import hostile, made_by
from benchmarks.faults.poison_fate import Hostile, Way
from benchmarks.faults.poison_flood import Connection, Flood, flood
from benchmarks.faults.poison_topics import ends_a_connection
from demo.broker import EmbeddedBroker
from tests.stack.servers import mosquitto_server, port_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEARD_SECONDS_MAX = 30.0


class Ear:
    """Hears everything on a broker, at QoS 1."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[bytes, bytes, int]] = []
        self.is_listening = False
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "ear", protocol=paho.MQTTv5)
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("#", 1)
        self.client.loop_start()
        assert wait_for(lambda: self.is_listening, HEARD_SECONDS_MAX)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_subscribe(self, *_: object) -> None:
        self.is_listening = True

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.heard.append((message._topic, message.payload, message.qos))


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with EmbeddedBroker(tmp_path) as broker:
        yield broker.port


@pytest.fixture
def ear(port: int) -> Iterator[Ear]:
    made = Ear(port)
    yield made
    made.close()


def lawful(count: int) -> list[Hostile]:
    found = [hostile(number) for number in range(count)]
    return [one for one in found if one.way is Way.CONFIRMED]


def as_heard(messages: list[Hostile]) -> list[tuple[bytes, bytes, int]]:
    return sorted((one.topic, one.payload, one.way.value) for one in messages)


def test_every_message_arrives_once_as_it_is(port: int, ear: Ear) -> None:
    messages = lawful(400)
    sent = flood(port, messages, 2_000.0)
    assert (sent.messages, sent.ended) == (len(messages), 0)
    assert wait_for(lambda: len(ear.heard) >= len(messages), HEARD_SECONDS_MAX)
    assert sorted(ear.heard) == as_heard(messages)


def test_the_rate_is_kept(port: int) -> None:
    messages = lawful(120)
    assert flood(port, messages, 100.0).seconds >= (len(messages) - 1) / 100


def test_a_message_at_qos_0_asks_for_no_confirmation(port: int, ear: Ear) -> None:
    odd = hostile(1)._replace(topic=b"a/b", payload=b"x", way=Way.UNCONFIRMED)
    assert flood(port, [odd] * 3, 100.0).ended == 0
    assert wait_for(lambda: len(ear.heard) == 3, HEARD_SECONDS_MAX)
    assert {payload for _, payload, _ in ear.heard} == {b"x"}


def test_a_connection_knows_what_the_broker_has_not_confirmed(port: int) -> None:
    connection = Connection(port, "one")
    connection.put(hostile(1)._replace(topic=b"a/b", payload=b"x" * 100, way=Way.CONFIRMED))
    assert (connection.is_confirmed, connection.waiting_bytes > 100) == (False, True)
    connection.flush()
    assert wait_for(lambda: not connection.hear() and connection.is_confirmed, HEARD_SECONDS_MAX)
    connection.close()


def test_the_process_says_what_it_sent(port: int, ear: Ear) -> None:
    with Flood(port, 0, 60) as process:
        process.wait_until_ready()
        assert process.is_running
        assert ear.heard == []
        process.start(1_000.0)
        assert process.sent().messages == 60
        assert not process.is_running
    expected = [one for one in map(hostile, range(60)) if one.way is Way.CONFIRMED]
    assert wait_for(lambda: len(ear.heard) >= len(expected), HEARD_SECONDS_MAX)


def test_a_process_that_breaks_down_is_told(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker, Flood(broker.port, 0, 5) as process:
        process.wait_until_ready()
        broker.stop()
        process.start(100.0)
        with pytest.raises(RuntimeError, match="broke down"):
            process.sent()


@pytest.mark.stack
def test_mosquitto_ends_no_connection_but_those_of_unlawful_topics(tmp_path: Path) -> None:
    with mosquitto_server(tmp_path) as url:
        ear = Ear(port_of(url))
        messages = lawful(1_500)
        unlawful = [made_by(ends_a_connection, number) for number in range(20)]
        unconfirmed = hostile(1)._replace(topic=b"a/b", payload=b"x", way=Way.UNCONFIRMED)
        sent = flood(port_of(url), [*messages, unconfirmed, *unlawful], 3_000.0)
        assert wait_for(lambda: len(ear.heard) == len(messages) + 1, HEARD_SECONDS_MAX)
        ear.close()
    assert sent.ended == len(unlawful)
    assert sorted(ear.heard) == as_heard([*messages, unconfirmed])
