from __future__ import annotations

import itertools
import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from edge_agent.clock.timeline import ClockSource
from edge_agent.outbox.aside import UNREADABLE
from edge_agent.outbox.outbox import Intake, Outbox
from edge_agent.outbox.parcel import Moment
from edge_agent.sample import DaySummaryDraft
from edge_agent.settings.file import UplinkSetting
from edge_agent.uplink.courier import FRESH_FLIGHTS, Courier, Identity
from sheetal.contracts.batch import Ack, Batch, RefusedRange, ranges
from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, DeviceAlarm
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel
from tests.edge_agent.kit import GATEWAY, KEY, MINUTE_MS, SENSOR, T0_MS, WRONG_KEY, sample

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.uplink.clock_questions import ClockQuestions
    from tests.edge_agent.conftest import SetClock

LATER_MS = T0_MS + 10**10
_batches = msgspec.json.Decoder(Batch)
_alarms = msgspec.json.Decoder(DeviceAlarm)
ALARM = DeviceAlarm(
    alarm="a",
    gateway=GATEWAY,
    boot=1,
    sensor=SENSOR,
    kind=AlarmKind.HEAT,
    began_at_ms=1,
    fired_at_ms=2,
    cleared_at_ms=None,
    extreme_centi_celsius=900,
    limit_centi_celsius=800,
    limit_minutes=600,
)


class Wire:
    """Takes what is published, until it is told not to."""

    def __init__(self) -> None:
        self.sent: list[tuple[Channel, bytes]] = []
        self.takes = 10**9

    def __call__(self, channel: Channel, payload: bytes) -> bool:
        if self.takes <= 0:
            return False
        self.takes -= 1
        self.sent.append((channel, payload))
        return True

    def batches(self) -> list[Batch]:
        told = [payload for channel, payload in self.sent if channel is Channel.DATA]
        self.sent.clear()
        return [unseal(open_envelope(one), Channel.DATA, GATEWAY, KEY, _batches) for one in told]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def courier(outbox: Outbox) -> Courier:
    return Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(), lambda low, _high: low)


def acked(batch: Batch, *sequences: int, key: bytes = KEY, channel: Channel = Channel.ACK) -> bytes:
    numbers = list(sequences) or [row.sequence for row in batch.rows]
    return seal(channel, GATEWAY, key, Ack(gateway=GATEWAY, boot=batch.boot, stored=ranges(numbers)))


def test_a_batch_is_sealed_and_sent_once(courier: Courier, outbox: Outbox, wire: Wire) -> None:
    outbox.add_rows([sample(number) for number in range(3)])
    courier.send_due(LATER_MS, 0.0, wire)
    courier.send_due(LATER_MS, 1.0, wire)
    [batch] = wire.batches()
    assert ([row.sequence for row in batch.rows], batch.sent_at_ms, batch.history) == ([1, 2, 3], LATER_MS, True)
    assert courier.items_in_flight == 3


def test_only_the_application_ack_ends_a_batch(courier: Courier, outbox: Outbox, wire: Wire) -> None:
    outbox.add_rows([sample(number) for number in range(3)])
    courier.send_due(LATER_MS, 0.0, wire)
    [batch] = wire.batches()
    assert courier.receive(Channel.ACK, acked(batch, 1, 2))
    assert (outbox.pending_count(), courier.items_in_flight) == (1, 1)
    courier.send_due(LATER_MS, 23.9, wire)
    assert wire.batches() == []
    courier.send_due(LATER_MS, 24.0, wire)
    [again] = wire.batches()
    assert ([row.sequence for row in again.rows], again.boot) == ([3], batch.boot)
    assert courier.receive(Channel.ACK, acked(again))
    courier.send_due(LATER_MS, 1_000.0, wire)
    assert (outbox.pending_count(), wire.batches()) == (0, [])


