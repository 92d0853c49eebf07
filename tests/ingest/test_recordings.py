"""Batches that released gateways sent go the whole way: accepted, stored, recorded, acknowledged."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from ingest.inbox import Inbox, Message
from ingest.keys import KeyRing
from ingest.latest import Latest
from ingest.patience import Patience
from ingest.pipeline import Counts, Pipeline
from ingest.writer import Writer
from sheetal.contracts.batch import Ack, Batch
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel, of_gateway
from sheetal.ledger import telemetry
from tests.sheetal.contracts.recordings import Recording, name_of, recordings

if TYPE_CHECKING:
    from tests.ingest.conftest import RememberingBus, Stores

DATA = recordings(Channel.DATA)
MINUTE_MS = 60_000
DAY_MS = 86_400_000


def batch_of(recording: Recording) -> Batch:
    sealed = open_envelope(recording.payload)
    return unseal(sealed, Channel.DATA, sealed.gateway, recording.key, msgspec.json.Decoder(Batch))


def sequences(batch: Batch) -> set[int]:
    parts = (batch.rows, batch.aux, batch.days, batch.unplaced, batch.thinned)
    return {item.sequence for part in parts for item in part}


def replay(stores: Stores, bus: RememberingBus, recording: Recording, now_ms: int) -> Counts:
    """One turn of the service, with its own decoding, stores and answers."""
    gateway = open_envelope(recording.payload).gateway
    counts = Counts()
    pipeline = Pipeline(
        inbox=Inbox(),
        keys=KeyRing({gateway: recording.key}.get),
        writer=Writer(stores.readings, lambda: True),
        telemetry=stores.telemetry,
        latest=Latest(stores.telemetry, lambda: now_ms),
        bus=bus,
        patience=Patience(threading.Event()),
        clock=lambda: now_ms,
        counts=counts,
    )
    pipeline.inbox.put(Message(of_gateway(gateway, Channel.DATA), recording.payload, 1, 1, now_ms))
    pipeline.carry(pipeline.gather())
    return counts


def answered(bus: RememberingBus, recording: Recording) -> Ack:
    gateway = open_envelope(recording.payload).gateway
    (payload,) = [what for topic, what in bus.done if topic == of_gateway(gateway, Channel.ACK)]
    assert isinstance(payload, bytes)
    return unseal(open_envelope(payload), Channel.ACK, gateway, recording.key, msgspec.json.Decoder(Ack))


@pytest.mark.parametrize("years", [0, 5])
@pytest.mark.parametrize("recording", DATA, ids=name_of)
def test_a_recorded_batch_is_stored_whole_and_acknowledged_whole(
    stores: Stores, bus: RememberingBus, recording: Recording, years: int
) -> None:
    batch = batch_of(recording)
    now_ms = batch.sent_at_ms + MINUTE_MS + years * 365 * DAY_MS
    counts = replay(stores, bus, recording, now_ms)
    ack = answered(bus, recording)
    assert (ack.gateway, ack.boot, ack.refused) == (batch.gateway, batch.boot, [])
    named = {number for first, last in ack.stored for number in range(first, last + 1)}
    assert named == sequences(batch)
    assert counts.dead_letters == 0
    stored = {
        (reading.sensor, reading.measured_at_ms, reading.centi_celsius, reading.quality)
        for sensor in {row.sensor for row in batch.rows}
        for reading in stores.readings.read(sensor, 0, now_ms)
    }
    assert stored == {(row.sensor, row.measured_at_ms, row.centi_celsius, row.quality) for row in batch.rows}
    told = (counts.aux_values, counts.day_summaries, counts.unplaced, counts.thinned)
    assert told == tuple(len(part) for part in (batch.aux, batch.days, batch.unplaced, batch.thinned))
    assert ack.monotonic_ms == batch.monotonic_ms
    assert (ack.at_ms is None) is (batch.monotonic_ms is None)


@pytest.mark.parametrize("recording", DATA, ids=name_of)
def test_a_recorded_batch_that_comes_again_changes_nothing_and_is_answered_again(
    stores: Stores, bus: RememberingBus, recording: Recording
) -> None:
    now_ms = batch_of(recording).sent_at_ms + MINUTE_MS
    replay(stores, bus, recording, now_ms)
    first = answered(bus, recording)
    bus.done.clear()
    counts = replay(stores, bus, recording, now_ms)
    assert answered(bus, recording).stored == first.stored
    assert (counts.readings_new, counts.conflicts, counts.dead_letters) == (0, 0, 0)


def test_one_changed_byte_is_a_dead_letter_and_no_reading(stores: Stores, bus: RememberingBus) -> None:
    """The control: what these tests call accepted can be refused."""
    good = next(one for one in DATA if b'"rows":[[' in one.payload)
    bad = good._replace(payload=good.payload.replace(b'"rows":[[', b'"rows":[[1', 1))
    assert bad.payload != good.payload
    counts = replay(stores, bus, bad, batch_of(good).sent_at_ms + MINUTE_MS)
    assert counts.dead_letters == 1
    assert not any(topic.endswith("/ack") for topic, _ in bus.done)
    with stores.telemetry.read() as connection:
        assert [letter.reason for letter in telemetry.dead_letters(connection, 5)] == ["wrong_mac"]
