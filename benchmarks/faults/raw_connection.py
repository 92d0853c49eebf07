"""One MQTT 5 connection that costs next to nothing and never blocks; whoever holds it runs the loop."""

from __future__ import annotations

import socket
from contextlib import suppress

from benchmarks.faults.mqtt_frames import PUBACK, Frame, FrameSplitter, puback

CONNECT, CONNACK, SUBSCRIBE, SUBACK, PUBLISH_QOS_1 = 0x10, 2, 0x82, 9, 0x32
CONNECT_SECONDS_MAX = 5.0
READ_BYTES = 256 * 1024
WINDOW = 500
"""Messages that the broker has not confirmed yet; both brokers take as many."""
CLEAN_START = 2
KEEPALIVE_SECONDS = 600
REASON_BYTE = 1


class RawConnection:
    """Connected when made; raises OSError when the broker is away or ends the connection."""

    def __init__(self, port: int, client_id: str, topics: tuple[str, ...] = (), host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=CONNECT_SECONDS_MAX)
        self._splitter = FrameSplitter()
        self._early: list[Frame] = []
        self._out = bytearray()
        self._number = 0
        self._in_flight = 0
        try:
            self._say_hello(client_id, topics)
            self.socket.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.socket.close()
            raise

    @property
    def room(self) -> int:
        """How many messages may be published now."""
        return WINDOW - self._in_flight

    @property
    def wants_to_write(self) -> bool:
        """Whether bytes wait for the socket to take them."""
        return bool(self._out)

    def publish(self, topic: str, payload: bytes) -> None:
        """Queues one QoS 1 message; `flush` sends it."""
        name = topic.encode()
        self._number = self._number % 65_535 + 1
        body = b"".join((len(name).to_bytes(2), name, self._number.to_bytes(2), b"\x00", payload))
        self._out += Frame(PUBLISH_QOS_1, body).encode()
        self._in_flight += 1

    def flush(self) -> None:
        """Sends what the socket takes at once."""
        with suppress(BlockingIOError):
            del self._out[: self.socket.send(self._out)]

    def hear(self) -> list[Frame]:
        """The messages that came since the last call, each confirmed to the broker."""
        heard, self._early = self._early, []
        with suppress(BlockingIOError):
            heard += self._read()
        messages = []
        for frame in heard:
            if frame.kind == PUBACK:
                self._in_flight -= 1
            elif frame.is_publish:
                messages.append(frame)
                if frame.is_confirmed_publish:
                    self._out += puback(frame.number).encode()
        return messages

    def close(self) -> None:
        """Leaves without a word."""
        self.socket.close()

    def _read(self) -> list[Frame]:
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the broker closed the connection")
        return self._splitter.feed(data)

    def _say_hello(self, client_id: str, topics: tuple[str, ...]) -> None:
        name = client_id.encode()
        head = b"\x00\x04MQTT\x05" + bytes([CLEAN_START]) + KEEPALIVE_SECONDS.to_bytes(2) + b"\x00"
        self.socket.sendall(Frame(CONNECT, head + len(name).to_bytes(2) + name).encode())
        self._wait_for(CONNACK)
        if topics:
            filters = b"".join(len(one.encode()).to_bytes(2) + one.encode() + b"\x01" for one in topics)
            self.socket.sendall(Frame(SUBSCRIBE, b"\x00\x01\x00" + filters).encode())
            self._wait_for(SUBACK)

    def _wait_for(self, kind: int) -> None:
        while True:
            frames = self._read()
            answers = [frame for frame in frames if frame.kind == kind]
            self._early += [frame for frame in frames if frame.kind != kind]
            if answers:
                if kind == CONNACK and answers[0].body[REASON_BYTE]:
                    raise ConnectionError(f"the broker refused the connection: {answers[0].body[REASON_BYTE]}")
                return
