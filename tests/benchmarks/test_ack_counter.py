from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from benchmarks import ack_counter
from benchmarks.ack_counter import AckCounter, _packet_end
from benchmarks.raw_publisher import RawPublisher, packet, prepared
from demo.broker import EmbeddedBroker
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Ack, RefusedRange
from tests.ingest.raw_gateway import until

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.raw_publisher import Bundle


def bundles(*acks: Ack) -> list[Bundle]:
    channel = topics.Channel.ACK
    return prepared(
        [(topics.of_gateway(a.gateway, channel), seal.seal(channel, a.gateway, b"k" * 16, a)) for a in acks]
    )


def test_it_counts_the_readings_that_acks_name(tmp_path: Path) -> None:
    one = Ack(gateway="gw-01", boot=1, stored=[(0, 9), (20, 20)])
    two = Ack(gateway="gw-02", boot=1, stored=[(5, 6)], refused=[RefusedRange(7, 9, "implausible")])
    with EmbeddedBroker(tmp_path) as broker, RawPublisher(broker.port) as publisher, AckCounter(broker.port) as counter:
        publisher.carry(bundles(one, two))
        counter.wait(13, 20)
        assert (counter.acks, counter.rows, counter.refused) == (2, 13, 3)
        publisher.carry(bundles(*[one] * 2_000))
        counter.wait(13 + 22_000, 20)
        with pytest.raises(RuntimeError, match="22013 of 22014 readings were acknowledged"):
            counter.wait(22_014, 0.1)


def test_a_broker_that_ends_is_told_at_once(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker, AckCounter(broker.port) as counter:
        broker.kill()
        until(lambda: counter._problem is not None)
        with pytest.raises(RuntimeError, match="0 of 1 readings"):
            counter.wait(1, 60)


def test_a_packet_ends_where_its_length_says() -> None:
    whole = packet("t", b"x" * 300, 0)
    assert _packet_end(whole, 0) == len(whole)
    assert _packet_end(whole + whole, len(whole)) == 2 * len(whole)
    assert [_packet_end(whole[:cut], 0) for cut in range(len(whole))] == [None] * len(whole)


def test_a_subscription_that_is_not_granted_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ack_counter, "SUBSCRIBE_SECONDS_MAX", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        counter = AckCounter(deaf.getsockname()[1])
        deaf.accept()[0].close()
        with pytest.raises(RuntimeError, match="did not grant"):
            counter.__enter__()
        counter.__exit__()
