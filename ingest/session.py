"""One MQTT 5 session over buffers of our own: paho keeps it, what comes and goes by the thousand passes it by.

    socket ─► Reader ─┬─ PUBLISH, PUBACK ─► us        paho's packets ─┐
                      └─ all others ──────► paho      our packets ────┴─► unsent ─► socket

paho connects, encrypts, subscribes, pings and says goodbye; it never sees a message. Nothing is kept over the end of a
connection. The only module that knows paho.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import structlog
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.frames import PACKET_BYTES_MAX, PINGRESP, Frames, Malformed, Reader

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

    from ingest.settings import BrokerAddress

KEEPALIVE_SECONDS = 30
CONNECT_SECONDS_MAX = 2.5
RECEIVE_MAX = 1_000
"""Un-acknowledged messages asked of the broker at once; Mosquitto 2.0.11 was measured ignoring it."""
READ_BYTES = 256 * 1024
UNSENT_BYTES_MAX = 1024 * 1024
NOTHING = Frames([], 0, 0, [])

log = structlog.get_logger()


class BufferedClient(Client):
    """paho, reading what it is fed and writing into a buffer, instead of both at a socket."""

    def __init__(self, name: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5)
        self.fed = b""
        self.unsent = bytearray()
        self.has_ended = False

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self.fed and not self.has_ended:
            raise BlockingIOError
        piece, self.fed = self.fed[:bufsize], self.fed[bufsize:]
        return piece

    def _sock_send(self, buf: bytes | bytearray) -> int:
        self.unsent += buf
        self.flush()
        return len(buf)

    def flush(self) -> None:
        """Writes what the socket takes now; a socket that has failed is noticed by the next read."""
        connection = self.socket()
        while self.unsent and isinstance(connection, socket.socket):
            try:
                del self.unsent[: connection.send(self.unsent)]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                self.has_ended = True
                self.unsent.clear()

    def start_afresh(self) -> None:
        """Forgets what the last connection left."""
        self.fed, self.unsent, self.has_ended = b"", bytearray(), False


class Session:
    """A connection with one subscription; one thread uses it."""

    def __init__(self, broker: BrokerAddress, name: str, topic_filter: str, qos: int) -> None:
        self._broker = broker
        self._subscription = (topic_filter, qos)
        self._reader = Reader()
        self._client = self._make_client(name)
        self.is_granted = False
        """Whether the broker has granted the subscription of the present connection."""
        self.receive_maximum: int | None = None
        """How many of our publishes the broker takes before it has acknowledged the first; None when it did not say."""

    @property
    def socket(self) -> socket.socket | None:
        """The open connection's, for `select`."""
        connection = self._client.socket()
        return connection if isinstance(connection, socket.socket) else None

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait for the socket to take them."""
        return bool(self._client.unsent)

    @property
    def takes_more(self) -> bool:
        """Whether `send` may be given more."""
        return len(self._client.unsent) < UNSENT_BYTES_MAX

    @property
    def has_bytes(self) -> bool:
        """Whether there is something to receive that `select` cannot see."""
        connection = self.socket
        decrypted = connection.pending() if isinstance(connection, ssl.SSLSocket) else 0
        return self._reader.has_packets or decrypted > 0

    def open(self) -> bool:
        """Connects, blocking for a bounded time; whether somebody was there. `receive` then brings the answer."""
        self._client.start_afresh()
        self._reader = Reader()
        self.is_granted, self.receive_maximum = False, None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.ReceiveMaximum = RECEIVE_MAX
        properties.MaximumPacketSize = PACKET_BYTES_MAX
        properties.SessionExpiryInterval = 0
        host, port = self._broker.host, self._broker.port
        try:
            self._client.connect(host, port, KEEPALIVE_SECONDS, clean_start=True, properties=properties)
        except (OSError, ValueError) as error:
            log.warning("The broker does not answer", problem=str(error))
            return False
        if self.socket is not None:
            # What is written must go: gathered by the kernel it would wait 40 ms for the peer's delayed ack.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.loop_write()
        return True

    def receive(self, messages_max: int, connection: int, now_ms: int) -> Frames:
        """What has come, up to so many messages; the session may have ended afterwards."""
        try:
            if not self._reader.has_packets:
                self._read()
            frames = self._reader.take(messages_max, connection, now_ms)
        except Malformed as problem:
            log.warning("The broker breaks the protocol; connecting anew", problem=str(problem))
            self.close()
            return NOTHING
        for packet in frames.others:
            self._tell_paho(packet)
        self._client.loop_write()
        return frames

    def send(self, packets: bytes) -> None:
        """Writes our own packets behind all that was written before, as soon as the socket takes them."""
        self._client.unsent += packets
        self._client.flush()

    def keep(self, *, is_excused: bool) -> None:
        """Writes what waits and keeps the connection alive.

        The peer is excused from answering a ping while we do not read, for want of room, or hear it say other things:
        its answer stands behind all that is unread.
        """
        self._client.flush()
        if self._client.has_ended:
            self._client.loop_read()
        if is_excused:
            self._tell_paho(PINGRESP)
        self._client.loop_misc()
        self._client.loop_write()

    def close(self) -> None:
        """Says goodbye, as far as the socket takes it."""
        if self.socket is not None:
            self._client.disconnect()
            self._client.loop_write()
        self.is_granted = False

    def _read(self) -> None:
        connection = self.socket
        if connection is None:
            return
        try:
            piece = connection.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            piece = b""
        if piece:
            self._reader.feed(piece)
        else:
            self._client.has_ended = True
            self._client.loop_read()

    def _tell_paho(self, packet: bytes) -> None:
        self._client.fed += packet
        while self._client.fed and self._client.socket() is not None:
            self._client.loop_read()

    def _make_client(self, name: str) -> BufferedClient:
        client = BufferedClient(name)
        client.connect_timeout = CONNECT_SECONDS_MAX
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.is_encrypted:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        # With this callback set, paho leaves the writing to our loop.
        client.on_socket_register_write = lambda *_: None
        return client

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if code.is_failure:
            log.error("The broker refused this worker", reason=str(code))
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", None)
        client.subscribe(*self._subscription)

    def _on_subscribe(
        self,
        client: Client,
        _data: object,
        _message_id: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(code.is_failure for code in codes):
            log.error("The broker refused a subscription", reasons=[str(code) for code in codes])
            client.disconnect()
        else:
            self.is_granted = True

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.is_granted = False
        if code.is_failure:
            log.warning("The connection to the broker ended", reason=str(code))
