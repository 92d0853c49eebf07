"""Users of a real Mosquitto who publish, subscribe and count what arrives; a PUBACK is believed by none of them."""

from __future__ import annotations

import itertools
import queue
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

WAIT_SECONDS = 5.0
_numbers = itertools.count()


class User:
    """One connection under one name; a context manager. `heard` keeps what was delivered, in order."""

    def __init__(
        self,
        port: int,
        name: str,
        password: str,
        *,
        client_id: str | None = None,
        will: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._port = port
        self._subscribed: queue.Queue[bool] = queue.Queue()
        self._up = threading.Event()
        self.losses = 0
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id or f"{name}-{next(_numbers)}",
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        self.client.username_pw_set(name, password)
        if tls is not None:
            self.client.tls_set_context(tls)
        if will is not None:
            self.client.will_set(will, b"a will", 1)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = lambda _client, _data, message: self.heard.put((message.topic, bytes(message.payload)))
        self.client.on_subscribe = lambda _client, _data, _mid, codes, _properties: self._subscribed.put(
            not codes[0].is_failure
        )

    @property
    def is_up(self) -> bool:
        """Whether the broker has let this user in and not sent it away."""
        return self._up.is_set()

    def subscribe(self, topic_filter: str) -> bool:
        """Whether the broker says yes; what it delivers is another question."""
        self.client.subscribe(topic_filter, 1)
        return self._subscribed.get(timeout=WAIT_SECONDS)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand it over and wait for the broker's receipt, whatever that is worth."""
        self.client.publish(topic, payload, 1, retain=retain).wait_for_publish(WAIT_SECONDS)

    def next(self) -> tuple[str, bytes]:
        return self.heard.get(timeout=WAIT_SECONDS)

    def all_heard(self) -> list[tuple[str, bytes]]:
        return [self.heard.get() for _ in range(self.heard.qsize())]

    def cut(self) -> None:
        """Break the connection as a lost network does."""
        connection = self.client.socket()
        assert connection is not None
        connection.close()

    def __enter__(self) -> Self:
        self.client.connect("127.0.0.1", self._port, 30)
        self.client.loop_start()
        until(self._up.is_set)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, _client: paho.Client, _data: object, _flags: object, code: object, *_: object) -> None:
        if str(code) == "Success":
            self._up.set()

    def _on_disconnect(self, *_: object) -> None:
        self._up.clear()
        self.losses += 1


def is_let_in(port: int, tls: ssl.SSLContext | None = None, name: str = "", password: str = "") -> bool:
    """Whether the broker answers a CONNECT with success; told by its own bytes, so that a refusal needs no waiting."""
    flags = (0x80 | 0x40 if name else 0) | 0x02
    words = b"".join(
        len(one).to_bytes(2) + one for one in (b"someone", *(w.encode() for w in (name, password) if name))
    )
    body = b"\x00\x04MQTT\x05" + bytes([flags]) + b"\x00\x1e\x00" + words
    try:
        with ExitStack() as closing:
            line = closing.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_SECONDS))
            if tls is not None:
                line = closing.enter_context(tls.wrap_socket(line, server_hostname="127.0.0.1"))
            line.sendall(b"\x10" + bytes([len(body)]) + body)
            answer = line.recv(4)
    except (ssl.SSLError, ConnectionError):
        return False
    return answer[:1] == b"\x20" and answer[3:4] == b"\x00"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
