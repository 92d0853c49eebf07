from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_agent.clock.timeline import ROUND_TRIP_MS_MAX, Answer, ClockSource
from edge_agent.outbox.outbox import Intake
from edge_agent.outbox.placing import told
from edge_agent.settings.clock import ClockSetting
from edge_agent.settings.file import UplinkSetting
from edge_agent.uplink.clock_questions import ClockQuestions
from edge_agent.uplink.courier import Courier, Identity
from sheetal.contracts.batch import Ack, Batch
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel
from tests.edge_agent.kit import GATEWAY, KEY, SENSOR, T0_MS, WRONG_KEY, sample

if TYPE_CHECKING:
    from edge_agent.outbox.outbox import Outbox

_batches = msgspec.json.Decoder(Batch)
ALARM = DeviceAlarm(
    alarm="a",
    gateway=GATEWAY,
    boot=1,
    sensor=SENSOR,
    kind=AlarmKind.FREEZE,
    began_at_ms=1,
    fired_at_ms=2,
    cleared_at_ms=None,
    extreme_centi_celsius=-90,
    limit_centi_celsius=-50,
    limit_minutes=60,
)


class SetTime:
    def __init__(self) -> None:
        self.source = ClockSource.NONE
        self.at_ms = 5_000
        self.heard: list[Answer] = []

    def now_ms(self) -> int:
        return T0_MS + self.at_ms

    def monotonic_ms(self) -> int:
        return self.at_ms

    def hear(self, answer: Answer) -> None:
        self.heard.append(answer)
        self.source = ClockSource.ACK


class Wire:
    def __init__(self) -> None:
        self.sent: list[tuple[Channel, bytes]] = []
        self.is_open = True

    def __call__(self, channel: Channel, payload: bytes) -> bool:
        if self.is_open:
            self.sent.append((channel, payload))
        return self.is_open

    def channels(self) -> list[Channel]:
        return [channel for channel, _ in self.sent]

    def batches(self) -> list[Batch]:
        payloads = [payload for channel, payload in self.sent if channel is Channel.DATA]
        return [unseal(open_envelope(one), Channel.DATA, GATEWAY, KEY, _batches) for one in payloads]


@pytest.fixture
def time() -> SetTime:
    return SetTime()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def courier(outbox: Outbox, time: SetTime) -> Courier:
    questions = ClockQuestions(time, ClockSetting(), outbox.boot)
    return Courier(Identity(GATEWAY, KEY), outbox, UplinkSetting(), lambda low, _high: low, questions)


def answer(batch: Batch, at_ms: int = T0_MS, key: bytes = KEY) -> bytes:
    return seal(
        Channel.ACK, GATEWAY, key, Ack(gateway=GATEWAY, boot=batch.boot, at_ms=at_ms, monotonic_ms=batch.monotonic_ms)
    )


def test_an_empty_message_asks_for_the_time_and_its_answer_is_handed_over(
    courier: Courier, outbox: Outbox, wire: Wire, time: SetTime
) -> None:
    courier.send_due(T0_MS, 0.0, wire)
    [question] = wire.batches()
    assert question == Batch(
        gateway=GATEWAY, boot=outbox.boot, sent_at_ms=T0_MS + 5_000, clock_source="none", monotonic_ms=5_000
    )
    time.at_ms += 300
    assert courier.receive(Channel.ACK, answer(question))
    assert time.heard == [Answer(T0_MS, 5_000, 5_300)]
    courier.send_due(T0_MS, 1.0, wire)
    assert len(wire.sent) == 1


def test_every_message_with_readings_asks_too(courier: Courier, outbox: Outbox, wire: Wire, time: SetTime) -> None:
    time.source = ClockSource.NTP
    outbox.add_rows([sample(0)])
    courier.send_due(T0_MS + 10**9, 0.0, wire)
    [batch] = wire.batches()
    assert (len(batch.rows), batch.monotonic_ms, batch.clock_source) == (1, 5_000, "ntp")
    courier.receive(Channel.ACK, answer(batch))
    assert len(time.heard) == 1


def test_a_forged_answer_says_nothing_of_the_time(courier: Courier, wire: Wire, time: SetTime) -> None:
    courier.send_due(T0_MS, 0.0, wire)
    [question] = wire.batches()
    assert not courier.receive(Channel.ACK, answer(question, key=WRONG_KEY))
    moved = seal(
        Channel.ALARM_ACK, GATEWAY, KEY, Ack(gateway=GATEWAY, boot=question.boot, at_ms=T0_MS, monotonic_ms=5_000)
    )
    assert not courier.receive(Channel.ACK, moved)
    assert time.heard == []
    assert courier.receive(Channel.ACK, answer(question))


def test_a_new_connection_asks_again_and_takes_no_old_answer(courier: Courier, wire: Wire, time: SetTime) -> None:
    courier.send_due(T0_MS, 0.0, wire)
    courier.forget_flights()
    [before] = wire.batches()
    time.at_ms += 1_000
    courier.send_due(T0_MS, 1.0, wire)
    courier.receive(Channel.ACK, answer(before))
    assert time.heard == []
    courier.receive(Channel.ACK, answer(wire.batches()[1]))
    assert len(time.heard) == 1


def test_an_alarm_waits_for_the_first_answer(courier: Courier, outbox: Outbox, wire: Wire) -> None:
    outbox.add(Intake(alarms=[ALARM]))
    courier.send_due(T0_MS, 0.0, wire)
    assert wire.channels() == [Channel.DATA]
    courier.receive(Channel.ACK, answer(wire.batches()[0]))
    courier.send_due(T0_MS, 0.5, wire)
    assert wire.channels() == [Channel.DATA, Channel.ALARM]
    assert outbox.mark(told(ALARM.alarm)) is None, "its instant is final"


def test_but_not_for_an_ingest_that_is_away_and_then_it_keeps_its_instant(
    courier: Courier, outbox: Outbox, wire: Wire, time: SetTime
) -> None:
    outbox.add(Intake(alarms=[ALARM]))
    courier.send_due(T0_MS, 0.0, wire)
    time.at_ms += ROUND_TRIP_MS_MAX
    courier.send_due(T0_MS, 10.0, wire)
    assert wire.channels() == [Channel.DATA, Channel.ALARM]
    assert outbox.mark(told(ALARM.alarm)) == ""


def test_it_is_noted_as_told_before_it_leaves(courier: Courier, outbox: Outbox, wire: Wire, time: SetTime) -> None:
    outbox.add(Intake(alarms=[ALARM]))
    courier.send_due(T0_MS, 0.0, wire)
    time.at_ms += ROUND_TRIP_MS_MAX
    wire.is_open = False
    courier.send_due(T0_MS, 10.0, wire)
    assert outbox.mark(told(ALARM.alarm)) == "", "what the broker was offered may have arrived"
