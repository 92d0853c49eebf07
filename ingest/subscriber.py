"""MQTT in and out: the only module that knows paho.

One thread owns the socket and runs the loop itself instead of paho's own thread, so that it can stop reading when the
inbox is full while pings and acknowledgements still go out. The session ends with the connection: what a lost one had
not acknowledged comes again from the gateways' outboxes.
"""

from __future__ import annotations

import random
import select
import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.inbox import Message
from ingest.outgoing import Acknowledge, Outgoing, Publish
from sheetal.contracts import topics

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

    from ingest.inbox import Inbox
    from ingest.peers import Peers
    from ingest.settings import BrokerAddress
    from sheetal.contracts.clock import Clock

GROUP = "ingest"
KEEPALIVE_SECONDS = 30
CONNECT_SECONDS_MAX = 2.5
RETRY_SECONDS_MIN = 0.2
RETRY_SECONDS_MAX = 5.0
TURN_SECONDS = 0.2
CLOSE_TURNS_MAX = 5
RECEIVE_MAX = 1_000
"""Un-acknowledged messages asked of the broker at once; Mosquitto 2.0.11 was measured ignoring it."""
PACKET_BYTES_MAX = 12 * 1024 * 1024
READ_BYTES = 64 * 1024
STALLED_SLACK = 2

log = structlog.get_logger()


class ForesightedClient(Client):
    """paho, but reading the socket in large pieces.

    paho asks for each packet in four small ones, and every call gives the interpreter away to the pipeline's thread.
    """

    ahead = b""
    _position = 0

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._position >= len(self.ahead):
            self.ahead, self._position = super()._sock_recv(max(bufsize, READ_BYTES)), 0
        piece = self.ahead[self._position : self._position + bufsize]
        self._position += len(piece)
        return piece

    @property
    def has_bytes(self) -> bool:
        """Whether bytes wait that select cannot see."""
        connection = self.socket()
        decrypted = connection.pending() if isinstance(connection, ssl.SSLSocket) else 0
        return self._position < len(self.ahead) or decrypted > 0

    def forget_bytes(self) -> None:
        """Drops what the last connection left."""
        self.ahead, self._position = b"", 0


