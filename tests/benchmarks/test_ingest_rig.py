from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from benchmarks import ingest_rig
from benchmarks.ack_counter import AckCounter
from benchmarks.ingest_rig import Fleet, carry, gateway_name, key_of, standing
from benchmarks.raw_publisher import RawPublisher, prepared
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch
from sheetal.contracts.clock import now_ms
from tests.stack.servers import INFLUXD, MOSQUITTO

if TYPE_CHECKING:
    from pathlib import Path

    from sheetal.contracts.reading import Reading

FLEETS = [Fleet(7), Fleet(3, 4, 10), Fleet(2, 3, 2), Fleet(1, 1, 60)]


def opened(fleet: Fleet, count: int, first: int = 0) -> list[Batch]:

    decoder, data = msgspec.json.Decoder(Batch), topics.Channel.DATA
    bodies = []
    for message in fleet.messages(count, first):
        sealed = seal.open_envelope(message.payload)
        assert message.topic == topics.of_gateway(sealed.gateway, data)
        bodies.append(seal.unseal(sealed, data, sealed.gateway, fleet.keys[sealed.gateway], decoder))
    return bodies


@pytest.mark.parametrize("fleet", FLEETS)
def test_messages_carry_the_rows_that_the_store_alone_is_given(fleet: Fleet) -> None:
    bodies = opened(fleet, 50, 11)
    rows = [(row.sensor, row.measured_at_ms, row.sequence) for body in bodies for row in body.rows]
    readings = fleet.readings(50, 11)
    assert rows == [(one.sensor, one.measured_at_ms, one.sequence) for one in readings]
    assert {len(body.rows) for body in bodies} == {fleet.rows_a_message}


@pytest.mark.parametrize("fleet", FLEETS)
def test_no_key_and_no_sequence_comes_twice_and_every_sensor_goes_forward(fleet: Fleet) -> None:
    readings = fleet.readings(20 * fleet.gateways)
    assert len({(one.sensor, one.measured_at_ms) for one in readings}) == len(readings)
    assert len({(one.sensor.partition(".")[0], one.sequence) for one in readings}) == len(readings)
    assert max(one.measured_at_ms for one in readings) < now_ms()
    by_sensor: dict[str, list[Reading]] = {}
    for one in readings:
        by_sensor.setdefault(one.sensor, []).append(one)
    assert all(same == sorted(same, key=lambda one: one.measured_at_ms) for same in by_sensor.values())
    assert set(by_sensor) <= set(fleet.sensors)


def test_gateways_speak_in_turn() -> None:
    assert [message.topic.split("/")[2] for message in Fleet(3).messages(4, 2)] == [
        gateway_name(number) for number in (2, 0, 1, 2)
    ]
    assert key_of("a") != key_of("b")


STORES = ["sqlite", pytest.param("influxdb1", marks=pytest.mark.stack)]


@pytest.mark.parametrize("store", STORES)
def test_what_is_carried_is_acknowledged_and_stored(store: str, tmp_path: Path) -> None:
    fleet = Fleet(gateways=5, sensors_a_gateway=2, rows_a_message=4)
    with (
        standing(store, fleet, tmp_path) as stand,
        stand.ingest(),
        AckCounter(stand.port) as acks,
        RawPublisher(stand.port) as publisher,
    ):
        assert carry(publisher, prepared(fleet.messages(20)), acks, 80) > 0
        assert carry(publisher, prepared(fleet.messages(10, 20)), acks, 40) > 0
        assert (acks.rows, acks.refused) == (120, 0)
        assert stand.rows_stored(fleet) == 120


def test_a_count_that_is_not_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_rig, "CARRY_SECONDS_MAX", 0.2)
    fleet = Fleet(2)
    with (
        standing("sqlite", fleet, tmp_path) as stand,
        AckCounter(stand.port) as acks,
        RawPublisher(stand.port) as publisher,
        pytest.raises(RuntimeError, match="0 of 2 readings"),
    ):
        carry(publisher, prepared(fleet.messages(2)), acks, 2)


def test_the_best_store_is_the_one_that_is_installed() -> None:
    assert ingest_rig.best_store() == ("influxdb1" if INFLUXD.exists() else "sqlite")


def test_without_mosquitto_the_embedded_broker_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_rig, "MOSQUITTO", MOSQUITTO.parent / "no-such-broker")
    with ingest_rig.broker_at(tmp_path) as url:
        assert url.startswith("mqtt://127.0.0.1:")
