"""MQTT in and out: the only module that knows paho.

The network thread only sorts: a wake-up is passed on at once, everything else waits in a bounded inbox for the worker.
What does not fit is dropped, for the gateway sends an alarm again until alerts itself acknowledges it.
"""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

import structlog
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from alerts.inbox import ALARMS_MAX, Inbox, Incoming
from sheetal.contracts import topics
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import TWIN_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from alerts.settings import BrokerAddress

KEEPALIVE_SECONDS = 30
CONNECT_SECONDS_MAX = 2.5
RETRY_SECONDS_MIN = 1
RETRY_SECONDS_MAX = 2
INBOX_MAX = ALARMS_MAX
OUT_QUEUED_MAX = 1_000
PAYLOAD_BYTES_MAX = TWIN_BYTES_MAX

log = structlog.get_logger()


class Subscriber:
    """The process's one connection to the broker; a broker that is away is waited for.

    `dropped` counts what was too large, or found no room.
    """

    def __init__(self, broker: BrokerAddress, client_id: str, wake: Callable[[], None]) -> None:
        self._broker = broker
        self._wake = wake
        self._inbox = Inbox(INBOX_MAX)
        self._subscribed = threading.Event()
        self._connections = 0
        self.dropped = 0
        self._client = self._make_client(client_id)

    @property
    def is_subscribed(self) -> bool:
        """Whether the broker has granted the subscriptions of the present connection."""
        return self._subscribed.is_set()

    @property
    def connections(self) -> int:
        """How many connections have come about so far."""
        return self._connections

    def start(self) -> None:
        """Connects and serves in a thread of its own, and connects again whenever the connection is lost."""
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_SECONDS, clean_start=True)
        self._client.loop_start()

    def close(self) -> None:
        """Says goodbye and stops the thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, seconds_max: float) -> Incoming | None:
        """The next message for the worker, if one comes in time."""
        return self._inbox.take(seconds_max)

    def put_back(self, message: Incoming) -> None:
        """Let what a gateway says of itself wait again, for it will not say it a second time."""
        self._inbox.put_back(message)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hands a QoS 1 message over; False while the broker is away, for then nobody would send it again."""
        if not self._subscribed.is_set():
            return False
        return int(self._client.publish(topic, payload, qos=1, retain=retain).rc) == 0

    def _make_client(self, client_id: str) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, manual_ack=True)
        client.connect_timeout = CONNECT_SECONDS_MAX
        client.reconnect_delay_set(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
        client.max_queued_messages_set(OUT_QUEUED_MAX)
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.is_encrypted:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_connect_fail = lambda _client, _data: log.warning("The broker does not answer")
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            log.error("The broker refused this service", reason=str(code))
            return
        wanted = [topics.STORED, *(topics.of_every_gateway(channel) for channel in HEARD)]
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in wanted])

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
            return
        self._connections += 1
        self._subscribed.set()
        log.info("Subscribed", broker=f"{self._broker.host}:{self._broker.port}")
        self._wake()

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._subscribed.clear()
        if code.is_failure:
            log.warning("The connection to the broker ended", reason=str(code))

    def _on_message(self, client: Client, _data: object, message: MQTTMessage) -> None:
        def acknowledge() -> None:
            client.ack(message.mid, message.qos)

        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        named = topics.parse(topic)
        if topic == topics.STORED:
            self._wake()
        elif named is not None and named.channel in HEARD:
            if self._take_in(Incoming(named.gateway, named.channel, bytes(message.payload), acknowledge)):
                return
            self.dropped += 1
        acknowledge()

    def _take_in(self, message: Incoming) -> bool:
        """Whether it waits for the worker now, who will acknowledge it."""
        told = {"gateway": message.gateway, "channel": message.channel.value}
        if len(message.payload) > PAYLOAD_BYTES_MAX:
            log.warning("A message that is too large is dropped", size_bytes=len(message.payload), **told)
            return False
        if not self._inbox.put(message):
            log.warning("Too much waits for the worker, a message is dropped", **told)
            return False
        return True


HEARD = (Channel.ALARM, Channel.BIRTH, Channel.STATE, Channel.REPORTED)