class Subscriber:
    """The worker's one connection; `run` is its thread, everything else may be called from any thread."""

    def __init__(self, broker: BrokerAddress, inbox: Inbox, peers: Peers, clock: Clock) -> None:
        self._broker = broker
        self._inbox = inbox
        self._peers = peers
        self._clock = clock
        self._connection = 0
        self._subscriptions = 0
        self._alive_request: int | None = None
        self._outgoing = Outgoing()
        self._is_connected = False
        self._subscribed = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.settimeout(0)
        self._client = self._make_client()

    @property
    def is_subscribed(self) -> bool:
        """Whether the broker has granted the subscription of the present connection."""
        return self._subscribed.is_set()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hands a QoS 1 message over; while the broker is away a bounded number waits, more are dropped."""
        self._outgoing.put(Publish(topic, payload, retain))

    def acknowledge(self, message: Message) -> None:
        """Hands the MQTT acknowledgement over; void when the connection that brought the message is gone."""
        self._outgoing.put(Acknowledge(message.message_id, message.connection))

    def publish_many(self, messages: list[tuple[str, bytes]]) -> None:
        """Hands QoS 1 messages over in their order, as `publish` does each."""
        self._outgoing.put_many([Publish(topic, payload, retain=False) for topic, payload in messages])

    def acknowledge_many(self, messages: list[Message]) -> None:
        """Hands the MQTT acknowledgements over; they leave after every publish handed over before."""
        self._outgoing.put_many([Acknowledge(message.message_id, message.connection) for message in messages])

    def wake(self) -> None:
        """Makes the loop look at once for room in the inbox and for packets to send."""
        with suppress(BlockingIOError, OSError):
            self._wake_in.send(b"w")

    def announce(self) -> None:
        """Publishes this worker's sign of life, retained."""
        self.publish(topics.INGEST_ALIVE, self._peers.sign(self._clock()), retain=True)
        self.wake()

    def run(self, stop: threading.Event) -> None:
        """Connects, serves and connects again until told to stop; a broker that is away is no error."""
        pause_seconds = RETRY_SECONDS_MIN
        while not stop.is_set():
            before = self._subscriptions
            if self._has_room() and self._connect():
                while self._client.socket() is not None and not stop.is_set():
                    self._turn()
            if self._subscriptions > before:
                pause_seconds = RETRY_SECONDS_MIN
            stop.wait(pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311  # jitter is no secret
            pause_seconds = min(pause_seconds * 2, RETRY_SECONDS_MAX)
        self._close()

    def _make_client(self) -> ForesightedClient:
        client = ForesightedClient(CallbackAPIVersion.VERSION2, self._peers.own, protocol=MQTTv5, manual_ack=True)
        client.connect_timeout = CONNECT_SECONDS_MAX
        client.max_inflight_messages_set(0)  # no limit of paho's: the window is ours
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.is_encrypted:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = lambda *_: self._outgoing.arrived()
        # With this callback set, paho gathers packets for our loop instead of writing each at once.
        client.on_socket_register_write = lambda *_: None
        return client

    def _connect(self) -> bool:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.ReceiveMaximum = RECEIVE_MAX
        properties.MaximumPacketSize = PACKET_BYTES_MAX
        properties.SessionExpiryInterval = 0
        self._client.forget_bytes()
        try:
            self._client.connect(
                self._broker.host,
                self._broker.port,
                KEEPALIVE_SECONDS,
                clean_start=True,
                properties=properties,
            )
        except (OSError, ValueError) as error:
            log.warning("The broker does not answer", problem=str(error))
            return False
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            # Each packet is a write of its own; gathered by the kernel it would wait 40 ms for the peer's delayed ack.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True

    def _turn(self) -> None:
        connection = self._client.socket()
        if connection is None:
            return
        may_read = not self.is_subscribed or self._has_room()
        has_bytes = may_read and self._client.has_bytes
        wanted = [self._wake_out, connection] if may_read else [self._wake_out]
        writing = [connection] if self._client.want_write() else []
        readable, _, _ = select.select(wanted, writing, [], 0 if has_bytes else TURN_SECONDS)
        if self._wake_out in readable:
            with suppress(BlockingIOError):
                self._wake_out.recv(READ_BYTES)
        if has_bytes or connection in readable:
            self._read()
        self._send()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def _read(self) -> None:
        """Takes every packet that is here already, as long as there is room."""
        self._client.loop_read()
        while self._client.has_bytes and self._has_room() and self._client.socket() is not None:
            self._client.loop_read()

    def _send(self) -> None:
        if not self._is_connected:
            return
        if self._outgoing.is_full:
            log.error("The broker takes nothing; connecting anew")
            self._outgoing.clear()
            self._client.disconnect()
            return
        for item in self._outgoing.sendable():
            if isinstance(item, Publish):
                self._client.publish(item.topic, item.payload, qos=1, retain=item.retain)
            elif item.connection == self._connection:
                self._client.ack(item.message_id, 1)

    def _has_room(self) -> bool:
        """Whether to read on: a stalled window moves only by reading, so it may go a bounded way beyond the bounds."""
        return self._inbox.has_room(STALLED_SLACK if self._outgoing.is_stalled else 1)

    def _close(self) -> None:
        """Says goodbye if there is a connection; publishes still queued go out first, as far as the socket takes."""
        if self._client.socket() is not None:
            self._client.disconnect()
        for _ in range(CLOSE_TURNS_MAX):
            connection = self._client.socket()
            if connection is None or not self._client.want_write():
                break
            select.select([], [connection], [], TURN_SECONDS)
            self._client.loop_write()
        self._wake_in.close()
        self._wake_out.close()

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
        self._connection += 1
        self._is_connected = True
        self._peers.lost_touch()
        self._outgoing.set_window(getattr(properties, "ReceiveMaximum", None))
        self._alive_request = client.subscribe(topics.INGEST_ALIVE, qos=0)[1]

    def _on_subscribe(
        self,
        client: Client,
        _data: object,
        message_id: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(code.is_failure for code in codes):
            log.error("The broker refused a subscription", reasons=[str(code) for code in codes])
            client.disconnect()
        elif message_id == self._alive_request:
            # Workers hear of each other before either takes the first message of the other's gateways: our sign of
            # life must leave before our subscription.
            self.announce()
            self._send()
            client.subscribe(topics.shared(GROUP, topics.of_every_gateway(topics.Channel.DATA)), qos=1)
        else:
            self._subscriptions += 1
            self._subscribed.set()
            log.info("Subscribed", worker=self._peers.own, broker=f"{self._broker.host}:{self._broker.port}")

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._is_connected = False
        self._subscribed.clear()
        if code.is_failure:
            log.warning("The connection to the broker ended", reason=str(code))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        if topic == topics.INGEST_ALIVE:
            self._peers.heard(bytes(message.payload))
            return
        now_ms = self._clock()
        self._inbox.put(Message(topic, bytes(message.payload), message.mid, self._connection, now_ms))
