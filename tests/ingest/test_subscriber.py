"""The subscriber against a real broker; what is tested is the socket, so nothing of it is replaced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from benchmarks.raw_publisher import RawPublisher, prepared
from demo.broker import EmbeddedBroker, free_port
from ingest.session import RECEIVE_MAX
from sheetal.contracts.clock import now_ms
from tests.ingest.raw_gateway import until
from tests.ingest.subscribing import TOPIC, client_at, working
from tests.stack.servers import add_mosquitto_password, mosquitto_server, port_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def test_messages_come_with_their_topic_and_time_and_go_once_acknowledged(broker: EmbeddedBroker) -> None:
    with working(broker.port) as worker, client_at(broker.port) as (publish, _):
        until(lambda: worker.subscriber.is_subscribed)
        before = now_ms()
        for number in range(50):
            publish(str(number).encode())
        taken = worker.take_all(50)
        assert [message.payload for message in taken] == [str(number).encode() for number in range(50)]
        assert {message.topic for message in taken} == {TOPIC}
        assert all(before <= message.received_at_ms <= now_ms() for message in taken)
        for message in taken:
            worker.subscriber.acknowledge(message)
        worker.subscriber.wake()


def test_many_publishes_and_acknowledgements_go_in_one_hand_over(broker: EmbeddedBroker) -> None:
    with working(broker.port) as worker, client_at(broker.port, "out/#") as (publish, heard):
        until(lambda: worker.subscriber.is_subscribed)
        for number in range(20):
            publish(str(number).encode())
        until(lambda: len(worker.inbox) == 20)
        taken = worker.inbox.take_many(100)
        answers = [(f"out/{number}", message.payload) for number, message in enumerate(taken)]
        worker.subscriber.publish_many(answers)
        worker.subscriber.acknowledge_many(taken)
        worker.subscriber.wake()
        until(lambda: len(heard) == 20)
        assert heard == answers


def test_acknowledgements_reach_the_broker_so_that_its_window_moves_on(broker: EmbeddedBroker) -> None:
    with working(broker.port) as worker, client_at(broker.port) as (publish, _):
        until(lambda: worker.subscriber.is_subscribed)
        heard = 0
        for number in range(3 * RECEIVE_MAX):
            publish(str(number).encode())
            if number % 500 == 499:
                for message in worker.take_all(1):
                    heard += 1
                    worker.subscriber.acknowledge(message)
                worker.subscriber.wake()
        while heard < 3 * RECEIVE_MAX:
            for message in worker.take_all(1):
                heard += 1
                worker.subscriber.acknowledge(message)
            worker.subscriber.wake()


def test_two_workers_share_the_messages_and_know_of_each_other(broker: EmbeddedBroker) -> None:
    with working(broker.port, "ingest-a") as one:
        until(lambda: one.subscriber.is_subscribed)
        with working(broker.port, "ingest-b") as two, client_at(broker.port) as (publish, _):
            until(lambda: two.subscriber.is_subscribed)
            until(lambda: not one.peers.is_alone and not two.peers.is_alone)
            for number in range(100):
                publish(str(number).encode())
            until(lambda: len(one.inbox) + len(two.inbox) >= 100)
            heard = [message.payload for worker in (one, two) for message in worker.take_all(1)]
            assert sorted(heard, key=int) == [str(number).encode() for number in range(100)]


def test_a_worker_learns_that_it_is_alone_by_hearing_itself_before_any_message(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as unused, working(unused.port) as worker:
        assert not worker.peers.is_alone
        until(lambda: worker.peers.is_alone)


def test_the_sign_of_life_is_retained(broker: EmbeddedBroker) -> None:
    with working(broker.port, "ingest-z") as worker:
        until(lambda: worker.subscriber.is_subscribed)
        with client_at(broker.port, "cc/v1/_/ingest") as (_, heard):
            until(lambda: bool(heard))
        assert b'"at_ms":' in heard[0][1]


def test_a_full_inbox_stops_the_reading_and_room_starts_it_again(broker: EmbeddedBroker) -> None:
    with working(broker.port, messages_max=20) as worker, client_at(broker.port) as (publish, _):
        until(lambda: worker.subscriber.is_subscribed)
        for number in range(300):
            publish(str(number).encode())
        until(lambda: len(worker.inbox) >= 20)
        time.sleep(1)
        assert 20 <= len(worker.inbox) <= 60
        heard: list[bytes] = []
        while len(heard) < 300:
            for message in worker.take_all(1):
                heard.append(message.payload)
                worker.subscriber.acknowledge(message)
            worker.subscriber.wake()
        assert heard == [str(number).encode() for number in range(300)]


def test_publishes_go_out_while_the_inbox_is_full(broker: EmbeddedBroker) -> None:
    with working(broker.port, messages_max=1) as worker, client_at(broker.port, "out") as (publish, heard):
        until(lambda: worker.subscriber.is_subscribed)
        for _ in range(10):
            publish(b"x")
        until(lambda: len(worker.inbox) >= 1)
        worker.subscriber.publish("out", b"still alive")
        worker.subscriber.wake()
        until(lambda: ("out", b"still alive") in heard)


def test_a_large_payload_fills_the_inbox_by_its_bytes(broker: EmbeddedBroker) -> None:
    with working(broker.port, bytes_max=1_000_000) as worker, client_at(broker.port) as (publish, _):
        until(lambda: worker.subscriber.is_subscribed)
        for _ in range(3):
            publish(b"x" * 10_000_000)
        until(lambda: len(worker.inbox) >= 1)
        time.sleep(0.5)
        assert len(worker.inbox) == 1
        for _ in range(3):
            (message,) = worker.take_all(1)
            assert len(message.payload) == 10_000_000
            worker.subscriber.wake()


def test_a_broker_that_is_away_or_dies_is_waited_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    broker = EmbeddedBroker(tmp_path_factory.mktemp("mortal"))
    with working(broker.port) as worker:
        time.sleep(0.5)
        assert not worker.subscriber.is_subscribed
        for end in (broker.kill, broker.stop):
            broker.start()
            until(lambda: worker.subscriber.is_subscribed)
            with client_at(broker.port) as (publish, _):
                publish(b"hello")
                (message,) = worker.take_all(1)
                assert message.payload == b"hello"
            end()
            until(lambda: not worker.subscriber.is_subscribed)
            # The connection that brought it is gone: no acknowledgement may reach the next one.
            worker.subscriber.acknowledge(message)


def test_a_stop_while_the_broker_is_away_is_quick() -> None:
    began = time.monotonic()
    with working(free_port()):
        time.sleep(0.3)
    assert time.monotonic() - began < 15


@pytest.mark.stack
def test_a_login_opens_the_broker_and_a_wrong_one_is_tried_again_without_end(tmp_path: Path) -> None:
    add_mosquitto_password(tmp_path / "passwords", "ingest", "right")
    with mosquitto_server(tmp_path, password_file=tmp_path / "passwords") as url:
        with working(port_of(url), login=("ingest", "right")) as worker:
            until(lambda: worker.subscriber.is_subscribed)
        with working(port_of(url), login=("ingest", "wrong")) as worker, capture_logs() as logs:
            until(lambda: sum("refused this worker" in entry["event"] for entry in logs) >= 2)
            assert not worker.subscriber.is_subscribed


ACCESS = """
user ingest
topic readwrite cc/v1/_/#
topic read cc/v1/+/data
topic write cc/v1/+/ack
pattern write cc/v1/%u/data
pattern read cc/v1/%u/ack
"""


@pytest.mark.stack
def test_under_an_access_list_ingest_hears_data_and_answers(tmp_path: Path) -> None:
    """Mosquitto grants every subscription and acknowledges every publish: only delivery proves the right to it."""
    for username in ("ingest", "gw-01"):
        add_mosquitto_password(tmp_path / "passwords", username, "right")
    (tmp_path / "acl").write_text(ACCESS)
    with (
        mosquitto_server(tmp_path, password_file=tmp_path / "passwords", acl_file=tmp_path / "acl") as url,
        working(port_of(url), login=("ingest", "right")) as worker,
        client_at(port_of(url), "cc/v1/gw-01/ack", login=("gw-01", "right")) as (publish, heard),
    ):
        until(lambda: worker.subscriber.is_subscribed)
        publish(b"data")
        assert [message.payload for message in worker.take_all(1)] == [b"data"]
        worker.subscriber.publish("cc/v1/gw-01/ack", b"answer")
        worker.subscriber.wake()
        until(lambda: heard == [("cc/v1/gw-01/ack", b"answer")])


@pytest.mark.stack
def test_a_backlog_far_beyond_the_window_is_answered_over_one_connection(tmp_path: Path) -> None:
    """Mosquitto 2.0.11 sends far more than the receive window; its word for our publishes must not wait behind that."""
    total = 40_000
    with mosquitto_server(tmp_path) as url, working(port_of(url)) as worker, RawPublisher(port_of(url)) as publisher:
        until(lambda: worker.subscriber.is_subscribed)
        publisher.carry(prepared([(f"cc/v1/gw-{number % 1_000}/data", b"x" * 200) for number in range(total)]))
        deadline, answered = time.monotonic() + 90, 0
        while answered < total and time.monotonic() < deadline:
            taken = worker.inbox.take_many(1_000)
            worker.subscriber.publish_many([(one.topic.replace("data", "ack"), b"y" * 100) for one in taken])
            worker.subscriber.acknowledge_many(taken)
            worker.subscriber.wake()
            answered += len(taken)
            time.sleep(0.001)
        assert (answered, worker.subscriber.received, worker.subscriber.connections) == (total, total, 1)
        until(lambda: worker.subscriber.waiting == 0)
        assert worker.subscriber.dropped == 0