def test_an_ack_that_cannot_be_believed_settles_nothing(
    courier: Courier, outbox: Outbox, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add_rows([sample(0)])
    courier.send_due(LATER_MS, 0.0, wire)
    [batch] = wire.batches()
    foreign = seal(Channel.ACK, "gw-other", KEY, Ack(gateway=GATEWAY, boot=batch.boot, stored=[(0, 9)]))
    bad = [
        acked(batch, key=WRONG_KEY),
        acked(batch, channel=Channel.DATA),
        foreign,
        acked(batch).replace(b'"v":1', b'"v":2'),
        acked(batch)[:-5],
        b"",
        b"\xff" * 50,
        seal(Channel.ACK, GATEWAY, KEY, {"stored": "all"}),
    ]
    with caplog.at_level(logging.WARNING):
        assert [courier.receive(Channel.ACK, payload) for payload in bad] == [False] * len(bad)
    assert outbox.pending_count() == 1
    assert "wrong_mac" in caplog.text
    assert KEY.hex() not in caplog.text
    assert courier.receive(Channel.ACK, acked(batch))
    assert outbox.pending_count() == 0


def test_damaged_items_and_alarms_hold_nobody_up(courier: Courier, outbox: Outbox, wire: Wire, tmp_path: Path) -> None:
    days = [DaySummaryDraft(SENSOR, T0_MS, T0_MS + n, 2, 8, -50, 60, 800, 600, 0, 0, 0) for n in range(3)]
    heard = msgspec.structs.replace(ALARM, alarm="b")
    outbox.add(Intake(rows=[sample(0), sample(1)], days=days, alarms=[ALARM, heard]))
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as worn:
        worn.execute("UPDATE item SET body = x'7b' WHERE sequence IN (3, 5)")
        worn.execute("UPDATE item SET value = 'warm' WHERE sequence = 1")
        worn.execute("UPDATE alarm SET body = x'7b' WHERE alarm = 'a'")
        worn.commit()
    courier.send_due(LATER_MS, 0.0, wire)
    told = [payload for channel, payload in wire.sent if channel is Channel.ALARM]
    assert [unseal(open_envelope(one), Channel.ALARM, GATEWAY, KEY, _alarms) for one in told] == [heard]
    wire.sent = [one for one in wire.sent if one[0] is Channel.DATA]
    [batch] = wire.batches()
    assert ([row.sequence for row in batch.rows], [one.sequence for one in batch.days]) == ([2], [4])
    assert courier.receive(Channel.ACK, acked(batch, 2, 4))
    assert outbox.counts()[:3] == (0, 2, 4)
    assert {reason for _, reason in outbox.refusals()} == {UNREADABLE}


def test_refused_rows_are_kept_aside_and_not_sent_again(courier: Courier, outbox: Outbox, wire: Wire) -> None:
    outbox.add_rows([sample(0), sample(1)])
    courier.send_due(LATER_MS, 0.0, wire)
    [batch] = wire.batches()
    ack = Ack(gateway=GATEWAY, boot=batch.boot, stored=[(1, 1)], refused=[RefusedRange(2, 2, "implausible")])
    courier.receive(Channel.ACK, seal(Channel.ACK, GATEWAY, KEY, ack))
    courier.send_due(LATER_MS, 1_000.0, wire)
    assert wire.sent == []
    assert [(item.sequence, reason) for item, reason in outbox.refusals()] == [(2, "implausible")]


def test_flights_are_bounded_and_fresh_rows_always_find_a_place(outbox: Outbox, wire: Wire, clock: SetClock) -> None:
    courier = Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(backlog_rows_per_second=0))
    outbox.add_rows([sample(number) for number in range(10_000)])
    now_ms = T0_MS + 20_000 * MINUTE_MS
    courier.send_due(now_ms, 0.0, wire)
    batches = wire.batches()
    assert len(batches) == UplinkSetting().batches_in_flight_max - FRESH_FLIGHTS
    assert all(batch.history and len(batch.rows) == 500 for batch in batches)
    clock.at_ms = now_ms
    outbox.add_rows([sample(20_000, 900, notable=True)])
    courier.send_due(now_ms, 1.0, wire)
    [fresh] = wire.batches()
    assert (fresh.history, len(fresh.rows)) == (False, 1)


