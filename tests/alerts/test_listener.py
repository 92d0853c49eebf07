from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts import device_alarms
from alerts.inbox import Incoming
from alerts.keys import Keys
from alerts.listener import Listener
from alerts.subscriber import HEARD
from sheetal.contracts import topics
from sheetal.contracts.device_alarm import alarm_id
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Reported, TwinState
from sheetal.ledger import alarms, enrolment, gateway_twins
from tests.alerts.given import FACILITY, GATEWAY, at
from tests.alerts.wire import alarm, sealed

if TYPE_CHECKING:
    from sheetal.contracts.device_alarm import DeviceAlarm
    from sheetal.ledger.connect import Ledger
    from tests.alerts.given import World


class Line:
    """Both ends of a wire in memory."""

    def __init__(self) -> None:
        self.coming: list[Incoming] = []
        self.published: list[str] = []
        self.acknowledged = 0

    def take(self, seconds_max: float) -> Incoming | None:
        del seconds_max
        return self.coming.pop(0) if self.coming else None

    def put_back(self, message: Incoming) -> None:
        self.coming.append(message)

    def publish(self, topic: str, payload: bytes) -> bool:
        del payload
        self.published.append(topic)
        return True

    def bring(self, payload: bytes, channel: Channel = Channel.ALARM, gateway: str = GATEWAY) -> Incoming:
        def acknowledge() -> None:
            self.acknowledged += 1

        self.coming.append(Incoming(gateway, channel, payload, acknowledge))
        return self.coming[-1]


def listener(world: World, line: Line) -> Listener:
    def clock() -> int:
        return at(100)

    return Listener(line, world.ledger, Keys(world.ledger, world.cipher, clock), clock)


def kept(world: World) -> int:
    with world.ledger.read() as conn:
        return len(alarms.alarms(conn))


def test_an_alarm_is_acknowledged_only_after_it_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    real = device_alarms.keep

    def keep(ledger: Ledger, said: DeviceAlarm, now_ms: int) -> bool:
        assert line.published == []
        return real(ledger, said, now_ms)

    monkeypatch.setattr(device_alarms, "keep", keep)
    listener(world, line).deal_with(line.bring(sealed(alarm())))
    assert (kept(world), line.published, line.acknowledged) == (
        1,
        [topics.of_gateway(GATEWAY, Channel.ALARM_ACK)],
        1,
    )


def test_a_ledger_that_is_away_acknowledges_nothing_to_the_gateway(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> bool:
        raise Unavailable("the ledger does not answer")

    line = Line()
    monkeypatch.setattr(device_alarms, "keep", away)
    listener(world, line).deal_with(line.bring(sealed(alarm())))
    assert (line.published, line.acknowledged) == ([], 1)
    line.coming.clear()
    monkeypatch.setattr(gateway_twins, "put_reported", away)
    one, report = listener(world, line), sealed(REPORT, Channel.REPORTED)
    assert not one.deal_with(line.bring(report, Channel.REPORTED))
    assert [message.payload for message in line.coming] == [report, report], "it waits, for nobody brings it again"
    monkeypatch.undo()
    assert one.deal_with(line.coming.pop())
    assert reported(world) == REPORT


@pytest.mark.parametrize(
    ("payload", "gateway"),
    [(b"\xff\xfe", GATEWAY), (sealed(alarm(), key=b"q" * 32), GATEWAY), (sealed(alarm()), "gw-77")],
    ids=["rubbish", "forged", "not enrolled"],
)
def test_what_is_refused_is_counted_and_never_answered(world: World, payload: bytes, gateway: str) -> None:
    line = Line()
    one = listener(world, line)
    one.deal_with(line.bring(payload, gateway=gateway))
    assert (one.refused, kept(world), line.published, line.acknowledged) == (1, 0, [], 1)


def test_a_message_that_cannot_be_kept_does_not_silence_the_next(world: World) -> None:
    line = Line()
    one = listener(world, line)
    said = alarm()
    before_time = msgspec.structs.replace(said, began_at_ms=-1, alarm=alarm_id(said.sensor, said.kind, -1))
    one.deal_with(line.bring(sealed(before_time)))
    assert (one.refused, kept(world), line.published, line.acknowledged) == (1, 0, [], 1)
    one.deal_with(line.bring(sealed(said)))
    assert (kept(world), len(line.published)) == (1, 1)


REPORT = Reported(
    gateway=GATEWAY,
    boot=1,
    at_ms=at(50),
    version=0,
    state=TwinState.AS_INSTALLED,
    problem="",
    config=msgspec.Raw(b"{}"),
)


def reported(world: World) -> Reported | None:
    with world.ledger.read() as conn:
        return gateway_twins.twin(conn, GATEWAY).reported


def test_a_report_is_kept_and_a_forged_one_is_counted(world: World) -> None:
    line = Line()
    one = listener(world, line)
    one.deal_with(line.bring(sealed(REPORT, Channel.REPORTED, key=b"q" * 32), Channel.REPORTED))
    assert (one.refused, reported(world)) == (1, None)
    one.deal_with(line.bring(sealed(REPORT, Channel.REPORTED), Channel.REPORTED))
    assert (one.refused, reported(world), line.acknowledged, line.published) == (1, REPORT, 2, [])


def test_each_kind_of_message_that_must_not_be_believed_is_counted(world: World) -> None:
    line = Line()
    one = listener(world, line)
    for channel in HEARD:
        one.deal_with(line.bring(b"{}", channel))
    assert (one.refused, line.acknowledged) == (len(HEARD), len(HEARD))


def test_the_first_message_under_a_new_key_is_believed(world: World) -> None:
    line = Line()
    one = listener(world, line)
    one.deal_with(line.bring(sealed(REPORT, Channel.REPORTED), Channel.REPORTED))
    with world.ledger.write() as conn:
        code = enrolment.issue_code(conn, GATEWAY, FACILITY, "ravi", at(100))
        found = enrolment.redeem(conn, world.cipher, GATEWAY, code, at(100))
    assert found is not None
    again = msgspec.structs.replace(REPORT, boot=2)
    one.deal_with(line.bring(sealed(again, Channel.REPORTED, key=found.key), Channel.REPORTED))
    assert (one.refused, reported(world)) == (0, again)
    one.deal_with(line.bring(sealed(REPORT, Channel.REPORTED), Channel.REPORTED))
    assert (one.refused, reported(world)) == (1, again)


def test_it_runs_until_it_is_told_to_stop(world: World) -> None:
    line, stop = Line(), threading.Event()
    line.bring(sealed(alarm()))
    thread = threading.Thread(target=listener(world, line).run, args=(stop,))
    thread.start()
    while not line.published:
        thread.join(0.01)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
