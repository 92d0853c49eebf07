from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

import pytest

from benchmarks.faults.line import wait_for
from benchmarks.faults.link import Link, LyingLink
from benchmarks.faults.mqtt_frames import Frame, FrameSplitter, puback
from tests.benchmarks.faults.test_mqtt_frames import publish

if TYPE_CHECKING:
    from collections.abc import Iterator


class Broker:
    """Takes one connection after another, notes each packet and confirms what asks for it."""

    def __init__(self) -> None:
        self.heard: list[Frame] = []
        self.connection: socket.socket | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def say(self, frame: Frame) -> None:
        assert wait_for(lambda: self.connection is not None, 5, 0.01)
        assert self.connection is not None
        self.connection.sendall(frame.encode())

    def _run(self) -> None:
        while True:
            try:
                self.connection, _ = self._server.accept()
            except OSError:
                return
            splitter = FrameSplitter()
            with self.connection:
                while data := self._read():
                    for frame in splitter.feed(data):
                        self.heard.append(frame)
                        if frame.is_confirmed_publish:
                            self.connection.sendall(puback(frame.number).encode())

    def _read(self) -> bytes:
        assert self.connection is not None
        try:
            return self.connection.recv(4_096)
        except OSError:
            return b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


class Caller:
    """A client's socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._splitter = FrameSplitter()

    def say(self, *frames: Frame) -> None:
        self._socket.sendall(b"".join(frame.encode() for frame in frames))

    def hears(self, seconds: float = 5.0) -> list[Frame]:
        self._socket.settimeout(seconds)
        try:
            return self._splitter.feed(self._socket.recv(65_536))
        except TimeoutError:
            return []

    def is_closed(self) -> bool:
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as one:
        yield one


def test_packets_pass_both_ways(broker: Broker) -> None:
    with Link(broker.port) as link, Caller(link.port) as caller:
        caller.say(publish("a/data", 1, b"x"))
        assert caller.hears() == [puback(1)]
        broker.say(publish("a/ack", 9, b"y"))
        assert caller.hears() == [publish("a/ack", 9, b"y")]
    assert broker.heard == [publish("a/data", 1, b"x")]


def test_in_the_dark_nothing_passes_and_nothing_is_closed(broker: Broker) -> None:
    with Link(broker.port) as link, Caller(link.port) as before:
        before.say(publish("a/data", 1, b"x"))
        assert before.hears() == [puback(1)]
        link.go_dark()
        before.say(publish("a/data", 2, b"x"))
        broker.say(publish("a/ack", 9, b"y"))
        with Caller(link.port) as during:
            during.say(publish("a/data", 3, b"x"))
            assert during.hears(0.2) == before.hears(0.2) == []
            assert len(broker.heard) == 1
        link.heal()
        heard: list[Frame] = []
        assert wait_for(lambda: len(heard.extend(before.hears()) or heard) == 2, 5, 0)
        assert sorted(heard) == sorted([publish("a/ack", 9, b"y"), puback(2)])


def test_a_slow_way_lets_all_through_in_its_time_and_at_once_when_it_is_quick_again(broker: Broker) -> None:
    with Link(broker.port) as link, Caller(link.port) as caller:
        link.to_broker_bytes_per_second = 1.0
        caller.say(*(publish("a/data", number, b"x" * 100) for number in range(1, 20)))
        assert caller.hears(0.3) == []
        assert broker.heard == []
        link.to_broker_bytes_per_second = None
        heard: list[Frame] = []
        assert wait_for(lambda: len(heard.extend(caller.hears()) or heard) == 19, 5, 0)
        assert len(broker.heard) == 19


def test_the_other_way_of_a_slow_link_is_as_quick_as_ever(broker: Broker) -> None:
    with Link(broker.port) as link, Caller(link.port) as caller:
        link.to_client_bytes_per_second = 1.0
        caller.say(publish("a/data", 1, b"x"))
        assert wait_for(lambda: len(broker.heard) == 1, 5, 0.01)
        assert caller.hears(0.2) == []
        link.to_client_bytes_per_second = None
        assert caller.hears() == [puback(1)]


def test_a_broker_that_is_away_ends_the_connection() -> None:
    with Link(1) as link, Caller(link.port) as caller:
        assert wait_for(caller.is_closed, 5, 0.01)


def test_a_liar_confirms_data_and_lets_nothing_of_it_through(broker: Broker) -> None:
    with LyingLink(broker.port) as link, Caller(link.port) as caller:
        caller.say(publish("a/data", 1, b"true"))
        assert caller.hears() == [puback(1)]
        link.lying = True
        caller.say(publish("a/data", 2, b"lost"), publish("a/birth", 3, b"true"))
        heard: list[Frame] = []
        assert wait_for(lambda: len(heard.extend(caller.hears()) or heard) == 2, 5, 0)
        assert sorted(heard) == [puback(2), puback(3)]
        link.lying = False
        caller.say(publish("a/data", 4, b"true"))
        assert caller.hears() == [puback(4)]
    assert [frame.number for frame in broker.heard] == [1, 3, 4]
    assert link.confirmed == 3
