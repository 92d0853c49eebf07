"""The subscriber against a broker that does what no real one does on purpose."""

from __future__ import annotations

import time

import pytest
from structlog.testing import capture_logs

from benchmarks.faults.mqtt_frames import Frame, puback
from ingest import outgoing, session, subscriber
from tests.ingest.fake_broker import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBACK,
    PUBLISH,
    SUBSCRIBE,
    FakeBroker,
    Line,
    message,
    usual,
    welcome,
)
from tests.ingest.raw_gateway import until
from tests.ingest.subscribing import working


def test_a_message_without_a_number_is_never_acknowledged() -> None:
    with FakeBroker() as broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        broker.way_in.send(message(b"none", 0) + message(b"nine", 9))
        taken = worker.take_all(2)
        assert [one.payload for one in taken] == [b"none", b"nine"]
        worker.subscriber.acknowledge(taken[0])
        worker.subscriber.acknowledge_many(taken)
        worker.subscriber.wake()
        until(lambda: PUBACK in broker.way_in.kinds)
        assert [frame.number for frame in broker.way_in.of_kind(PUBACK)] == [9]


def test_the_way_in_opens_when_the_broker_has_the_sign_of_life() -> None:
    """Workers hear of each other before either takes the first message of the other's gateways."""
    broker = FakeBroker(lambda line, frame: b"" if frame.kind == PUBLISH else usual(line, frame))
    with broker, working(broker.port) as worker:
        until(lambda: bool(broker.lines) and broker.lines[0].kinds == [CONNECT, SUBSCRIBE, PUBLISH])
        time.sleep(0.5)
        assert len(broker.lines) == 1
        broker.way_out.send(puback(broker.way_out.frames[-1].number).encode())
        until(lambda: worker.subscriber.is_subscribed)
        assert broker.way_in.kinds == [CONNECT, SUBSCRIBE]
        assert (broker.way_out.client, broker.way_in.client) == ("ingest-a-out", "ingest-a")


def test_a_broker_that_forgets_the_sign_of_life_is_met_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "STALL_SECONDS_MAX", 0.3)
    broker = FakeBroker(
        lambda line, frame: b"" if frame.kind == PUBLISH and len(broker.lines) < 3 else usual(line, frame)
    )
    with broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        assert len(broker.lines) == 4


@pytest.mark.parametrize("way", ["way_in", "way_out"])
@pytest.mark.parametrize("noise", [b"\x32\xff\xff\xff\xff\x01", b"\x32\x02\x00\x00", b"\x00\x00", b"\xf0\x00", None])
def test_who_breaks_the_protocol_or_hangs_up_is_met_anew(way: str, noise: bytes | None) -> None:
    with FakeBroker() as broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        line = getattr(broker, way)
        if noise is None:
            line.close()
        else:
            line.send(noise)
        until(lambda: worker.subscriber.connections == 2 and worker.subscriber.is_subscribed)
        broker.way_in.send(message(b"hello"))
        assert [one.payload for one in worker.take_all(1)] == [b"hello"]
        assert len(broker.lines) == 4


def test_a_worker_that_has_no_room_is_not_thought_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "KEEPALIVE_SECONDS", 1)
    with FakeBroker() as broker, working(broker.port, messages_max=2) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        broker.way_in.send(b"".join(message(b"x", number) for number in range(1, 100)))
        until(lambda: len(broker.way_in.of_kind(PINGREQ)) >= 4)
        assert len(worker.inbox) == 2
        assert worker.subscriber.connections == 1
        assert len(broker.lines) == 2


@pytest.mark.parametrize("way", ["-out", ""])
def test_a_broker_that_answers_no_ping_is_met_anew(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(session, "KEEPALIVE_SECONDS", 1)

    def answer(line: Line, frame: Frame) -> bytes:
        is_deaf = frame.kind == PINGREQ and line.client == f"ingest-a{way}"
        return b"" if is_deaf else usual(line, frame)

    with FakeBroker(answer) as broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.connections >= 2)


def test_no_more_is_in_flight_than_the_broker_takes_and_acknowledgements_wait_behind() -> None:
    def answer(line: Line, frame: Frame) -> bytes:
        if frame.kind == CONNECT:
            return welcome(receive_maximum=5)
        return b"" if frame.is_publish and frame.topic == "out" else usual(line, frame)

    with FakeBroker(answer) as broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        broker.way_in.send(message(b"x", 7))
        (taken,) = worker.take_all(1)
        worker.subscriber.publish_many([("out", str(number).encode()) for number in range(12)])
        worker.subscriber.acknowledge(taken)
        for number in (5, 10, 12):
            worker.subscriber.wake()
            until(lambda number=number: len(broker.way_out.of_kind(PUBLISH)) == 1 + number)
            time.sleep(0.1)
            out = [frame for frame in broker.way_out.of_kind(PUBLISH) if frame.topic == "out"]
            assert [frame.payload for frame in out] == [str(one).encode() for one in range(number)]
            assert (PUBACK in broker.way_in.kinds) is (number == 12)
            broker.way_out.send(b"".join(puback(frame.number).encode() for frame in out[-5:]))
        until(lambda: worker.subscriber.waiting == 0)


