"""A gateway's end of the wire for tests: a real MQTT 5 client that publishes sealed messages and collects answers."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from sheetal.contracts import topics
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm, alarm_id
from sheetal.contracts.seal import seal
from sheetal.contracts.topics import Channel
from tests.alerts.given import GATEWAY, KEY, TVC, at

if TYPE_CHECKING:
    from types import TracebackType


def alarm(*, cleared: float | None = None, sensor: str = TVC, **changes: object) -> DeviceAlarm:
    facts: dict[str, object] = {
        "alarm": alarm_id(sensor, AlarmKind.FREEZE, at(0)),
        "gateway": GATEWAY,
        "boot": 7,
        "sensor": sensor,
        "kind": AlarmKind.FREEZE,
        "began_at_ms": at(0),
        "fired_at_ms": at(60),
        "cleared_at_ms": None if cleared is None else at(cleared),
        "extreme_centi_celsius": -180,
        "limit_centi_celsius": -50,
        "limit_minutes": 60,
    }
    return DeviceAlarm(**(facts | changes))  # type: ignore[arg-type]


def sealed(body: object, channel: Channel = Channel.ALARM, *, key: bytes = KEY, gateway: str = GATEWAY) -> bytes:
    return seal(channel, gateway, key, body)


class GatewayClient:
    """Connected once entered; `heard` holds what came down."""

    def __init__(self, port: int, gateway: str = GATEWAY) -> None:
        self.gateway = gateway
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._port = port
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, f"test-{gateway}", protocol=MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, clean_start=True)
        self._client.loop_start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, payload: bytes, channel: Channel = Channel.ALARM, *, retain: bool = False) -> None:
        topic = topics.of_gateway(self.gateway, channel)
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def wake(self) -> None:
        self._client.publish(topics.STORED, b'{"sensors":[],"stored_at_ms":1}', qos=1).wait_for_publish(10)

    def hears(self, topic: str, seconds: float = 30) -> bytes | None:
        while True:
            try:
                found, payload = self.heard.get(timeout=seconds)
            except queue.Empty:
                return None
            if found == topic:
                return payload

    def _on_connect(self, client: Client, *_: object) -> None:
        wanted = [topics.of_gateway(self.gateway, channel) for channel in topics.DOWN] + [topics.SEAL]
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in wanted])

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.put((message.topic, bytes(message.payload)))
