from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.line import wait_for
from benchmarks.faults.mqtt_frames import Frame, puback
from benchmarks.faults.shuffling_link import Disorder, ShufflingLink
from tests.benchmarks.faults.test_link import Broker, Caller
from tests.benchmarks.faults.test_mqtt_frames import publish

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = 200


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as one:
        yield one


def passed(broker: Broker, disorder: Disorder, seed: int = 1) -> tuple[list[Frame], ShufflingLink]:
    """What a subscriber hears of so many messages, which it confirms."""
    heard: list[Frame] = []
    with ShufflingLink(broker.port, disorder, seed) as link, Caller(link.port) as caller:
        for number in range(1, MESSAGES + 1):
            broker.say(publish("a/data", number, str(number).encode()))

        def listen() -> bool:
            frames = caller.hears(0.1)
            heard.extend(frames)
            caller.say(*(puback(frame.number) for frame in frames))
            return len(heard) >= MESSAGES + link.doubled and link.messages == MESSAGES

        assert wait_for(listen, 15, 0)
        assert wait_for(lambda: len(broker.heard) >= MESSAGES, 5, 0.01)
    return heard, link


def test_every_message_comes_and_some_twice_in_another_order(broker: Broker) -> None:
    heard, link = passed(broker, Disorder(window=MESSAGES, window_seconds=0.3))
    payloads = [int(frame.body.rpartition(b"\x00")[2]) for frame in heard]
    assert set(payloads) == set(range(1, MESSAGES + 1))
    assert len(payloads) == MESSAGES + link.doubled
    assert MESSAGES * 0.03 < link.doubled < MESSAGES * 0.25
    assert payloads != sorted(payloads)
    assert max(abs(at - number) for at, number in enumerate(payloads)) > MESSAGES / 4
    assert link.largest_window <= MESSAGES
    assert len({frame.number for frame in heard}) == len(heard)


def test_the_broker_is_answered_in_order_and_once_for_each(broker: Broker) -> None:
    passed(broker, Disorder(window=50, window_seconds=0.2))
    assert broker.heard == [puback(number) for number in range(1, MESSAGES + 1)]


def test_without_disorder_all_comes_as_it_was_sent_or_shuffled_in_small_windows(broker: Broker) -> None:
    heard, link = passed(broker, Disorder(window=1, window_seconds=0, doubled_share=0, delayed_share=0))
    assert len(heard) == MESSAGES
    assert link.doubled == 0


def test_other_topics_pass_untouched_and_at_once(broker: Broker) -> None:
    with ShufflingLink(broker.port, Disorder(window_seconds=60), 1) as link, Caller(link.port) as caller:
        broker.say(publish("cc/v1/_/ingest", 7, b"alive"))
        assert caller.hears() == [publish("cc/v1/_/ingest", 7, b"alive")]
        caller.say(publish("cc/v1/gw/ack", 8, b"stored"))
        assert caller.hears() == [puback(8)]