def test_a_broker_that_forgets_publishes_is_met_anew_and_gets_what_has_not_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscriber, "STALL_SECONDS_MAX", 0.5)

    def answer(line: Line, frame: Frame) -> bytes:
        if frame.kind == CONNECT:
            return welcome(receive_maximum=3)
        is_lost = frame.is_publish and frame.topic == "out" and len(broker.lines) == 2
        return b"" if is_lost else usual(line, frame)

    with FakeBroker(answer) as broker, working(broker.port) as worker, capture_logs() as logs:
        until(lambda: worker.subscriber.is_subscribed)
        worker.subscriber.publish_many([("out", str(number).encode()) for number in range(8)])
        worker.subscriber.wake()
        until(lambda: worker.subscriber.connections == 2 and worker.subscriber.waiting == 0)
        until(lambda: len(broker.way_out.of_kind(PUBLISH)) == 6)
        out = [frame.payload for frame in broker.way_out.of_kind(PUBLISH) if frame.topic == "out"]
        assert out == [b"3", b"4", b"5", b"6", b"7"]
        assert "The broker acknowledges nothing; connecting anew" in [entry["event"] for entry in logs]


def test_nothing_more_is_read_while_the_broker_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "CROWD", 10)
    broker = FakeBroker(lambda line, frame: b"" if frame.is_publish and frame.topic == "out" else usual(line, frame))
    with broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        worker.subscriber.publish_many([("out", b"")] * (outgoing.WINDOW_MAX + 10))
        worker.subscriber.wake()
        until(lambda: len(broker.way_out.of_kind(PUBLISH)) == 1 + outgoing.WINDOW_MAX)
        broker.way_in.send(message(b"x"))
        time.sleep(0.5)
        assert len(worker.inbox) == 0
        sent = broker.way_out.of_kind(PUBLISH)[1:]
        broker.way_out.send(b"".join(puback(frame.number).encode() for frame in sent))
        until(lambda: len(worker.inbox) == 1)


def test_a_publish_that_the_broker_refuses_is_counted_and_the_window_moves_on() -> None:
    def answer(line: Line, frame: Frame) -> bytes:
        if frame.is_publish and frame.topic == "out":
            return Frame(0x40, frame.number.to_bytes(2) + b"\x87").encode()
        return usual(line, frame)

    with FakeBroker(answer) as broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        worker.subscriber.publish_many([("out", b"")] * 3_000)
        worker.subscriber.wake()
        until(lambda: worker.subscriber.refused == 3_000)
        assert (worker.subscriber.waiting, worker.subscriber.dropped) == (0, 0)


def test_what_a_slow_socket_takes_in_pieces_arrives_whole_and_in_order() -> None:
    with FakeBroker(receive_buffer_bytes=4_096) as broker, working(broker.port) as worker:
        until(lambda: worker.subscriber.is_subscribed)
        broker.way_out.deaf.set()
        worker.subscriber.publish("wake", b"")
        payloads = [bytes([number % 256]) * 50_000 for number in range(150)]
        worker.subscriber.publish_many([("out", payload) for payload in payloads])
        worker.subscriber.wake()
        time.sleep(0.5)
        assert worker.subscriber._way_out.has_unsent
        broker.way_in.send(message(b"still heard"))
        assert [one.payload for one in worker.take_all(1)] == [b"still heard"]
        broker.way_out.deaf.clear()
        until(lambda: len(broker.way_out.of_kind(PUBLISH)) == 152)
        assert [frame.payload for frame in broker.way_out.of_kind(PUBLISH)[2:]] == payloads


def test_what_was_handed_over_before_the_stop_still_leaves() -> None:
    with FakeBroker() as broker:
        with working(broker.port) as worker:
            until(lambda: worker.subscriber.is_subscribed)
            worker.subscriber.publish_many([("out", b"x" * 1_000)] * 900)
        until(lambda: DISCONNECT in broker.way_out.kinds)
        assert len(broker.way_out.of_kind(PUBLISH)) == 901
        assert DISCONNECT in broker.way_in.kinds