def test_history_goes_at_its_pace_and_fresh_rows_do_not_wait_for_it(
    courier: Courier, outbox: Outbox, wire: Wire, clock: SetClock
) -> None:
    outbox.add_rows([sample(number) for number in range(10_000)])
    now_ms = clock.at_ms = T0_MS + 20_000 * MINUTE_MS
    sent = []
    for tenth in range(100):
        courier.send_due(now_ms, tenth / 10, wire)
        for batch in wire.batches():
            sent.append((tenth, len(batch.rows)))
            courier.receive(Channel.ACK, acked(batch))
        if tenth == 55:
            outbox.add_rows([sample(20_000, 900, notable=True)])
    history = [(tenth, rows) for tenth, rows in sent if rows > 1]
    assert 5_000 <= sum(rows for _, rows in history) <= 6_000
    assert [tenth for tenth, _ in history][:2] == [0, 1]
    assert all(later - earlier >= 9 for (earlier, _), (later, _) in itertools.pairwise(history[1:]))
    assert (56, 1) in sent


def test_an_unanswered_batch_goes_ever_more_rarely_and_at_least_every_ten_minutes(outbox: Outbox, wire: Wire) -> None:
    for draw in (min, max):
        courier = Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(), draw)
        outbox.add_rows([sample(0)])
        times = []
        for second in range(4_000):
            courier.send_due(LATER_MS, float(second), wire)
            times += [second for batch in wire.batches() if batch.rows]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert gaps == ([24, 48, 96, 192, 384] if draw is min else [36, 72, 144, 288, 576]) + [600] * len(gaps[5:])
        assert len(gaps) >= 9


def test_an_ingest_that_comes_back_is_found_and_gets_everything_soon(outbox: Outbox, wire: Wire) -> None:
    courier = Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(backlog_rows_per_second=0), max)
    outbox.add_rows([sample(number) for number in range(4_000)])
    sent = []
    for second in range(7_200):
        courier.send_due(LATER_MS, float(second), wire)
        sent += [(second, batch) for batch in wire.batches()]
    assert max(later - earlier for (earlier, _), (later, _) in itertools.pairwise(sent)) == 60
    assert len([1 for _, batch in sent if not batch.rows]) > 60
    courier.receive(Channel.ACK, seal(Channel.ACK, GATEWAY, KEY, Ack(gateway=GATEWAY, boot=outbox.boot)))
    again = 0
    for second in range(7_200, 7_200 + 37):
        courier.send_due(LATER_MS, float(second), wire)
        again += sum(len(batch.rows) for batch in wire.batches())
    assert again == courier.items_in_flight == 3_000


def test_nothing_is_asked_while_answers_come(courier: Courier, outbox: Outbox, wire: Wire) -> None:
    for second in range(600):
        if second % 10 == 0:
            outbox.add_rows([sample(second)])
        courier.send_due(LATER_MS, float(second), wire)
        for batch in wire.batches():
            assert batch.rows
            courier.receive(Channel.ACK, acked(batch))


def test_with_a_single_flight_backlog_still_goes(outbox: Outbox, wire: Wire) -> None:
    narrow = Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(batches_in_flight_max=1))
    outbox.add_rows([sample(number) for number in range(600)])
    narrow.send_due(LATER_MS, 0.0, wire)
    assert [len(batch.rows) for batch in wire.batches()] == [500]


def test_what_the_broker_does_not_take_waits(outbox: Outbox, wire: Wire) -> None:
    courier = Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(backlog_rows_per_second=0))
    outbox.add_rows([sample(number) for number in range(1_500)])
    wire.takes = 1
    courier.send_due(LATER_MS, 0.0, wire)
    assert (len(wire.batches()), courier.items_in_flight) == (1, 500)
    wire.takes = 0
    courier.send_due(LATER_MS, 100.0, wire)
    assert courier.items_in_flight == 500
    wire.takes = 10
    courier.send_due(LATER_MS, 200.0, wire)
    assert len(wire.batches()) == 3


def test_after_a_lost_connection_everything_unanswered_goes_again_at_once(
    courier: Courier, outbox: Outbox, wire: Wire
) -> None:
    outbox.add(Intake(rows=[sample(0)], alarms=[ALARM]))
    courier.send_due(LATER_MS, 0.0, wire)
    assert len(wire.sent) == 2
    courier.forget_flights()
    courier.send_due(LATER_MS, 1.0, wire)
    assert len(wire.sent) == 4


