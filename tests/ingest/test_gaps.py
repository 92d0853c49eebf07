"""What a real outbox sends leaves no gap at ingest but for what it let go of, whatever befalls the way."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.outbox.outbox import Intake, Outbox
from edge_agent.outbox.parcel import Moment, to_batch
from edge_agent.sample import AuxSample
from ingest.latest import Latest
from ingest.load import Load, acks, take_apart
from ingest.record import record
from ingest.writer import Writer
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm
from sheetal.ledger import telemetry
from tests.edge_agent.kit import MINUTE_MS, T0_MS, sample
from tests.ingest.given import GATEWAY, KEYS, NOW_MS, SENSOR, batch, message, minutes, row, sealed

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.outbox.parcel import Parcel
    from ingest.inbox import Message
    from sheetal.ledger.telemetry import SequenceGap
    from tests.ingest.conftest import Stores

LATER_MS = T0_MS + 10**10


class Worker:
    """Ingest without a broker: a load is stored, recorded and told; the flush comes when it is asked for."""

    def __init__(self, stores: Stores, now_ms: int = NOW_MS) -> None:
        self._stores = stores
        self._now_ms = now_ms
        self._writer = Writer(stores.readings, lambda: True)
        self.latest = Latest(stores.telemetry, lambda: now_ms)

    def carry(self, *messages: Message) -> list[object]:
        load = Load()
        for one in messages:
            load.add(one, take_apart(one, KEYS.get))
        written = self._writer.write(load.readings, self._now_ms)
        record(self._stores.telemetry, load, written, self._now_ms)
        self.latest.note(load.parts, written)
        return [sealed_ack.ack for sealed_ack in acks(load.parts, written.refused, self._now_ms)]

    def gaps(self) -> list[SequenceGap]:
        self.latest.settle()
        with self._stores.telemetry.read() as conn:
            return telemetry.gaps(conn)


def told(numbers: list[int]) -> Message:
    return message(sealed(batch([row(number, NOW_MS - 10**9 + number) for number in numbers])))


def missing(found: list[SequenceGap]) -> list[tuple[int, int]]:
    return [(one.first_sequence, one.last_sequence) for one in found]


def test_a_gap_shows_and_clears_when_it_is_filled(stores: Stores) -> None:
    worker = Worker(stores)
    worker.carry(told([1, 2, 3]), told([7, 8]))
    assert missing(worker.gaps()) == [(4, 6)]
    worker.carry(told([5]))
    assert missing(worker.gaps()) == [(4, 4), (6, 6)]
    worker.carry(told([4, 5, 6]))
    assert worker.gaps() == []


def test_what_is_refused_is_not_missing(stores: Stores) -> None:
    worker = Worker(stores)
    worker.carry(message(sealed(batch([*minutes(1, 2), row(3, 5), row(4, NOW_MS, quality=99), *minutes(5, 2)]))))
    assert worker.gaps() == []


def test_a_crash_before_the_flush_makes_a_gap_that_a_repetition_fills(stores: Stores) -> None:
    first = Worker(stores)
    first.carry(told([1, 2, 3]))
    first.gaps()
    first.carry(told([4, 5, 6]))  # acknowledged, but it dies before it tells
    second = Worker(stores)
    second.carry(told([7, 8]))
    assert missing(second.gaps()) == [(4, 6)]
    second.carry(told([4, 5, 6]))
    assert second.gaps() == []


def alarm(number: int, boot: int) -> DeviceAlarm:
    return DeviceAlarm(
        alarm=f"{SENSOR}/heat/{number}",
        gateway=GATEWAY,
        boot=boot,
        sensor=SENSOR,
        kind=AlarmKind.HEAT,
        began_at_ms=number,
        fired_at_ms=number,
        cleared_at_ms=None,
        extreme_centi_celsius=900,
        limit_centi_celsius=800,
        limit_minutes=600,
    )


def measure(box: Outbox, first: int, last: int) -> None:
    """A busy gateway: readings, values, alarms, now and then a reading outside its limits."""
    for number in range(first, last, 10):
        numbers = range(number, number + 10)
        aux = AuxSample("ilr1", T0_MS + number * MINUTE_MS, "TAMB", float(number))
        rows = [sample(one, 900 if one % 97 == 0 else 450, sensor=SENSOR, notable=one % 97 == 0) for one in numbers]
        box.add(Intake(rows=rows, aux=[aux], alarms=[alarm(number, box.boot)] if number % 50 == 0 else []))


def parcels(box: Outbox) -> list[Parcel]:
    found: list[Parcel] = []
    on_way: set[tuple[int, int]] = set()
    while parcel := box.next_batch(LATER_MS + 10**9, in_flight=on_way):
        found.append(parcel)
        on_way |= parcel.keys
    return found


@pytest.mark.parametrize(("rows_max", "thins"), [(100_000, False), (600, True)])
def test_what_an_outbox_sends_leaves_no_gap_but_for_what_it_dropped(
    stores: Stores, tmp_path: Path, rows_max: int, *, thins: bool
) -> None:
    worker = Worker(stores, LATER_MS)
    order = random.Random(7)
    for boot in range(2):
        with closing(Outbox(tmp_path / "o.db", clock=lambda: LATER_MS, rows_max=rows_max)) as box:
            measure(box, 1 + 800 * boot, 801 + 800 * boot)
    with closing(Outbox(tmp_path / "o.db", clock=lambda: LATER_MS, rows_max=rows_max)) as box:
        counts = box.counts()
        assert (counts.thinned > 0) is thins
        sent = [to_batch(parcel, GATEWAY, Moment(LATER_MS)) for parcel in parcels(box)]
        order.shuffle(sent)
        for one in [*sent, *sent[:3]]:
            for ack in worker.carry(message(sealed(one), at_ms=LATER_MS)):
                box.apply_ack(ack)  # type: ignore[arg-type]  # as it came
        assert box.counts().pending == 0
    found = worker.gaps()
    assert sum(one.numbers for one in found) == counts.dropped
    assert thins or counts.dropped == 0
