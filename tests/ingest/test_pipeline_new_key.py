"""A gateway that is taken in anew while ingest still remembers its earlier key."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from ingest.inbox import Inbox
from ingest.keys import KeyRing
from ingest.latest import Latest
from ingest.patience import Patience
from ingest.pipeline import Counts, Pipeline
from ingest.writer import Writer
from sheetal.contracts.problem import WireProblem
from sheetal.ledger import telemetry
from tests.ingest.given import GATEWAY, KEYS, NOW_MS, SENSOR, batch, message, opened_ack, row, sealed

if TYPE_CHECKING:
    from tests.ingest.conftest import RememberingBus, Stores

NEW_KEY = b"n" * 32


class Office:
    """The ledger's keys, and how often they were asked for."""

    def __init__(self) -> None:
        self.keys = dict(KEYS)
        self.asked = 0

    def look_up(self, gateway: str) -> bytes | None:
        self.asked += 1
        return self.keys.get(gateway)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def pipeline(stores: Stores, bus: RememberingBus, office: Office) -> Pipeline:
    return Pipeline(
        inbox=Inbox(),
        keys=KeyRing(office.look_up),
        writer=Writer(stores.readings, lambda: True),
        telemetry=stores.telemetry,
        latest=Latest(stores.telemetry, lambda: NOW_MS),
        bus=bus,
        patience=Patience(threading.Event()),
        clock=lambda: NOW_MS,
        counts=Counts(),
    )


def send(pipeline: Pipeline, payload: bytes) -> None:
    pipeline.inbox.put(message(payload))
    while len(pipeline.inbox):
        pipeline.carry(pipeline.gather())


def letters(stores: Stores) -> list[telemetry.DeadLetter]:
    with stores.telemetry.read() as connection:
        return telemetry.dead_letters(connection, 100)


def test_its_first_batch_is_stored_and_acknowledged_under_the_new_key(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, office: Office
) -> None:
    send(pipeline, sealed(batch([row(1)])))
    office.keys[GATEWAY] = NEW_KEY
    send(pipeline, sealed(batch([row(2, NOW_MS - 1)]), NEW_KEY))
    assert letters(stores) == []
    assert len(stores.readings.read(SENSOR, 0, NOW_MS * 2)) == 2
    answers = [payload for topic, payload in bus.done if topic.endswith("/ack")]
    with pytest.raises(WireProblem):
        opened_ack(answers[-1])  # type: ignore[arg-type]  # the earlier key does not open it


def test_what_the_earlier_key_sealed_is_refused_from_then_on(
    stores: Stores, pipeline: Pipeline, office: Office
) -> None:
    send(pipeline, sealed(batch([row(1)])))
    office.keys[GATEWAY] = NEW_KEY
    send(pipeline, sealed(batch([row(2, NOW_MS - 1)]), NEW_KEY))
    send(pipeline, sealed(batch([row(3, NOW_MS - 2)])))
    assert [one.reason for one in letters(stores)] == ["wrong_mac"]


def test_forged_batches_do_not_make_it_ask_the_ledger_each_time(
    stores: Stores, pipeline: Pipeline, office: Office
) -> None:
    for number in range(20):
        send(pipeline, sealed(batch([row(number)]), b"forged by somebody with patience"))
    assert office.asked == 2
    assert letters(stores)[0].reason == "wrong_mac"
