"""What the uplink hears from afar, what it tells there, and what it only counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from paho.mqtt.client import MQTTMessage

from edge_agent.outbox.outbox import Outbox
from edge_agent.settings.file import Settings, load_settings
from edge_agent.uplink.uplink import Question, Uplink
from sheetal.contracts.device_alarm import AlarmAck
from sheetal.contracts.topics import Channel, of_gateway
from sheetal.contracts.twin import TWIN_BYTES_MAX, Reported, TwinState
from tests.edge_agent.kit import GATEWAY, WRONG_KEY, FakeIngest, until, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.broker import EmbeddedBroker


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.db")
    yield opened
    opened.close()


@pytest.fixture
def settings(tmp_path: Path, broker: EmbeddedBroker) -> Settings:
    return load_settings(write_settings(tmp_path, broker.url, hub_port=1))


@pytest.fixture
def ingest(broker: EmbeddedBroker) -> Iterator[FakeIngest]:
    with FakeIngest(broker.port) as running:
        yield running
        running.clear_retained()


class FarOffice:
    """Hears everything and believes what begins with a brace."""

    revision = 1
    is_on_trial = False

    def __init__(self) -> None:
        self.heard: list[tuple[Channel, bytes]] = []

    def hear(self, channel: Channel, payload: bytes) -> bool:
        self.heard.append((channel, payload))
        return payload.startswith(b"{")

    def reported(self) -> Reported:
        config = msgspec.Raw(b'{"revision":%d}' % self.revision)
        return Reported(gateway=GATEWAY, boot=1, at_ms=1, version=3, state=TwinState.APPLIED, problem="", config=config)


@pytest.fixture
def office() -> FarOffice:
    return FarOffice()


@pytest.fixture
def managed(settings: Settings, box: Outbox, office: FarOffice) -> Iterator[Uplink]:
    running = Uplink(settings, box, remote=office)
    running.start()
    yield running
    running.stop()


def raw(ingest: FakeIngest, channel: Channel, payload: bytes, gateway: str = GATEWAY) -> None:
    ingest._client.publish(of_gateway(gateway, channel), payload, qos=1)


def test_what_is_managed_from_afar_is_told_on_connect_and_on_change(
    ingest: FakeIngest, managed: Uplink, office: FarOffice
) -> None:
    until(lambda: len(ingest.reports()) == 1)
    assert ingest.births()[0].twin_version == 3
    time.sleep(1.2)
    assert len(ingest.reports()) == 1
    office.revision = 2
    until(lambda: len(ingest.reports()) == 2)
    assert bytes(ingest.reports()[1].config) == b'{"revision":2}'
    assert managed.status().refused_messages == 0


def test_every_message_that_is_not_believed_is_counted(ingest: FakeIngest, managed: Uplink, office: FarOffice) -> None:
    until(lambda: managed.status().connected)
    for number in range(10):
        raw(ingest, Channel.DESIRED, b"{}" if number % 2 else b"forged")
        raw(ingest, Channel.COMMAND, b"{}" if number % 2 else b"forged")
        raw(ingest, Channel.ACK, b"forged")
        ingest.publish(Channel.ALARM_ACK, AlarmAck(gateway=GATEWAY, alarms=[]), WRONG_KEY)
        raw(ingest, Channel.DESIRED, b"x" * (TWIN_BYTES_MAX + 1))
        raw(ingest, Channel.DESIRED, b"")
        raw(ingest, Channel.DESIRED, b"{}", "gw-other")
    until(lambda: managed.status().refused_messages == 10 + 10 + 10 + 10)
    until(lambda: len(office.heard) == 20)
    assert managed.status().acks == 0


def test_another_gateways_topic_is_counted_even_if_a_broker_hands_it_over(
    ingest: FakeIngest, managed: Uplink, office: FarOffice, caplog: pytest.LogCaptureFixture
) -> None:
    for topic in (b"cc/v1/gw-other/desired", b"cc/v1/_/stored", b"\xff\xfe", b"cc/v1/gw-t/nonsense"):
        message = MQTTMessage(topic=topic)
        message.payload = b"{}"
        managed._on_message(managed._client(), None, message)
    assert managed.status().refused_messages == 4
    assert office.heard == []
    assert ingest.batches == []
    assert "not for this gateway" in caplog.text


def test_a_question_tells_nobody_that_it_was_there(settings: Settings, ingest: FakeIngest, box: Outbox) -> None:
    question = Question(settings, box)
    question.start()
    until(lambda: ingest.batches)
    question.stop()
    time.sleep(0.3)
    assert [told for told, _, retained in ingest.others if not retained] == []
    assert ingest.batches[0].rows == []
