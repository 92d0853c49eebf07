"""Hears every gateway's application acks over one connection and counts the readings they name."""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import Self

import msgspec

from sheetal.contracts import topics

CONNECT = bytes.fromhex("101700044d5154540502ffff00000a") + b"ackcounter"
"""Clean start, the longest keepalive, no properties, client id "ackcounter"."""
FILTER = topics.of_every_gateway(topics.Channel.ACK).encode()
SUBSCRIBE = b"\x82" + bytes([len(FILTER) + 6]) + b"\x00\x01\x00" + len(FILTER).to_bytes(2) + FILTER + b"\x01"
SUBACK = 0x90
PUBLISH_AT_LEAST_ONCE = 0x32
DUPLICATE = 0x08
READ_BYTES = 262_144
TURN_SECONDS = 0.1
SUBSCRIBE_SECONDS_MAX = 30.0
CONTINUED = 0x80


class _Body(msgspec.Struct):
    stored: list[tuple[int, int]] = []
    refused: list[tuple[int, int, str]] = []


class _Envelope(msgspec.Struct):
    body: _Body


_decoder = msgspec.json.Decoder(_Envelope)


class AckCounter:
    """A context manager with its own thread; `acks` messages named `rows` readings stored and `refused` refused."""

    def __init__(self, port: int) -> None:
        self.acks = 0
        self.rows = 0
        self.refused = 0
        self._heard = b""
        self._problem: Exception | None = None
        self._subscribed = threading.Event()
        self._stop = threading.Event()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._socket.sendall(CONNECT + SUBSCRIBE)
        self._thread.start()
        if not self._subscribed.wait(SUBSCRIBE_SECONDS_MAX):
            raise RuntimeError("the broker did not grant the subscription to the acks")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._socket.close()

    def wait(self, rows: int, seconds: float) -> None:
        """Returns once so many readings were acknowledged; raises RuntimeError when they were not in time."""
        deadline = time.monotonic() + seconds
        while self.rows < rows:
            if self._problem is not None or time.monotonic() > deadline:
                message = f"{self.rows} of {rows} readings were acknowledged in {seconds:.0f} s, {self.refused} refused"
                raise RuntimeError(message) from self._problem
            time.sleep(0.002)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                readable, _, _ = select.select([self._socket], [], [], TURN_SECONDS)
                if readable:
                    self._read()
        except (OSError, ValueError) as error:
            self._problem = error

    def _read(self) -> None:
        more = self._socket.recv(READ_BYTES)
        if not more:
            raise ConnectionError("the broker closed the connection")
        heard, position, answers = self._heard + more, 0, []
        while (end := _packet_end(heard, position)) is not None:
            kind = heard[position]
            if kind & ~DUPLICATE == PUBLISH_AT_LEAST_ONCE:
                answers.append(self._ack(heard, position, end))
            elif kind == SUBACK:
                self._subscribed.set()
            position = end
        self._heard = heard[position:]
        if answers:
            self._socket.sendall(b"".join(answers))

    def _ack(self, heard: bytes, position: int, end: int) -> bytes:
        """Counts what one publish names; gives the broker's acknowledgement of it."""
        body = position + 1
        while heard[body] & CONTINUED:
            body += 1
        topic_end = body + 3 + int.from_bytes(heard[body + 1 : body + 3])
        payload = topic_end + 3 + heard[topic_end + 2]  # properties shorter than 128 bytes
        told = _decoder.decode(heard[payload:end]).body
        self.acks += 1
        self.rows += sum(last - first + 1 for first, last in told.stored)
        self.refused += sum(last - first + 1 for first, last, _ in told.refused)
        return b"\x40\x02" + heard[topic_end : topic_end + 2]


def _packet_end(heard: bytes, position: int) -> int | None:
    """Where the packet that begins here ends; None while it is not whole."""
    length, shift, at = 0, 0, position + 1
    while at < len(heard):
        length |= (heard[at] & ~CONTINUED) << shift
        shift, at = shift + 7, at + 1
        if not heard[at - 1] & CONTINUED:
            return at + length if at + length <= len(heard) else None
    return None
