from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from alerts import subscriber as subscriber_module
from alerts.settings import BrokerAddress
from alerts.subscriber import Subscriber
from demo.broker import EmbeddedBroker, free_port
from sheetal.contracts.topics import Channel, of_gateway
from tests.alerts.given import GATEWAY
from tests.alerts.wire import GatewayClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def address(port: int) -> BrokerAddress:
    return BrokerAddress("127.0.0.1", port, is_encrypted=False, username=None, password=None)


def subscribed(one: Subscriber, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not one.is_subscribed:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path) as running:
        yield running


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def one(broker: EmbeddedBroker, woken: threading.Event) -> Iterator[Subscriber]:
    made = Subscriber(address(broker.port), "alerts-test", woken.set)
    made.start()
    subscribed(made)
    yield made
    made.close()


def test_a_wake_up_is_passed_on_and_an_alarm_waits_for_the_worker(
    one: Subscriber,
    broker: EmbeddedBroker,
    woken: threading.Event,
) -> None:
    woken.clear()
    with GatewayClient(broker.port) as gateway:
        gateway.wake()
        assert woken.wait(5)
        gateway.say(b"an alarm")
        found = one.take(5)
        assert found is not None
        assert (found.gateway, found.channel, found.payload) == (GATEWAY, Channel.ALARM, b"an alarm")
        found.acknowledge()
        assert one.take(0.05) is None


def test_what_is_too_large_or_not_ours_is_dropped(one: Subscriber, broker: EmbeddedBroker) -> None:
    with GatewayClient(broker.port) as gateway:
        gateway.say(b"x" * (subscriber_module.PAYLOAD_BYTES_MAX + 1))
        gateway.say(b"data", Channel.DATA)
        gateway.say(b"state", Channel.STATE)
        gateway.say(b"report", Channel.REPORTED)
        found = one.take(5), one.take(5)
    assert [message.payload for message in found if message] == [b"state", b"report"]
    assert one.dropped == 1


def test_what_does_not_fit_is_left_to_be_sent_again(
    broker: EmbeddedBroker,
    woken: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscriber_module, "INBOX_MAX", 2)
    small = Subscriber(address(broker.port), "alerts-small", woken.set)
    small.start()
    try:
        subscribed(small)
        with GatewayClient(broker.port) as gateway:
            for number in range(5):
                gateway.say(str(number).encode())
            time.sleep(0.5)
            taken = [found.payload for _ in range(5) if (found := small.take(0.2)) is not None]
        assert taken == [b"0", b"1"]
        assert small.dropped == 3
    finally:
        small.close()


def test_publishing_without_a_connection_says_so(woken: threading.Event) -> None:
    lonely = Subscriber(address(free_port()), "alerts-lonely", woken.set)
    lonely.start()
    assert not lonely.publish(of_gateway(GATEWAY, Channel.ALARM_ACK), b"x")
    begun = time.monotonic()
    lonely.close()
    assert time.monotonic() - begun < 3


def test_a_broker_that_comes_back_is_found_again(one: Subscriber, broker: EmbeddedBroker) -> None:
    assert one.connections == 1
    broker.kill()
    deadline = time.monotonic() + 5
    while one.is_subscribed:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    broker.start()
    subscribed(one)
    assert one.connections == 2
    assert one.publish(of_gateway(GATEWAY, Channel.ALARM_ACK), b"x")
