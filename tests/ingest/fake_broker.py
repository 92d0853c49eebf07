"""A broker of a few lines, for what no real one does on purpose: withhold, break the protocol, stop reading."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from benchmarks.faults.mqtt_frames import Frame, FrameSplitter, puback
from tests.ingest.raw_gateway import until

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


def welcome(code: int = 0, receive_maximum: int | None = None) -> bytes:
    properties = b"" if receive_maximum is None else b"\x21" + receive_maximum.to_bytes(2)
    return Frame(CONNACK << 4, bytes([0, code, len(properties)]) + properties).encode()


def message(payload: bytes, number: int = 1, *, topic: str = "cc/v1/gw-01/data") -> bytes:
    """A PUBLISH at QoS 1, or at QoS 0 where the number is 0."""
    name, ident = topic.encode(), number.to_bytes(2) if number else b""
    return Frame(0x32 if number else 0x30, len(name).to_bytes(2) + name + ident + b"\x00" + payload).encode()


def usual(_line: Line, frame: Frame) -> bytes:
    """What a broker answers."""
    if frame.kind == CONNECT:
        return welcome()
    if frame.kind == SUBSCRIBE:
        return Frame(SUBACK << 4, frame.body[:2] + b"\x00\x01").encode()
    if frame.kind == PINGREQ:
        return Frame(PINGRESP << 4, b"").encode()
    return puback(frame.number).encode() if frame.is_confirmed_publish else b""


@dataclass
class Line:
    """One connection; `frames` came in on it."""

    connection: socket.socket
    frames: list[Frame] = field(default_factory=list)
    deaf: threading.Event = field(default_factory=threading.Event)

    @property
    def kinds(self) -> list[int]:
        return [frame.kind for frame in self.frames]

    @property
    def client(self) -> str:
        body = self.frames[0].body
        at = 11 + body[10]
        return body[at + 2 : at + 2 + int.from_bytes(body[at : at + 2])].decode()

    def of_kind(self, kind: int) -> list[Frame]:
        return [frame for frame in self.frames if frame.kind == kind]

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def close(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class FakeBroker:
    """A context manager; `answer` may be changed at any time, `lines` are all connections in the order they came."""

    def __init__(
        self,
        answer: Callable[[Line, Frame], bytes] = usual,
        *,
        tls: ssl.SSLContext | None = None,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        self.answer = answer
        self.lines: list[Line] = []
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        if receive_buffer_bytes is not None:
            self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def port(self) -> int:
        port: int = self._server.getsockname()[1]
        return port

    @property
    def way_out(self) -> Line:
        """The newest connection that came by that name."""
        return [line for line in self.lines if line.frames and line.client.endswith("-out")][-1]

    @property
    def way_in(self) -> Line:
        return [line for line in self.lines if line.frames and not line.client.endswith("-out")][-1]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for line in self.lines:
            line.deaf.clear()
            line.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection = self._server.accept()[0]
            except OSError:
                return
            try:
                line = Line(self._tls.wrap_socket(connection, server_side=True) if self._tls else connection)
            except OSError:
                connection.close()
                continue
            self.lines.append(line)
            thread = threading.Thread(target=self._serve, args=[line])
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: Line) -> None:
        splitter = FrameSplitter()
        with suppress(OSError, ValueError):
            while data := line.connection.recv(65_536):
                for frame in splitter.feed(data):
                    line.frames.append(frame)
                    if answer := self.answer(line, frame):
                        line.send(answer)
                if line.deaf.is_set():
                    until(lambda: not line.deaf.is_set())
        line.connection.close()
