"""What the embedded broker must be able to do, shown on a real one by real clients."""

from __future__ import annotations

import os
import queue
import random
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from demo.broker import PAYLOAD_BYTES_MAX, PORTS, ROOT, EmbeddedBroker, answers, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WAIT_SECONDS = 10.0


class Probe:
    """A raw client that keeps what it hears."""

    def __init__(
        self, port: int, name: str, *, version: int = 5, will: str | None = None, session_seconds: int | None = None
    ) -> None:
        protocol = paho.MQTTv5 if version == 5 else paho.MQTTv311
        self.heard: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.subscribed: queue.Queue[int] = queue.Queue()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=protocol, manual_ack=session_seconds is not None
        )
        self.client.on_message = lambda _client, _data, message: self.heard.put(message)
        self.client.on_subscribe = lambda _client, _data, mid, _codes, _properties: self.subscribed.put(mid)
        if will:
            self.client.will_set(will, b"offline", 1, retain=True)
        if session_seconds is None:
            self.client.connect("127.0.0.1", port, 30)
        else:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it so
            properties.SessionExpiryInterval = session_seconds
            self.client.connect("127.0.0.1", port, 30, clean_start=False, properties=properties)
        self.client.loop_start()

    def subscribe(self, topic_filter: str) -> None:
        until(self.client.is_connected)
        self.client.subscribe(topic_filter, 1)
        self.subscribed.get(timeout=WAIT_SECONDS)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, 1, retain=retain).wait_for_publish(WAIT_SECONDS)

    def next(self) -> paho.MQTTMessage:
        return self.heard.get(timeout=WAIT_SECONDS)

    def drop(self) -> None:
        """Cuts the connection as a lost network does; the client comes back by itself after a second."""
        connection = self.client.socket()
        assert isinstance(connection, socket.socket)
        connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def probe(broker: EmbeddedBroker) -> Iterator[Callable[..., Probe]]:
    made: list[Probe] = []

    def make(
        name: str,
        port: int = broker.port,
        *,
        version: int = 5,
        will: str | None = None,
        session_seconds: int | None = None,
    ) -> Probe:
        made.append(Probe(port, name, version=version, will=will, session_seconds=session_seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_shared_subscription_gives_each_message_to_one_member(probe: Callable[..., Probe]) -> None:
    members = [probe("member-1"), probe("member-2")]
    for member in members:
        member.subscribe("$share/ingest/cc/v1/+/data")
    sender = probe("sender")
    for number in range(100):
        sender.publish("cc/v1/gw-1/data", str(number).encode())
    until(lambda: sum(member.heard.qsize() for member in members) >= 100)
    heard = [member.next().payload for member in members for _ in range(member.heard.qsize())]
    assert sorted(heard, key=int) == [str(number).encode() for number in range(100)]


def test_a_retained_message_waits_for_both_protocols(broker: EmbeddedBroker, probe: Callable[..., Probe]) -> None:
    probe("teller").publish("cc/v1/gw-2/birth", b"born", retain=True)
    listeners = [probe("late-5"), probe("late-3", port=broker.port_v4, version=3)]
    for listener in listeners:
        listener.subscribe("cc/v1/gw-2/birth")
        message = listener.next()
        assert (message.payload, message.retain) == (b"born", True)


def test_a_will_is_published_when_the_connection_breaks(probe: Callable[..., Probe]) -> None:
    heir = probe("heir")
    heir.subscribe("cc/v1/gw-3/state")
    mortal = probe("mortal", will="cc/v1/gw-3/state")
    until(mortal.client.is_connected)
    mortal.drop()
    assert heir.next().payload == b"offline"


def test_unacknowledged_messages_of_a_session_come_again(probe: Callable[..., Probe]) -> None:
    taker = probe("taker", session_seconds=600)
    taker.subscribe("kept")
    sender = probe("sender-2")
    for number in range(30):
        sender.publish("kept", str(number).encode())
    first = [taker.next() for _ in range(30)]
    for message in first[:10]:
        taker.client.ack(message.mid, message.qos)
    time.sleep(0.3)
    taker.drop()
    again = [taker.next() for _ in range(20)]
    assert sorted(int(message.payload) for message in again) == list(range(10, 30))


def test_a_payload_beyond_ingests_own_limit_still_arrives(probe: Callable[..., Probe]) -> None:
    listener = probe("big-listener")
    listener.subscribe("cc/v1/gw-4/data")
    size = 12_000_000
    assert size < PAYLOAD_BYTES_MAX
    probe("big-sender").publish("cc/v1/gw-4/data", b"x" * size)
    assert len(listener.next().payload) == size


def test_many_gateways_connect_at_once(broker: EmbeddedBroker) -> None:
    crowd = [Probe(broker.port, f"gateway-{number}") for number in range(200)]
    try:
        until(lambda: all(one.client.is_connected() for one in crowd))
    finally:
        for one in crowd:
            one.close()


def test_stop_frees_the_ports_and_start_takes_the_same_again(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    for end in (broker.stop, broker.kill, broker.kill):
        assert answers(broker.start().port)
        end()
        assert not answers(broker.port)


def test_the_command_line_stops_cleanly_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "demo.broker", "--port", str(port), "--folder", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT)
    until(lambda: answers(port))
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(3) == 0


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "demo.broker", "--port", str(port), "--folder", str(tmp_path)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert str(port) in ended.stderr


def test_start_on_a_taken_port_raises(tmp_path: Path, broker: EmbeddedBroker) -> None:
    second = EmbeddedBroker(tmp_path, port=broker.port)
    with pytest.raises(RuntimeError, match=str(broker.port)):
        second.start()


def test_free_ports_are_others_each_time_and_none_that_an_outgoing_connection_is_given() -> None:
    random.seed(7)
    found = [free_port()]
    random.seed(7)
    found += [free_port() for _ in range(20)]
    assert len(set(found)) > 15, "not even with the same seed in every test process"
    assert set(found) <= set(PORTS)


def test_a_port_that_is_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr("demo.broker.PORTS", [port])
        monkeypatch.setattr("demo.broker.PORT_TRIES", 1)
        with pytest.raises(OSError, match="none of them free"):
            free_port()
