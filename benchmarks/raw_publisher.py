"""A publisher that costs next to nothing: MQTT 5 packets written by hand, so that ingest has the processor."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WINDOW = 500
CONNECT = bytes.fromhex("101600044d5154540502ffff000009") + b"publisher"
"""Clean start, the longest keepalive, no properties, client id "publisher"."""
CHUNK_BYTES = 65_536
HEADER_BYTES = 2
PUBACK = 0x40


class Bundle(NamedTuple):
    """Packets written at once."""

    count: int
    packets: bytes


class RawPublisher:
    """Publishes at QoS 1 with at most `WINDOW` messages not yet acknowledged by the broker."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._heard = b""
        self._sent = 0
        self._acknowledged = 0
        self._out: list[bytes] = []
        self._socket.sendall(CONNECT)
        while not self._packets():
            pass

    def publish(self, topic: str, payload: bytes) -> None:
        """Queues one message; writes and waits when a window is full."""
        self._out.append(packet(topic, payload, self._sent))
        self._sent += 1
        if len(self._out) >= WINDOW // 2:
            self._write()
            self._wait(WINDOW // 2)

    def carry(self, bundles: Iterable[Bundle]) -> None:
        """Publishes what `prepared` made; returns when the broker has acknowledged it all."""
        for bundle in bundles:
            self._socket.sendall(bundle.packets)
            self._sent += bundle.count
            self._wait(WINDOW // 2)
        self._wait(0)

    def flush(self) -> None:
        """Returns when the broker has acknowledged everything."""
        self._write()
        self._wait(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _write(self) -> None:
        self._socket.sendall(b"".join(self._out))
        self._out.clear()

    def _wait(self, left: int) -> None:
        while self._sent - self._acknowledged > left:
            self._acknowledged += sum(packet == PUBACK for packet in self._packets())

    def _packets(self) -> list[int]:
        """The types of the packets that one read brings; all are shorter than 128 bytes here."""
        more = self._socket.recv(CHUNK_BYTES)
        if not more:
            raise ConnectionError("the broker closed the connection")
        self._heard += more
        kinds = []
        while len(self._heard) >= HEADER_BYTES and len(self._heard) >= HEADER_BYTES + self._heard[1]:
            kinds.append(self._heard[0])
            self._heard = self._heard[HEADER_BYTES + self._heard[1] :]
        return kinds


def prepared(messages: Sequence[tuple[str, bytes]]) -> list[Bundle]:
    """The packets of many (topic, payload), gathered by half a window, so that publishing them costs a few writes."""
    packets = [packet(topic, payload, number) for number, (topic, payload) in enumerate(messages)]
    parts = [packets[start : start + WINDOW // 2] for start in range(0, len(packets), WINDOW // 2)]
    return [Bundle(len(part), b"".join(part)) for part in parts]


def packet(topic: str, payload: bytes, number: int) -> bytes:
    """A QoS 1 PUBLISH, the `number`-th of its connection."""
    name = topic.encode()
    body = len(name).to_bytes(2) + name + (number % 65_535 + 1).to_bytes(2) + b"\x00" + payload
    return b"\x32" + _length(len(body)) + body


def _length(number: int) -> bytes:
    """MQTT's variable byte integer."""
    encoded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        encoded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(encoded)