def test_an_alarm_goes_first_and_again_until_it_is_named(courier: Courier, outbox: Outbox, wire: Wire) -> None:
    cleared = msgspec.structs.replace(ALARM, cleared_at_ms=9)
    outbox.add(Intake(rows=[sample(0)], alarms=[ALARM, cleared]))
    courier.send_due(LATER_MS, 0.0, wire)
    assert [channel for channel, _ in wire.sent] == [Channel.ALARM, Channel.ALARM, Channel.DATA]
    wire.sent.clear()
    courier.send_due(LATER_MS, 10.0, wire)
    assert wire.sent == []
    named = seal(Channel.ALARM_ACK, GATEWAY, KEY, AlarmAck(gateway=GATEWAY, alarms=[("a", False)]))
    assert not courier.receive(Channel.ALARM_ACK, named.replace(b'"mac":"', b'"mac":"0'))
    assert courier.receive(Channel.ALARM_ACK, named)
    courier.send_due(LATER_MS, 24.0, wire)
    told = [payload for channel, payload in wire.sent if channel is Channel.ALARM]
    assert [unseal(open_envelope(one), Channel.ALARM, GATEWAY, KEY, _alarms) for one in told] == [cleared]
    named = seal(Channel.ALARM_ACK, GATEWAY, KEY, AlarmAck(gateway=GATEWAY, alarms=[("a", True)]))
    assert courier.receive(Channel.ALARM_ACK, named)
    wire.sent.clear()
    courier.send_due(LATER_MS, 1_000.0, wire)
    assert [channel for channel, _ in wire.sent] == [Channel.DATA]


def test_only_acks_of_what_went_out_here_count_as_answers(courier: Courier, outbox: Outbox, wire: Wire) -> None:
    outbox.add_rows([sample(number) for number in range(3)])
    for stranger in (Ack(gateway=GATEWAY, boot=1, stored=[(1, 3)]), Ack(gateway=GATEWAY, boot=outbox.boot)):
        assert courier.receive(Channel.ACK, seal(Channel.ACK, GATEWAY, KEY, stranger))
    assert courier.answers == 0
    courier.send_due(LATER_MS, 0.0, wire)
    [batch] = wire.batches()
    courier.receive(Channel.ACK, acked(batch, key=WRONG_KEY))
    assert courier.answers == 0
    courier.receive(Channel.ACK, acked(batch))
    courier.receive(Channel.ACK, acked(batch))
    assert courier.answers == 1


class OneQuestion:
    """Questions whose every answer counts while something is open."""

    source = ClockSource.NTP

    def __init__(self) -> None:
        self.open: list[int] = []

    def is_due(self) -> bool:
        return False

    def is_worth_waiting(self) -> bool:
        return False

    def moment(self, _boot: int) -> Moment:
        self.open.append(7)
        return Moment(LATER_MS, 7, "ntp")

    def take(self, ack: Ack) -> bool:
        return ack.monotonic_ms in self.open


def test_a_proof_is_asked_for_every_ten_seconds_also_with_the_best_of_clocks(outbox: Outbox, wire: Wire) -> None:
    questions = OneQuestion()
    courier = Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(), questions=cast("ClockQuestions", questions))
    courier.send_due(LATER_MS, 0.0, wire)
    assert wire.batches() == []
    wire.takes = 0
    courier.prove(1.0, wire)
    wire.takes = 9
    courier.prove(1.5, wire)
    courier.prove(11.4, wire)
    [asked] = wire.batches()
    assert (asked.monotonic_ms, asked.rows, asked.boot) == (7, [], outbox.boot)
    courier.prove(11.5, wire)
    assert len(wire.batches()) == 1
    told = Ack(gateway=GATEWAY, boot=outbox.boot, at_ms=T0_MS, monotonic_ms=7)
    courier.receive(Channel.ACK, seal(Channel.ACK, GATEWAY, KEY, told))
    assert courier.answers == 1
