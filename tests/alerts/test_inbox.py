from __future__ import annotations

import threading
import time
from itertools import product

import pytest

from alerts.inbox import Inbox, Incoming
from sheetal.contracts.topics import Channel

SAID = (Channel.BIRTH, Channel.STATE, Channel.REPORTED)


class Broker:
    """Makes messages and counts what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[bytes] = []

    def bring(self, payload: bytes, channel: Channel = Channel.ALARM, gateway: str = "gw-01") -> Incoming:
        return Incoming(gateway, channel, payload, lambda: self.acknowledged.append(payload))


def taken(inbox: Inbox) -> list[bytes]:
    found = []
    while (message := inbox.take(0)) is not None:
        found.append(message.payload)
    return found


@pytest.fixture
def broker() -> Broker:
    return Broker()


def test_alarms_come_in_their_order_and_are_acknowledged_by_the_worker(broker: Broker) -> None:
    inbox = Inbox()
    for payload in (b"1", b"2", b"2"):
        assert inbox.put(broker.bring(payload))
    assert broker.acknowledged == []
    first = inbox.take(0)
    assert first is not None
    first.acknowledge()
    assert broker.acknowledged == [b"1"]
    assert taken(inbox) == [b"2", b"2"]


def test_alarms_beyond_the_bound_are_left_to_be_sent_again(broker: Broker) -> None:
    inbox = Inbox(alarms_max=2)
    assert [inbox.put(broker.bring(payload)) for payload in (b"1", b"2", b"3")] == [True, True, False]
    assert inbox.put(broker.bring(b"state", Channel.STATE))
    assert taken(inbox) == [b"1", b"2", b"state"]
    assert inbox.put(broker.bring(b"4"))


def test_an_alarm_overtakes_a_whole_fleet(broker: Broker) -> None:
    inbox = Inbox()
    for number, channel in product(range(5_000), SAID):
        assert inbox.put(broker.bring(b"said", channel, f"gw-{number}"))
    inbox.put(broker.bring(b"alarm"))
    first = inbox.take(0)
    assert first is not None
    assert first.payload == b"alarm"
    assert len(taken(inbox)) == 15_000, "and nothing of the fleet is lost"


def test_only_the_newest_of_a_kind_waits_and_keeps_its_place(broker: Broker) -> None:
    inbox = Inbox()
    for payload, channel, gateway in (
        (b"old", Channel.REPORTED, "gw-01"),
        (b"other", Channel.REPORTED, "gw-02"),
        (b"state", Channel.STATE, "gw-01"),
        (b"new", Channel.REPORTED, "gw-01"),
    ):
        inbox.put(broker.bring(payload, channel, gateway))
    assert broker.acknowledged == [b"old", b"other", b"state", b"new"], "the broker keeps them retained"
    assert taken(inbox) == [b"new", b"other", b"state"]


def test_what_was_acknowledged_when_it_came_is_not_acknowledged_twice(broker: Broker) -> None:
    inbox = Inbox()
    inbox.put(broker.bring(b"x", Channel.STATE))
    message = inbox.take(0)
    assert message is not None
    message.acknowledge()
    assert broker.acknowledged == [b"x"]


def test_what_gateways_say_is_bounded_in_bytes(broker: Broker) -> None:
    inbox = Inbox(said_bytes_max=10)
    assert inbox.put(broker.bring(b"12345678", Channel.REPORTED, "gw-01"))
    assert not inbox.put(broker.bring(b"123", Channel.REPORTED, "gw-02"))
    assert broker.acknowledged == [b"12345678"]
    assert inbox.put(broker.bring(b"12", Channel.REPORTED, "gw-01")), "a shorter one takes the longer one's place"
    assert inbox.put(broker.bring(b"12345678", Channel.REPORTED, "gw-02"))
    assert len(taken(inbox)) == 2
    assert inbox.put(broker.bring(b"1234567890", Channel.REPORTED, "gw-03")), "what was taken makes room"


def test_whoever_waits_is_woken(broker: Broker) -> None:
    inbox = Inbox()
    threading.Timer(0.1, lambda: inbox.put(broker.bring(b"x", Channel.STATE))).start()
    begun = time.monotonic()
    assert inbox.take(10) is not None
    assert time.monotonic() - begun < 5
    assert inbox.take(0.01) is None


def test_nothing_is_lost_between_two_threads(broker: Broker) -> None:
    inbox, found = Inbox(), set()

    def work() -> None:
        while len(found) < 2_000:
            message = inbox.take(1)
            assert message is not None
            found.add(message.gateway)

    worker = threading.Thread(target=work)
    worker.start()
    for number in range(2_000):
        inbox.put(broker.bring(b"x", SAID[number % 3], f"gw-{number}"))
    worker.join(20)
    assert not worker.is_alive()
    assert len(found) == 2_000


def test_what_is_put_back_gives_way_to_anything_newer(broker: Broker) -> None:
    inbox = Inbox()
    old = broker.bring(b"old", Channel.STATE)
    inbox.put(old)
    assert taken(inbox) == [b"old"]
    inbox.put_back(old)
    assert taken(inbox) == [b"old"]
    inbox.put(broker.bring(b"new", Channel.STATE))
    inbox.put_back(old)
    assert taken(inbox) == [b"new"]
