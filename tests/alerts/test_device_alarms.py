from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts.device_alarms import acknowledgement, believe, keep
from sheetal.contracts import topics
from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, alarm_id
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.ledger import alarms, assets
from tests.alerts.given import FRIDGE, GATEWAY, KEY, OTHER, TVC, at
from tests.alerts.wire import alarm, sealed

if TYPE_CHECKING:
    from tests.alerts.given import World


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "bad_json"),
        (sealed(alarm(), key=b"y" * 32), "wrong_mac"),
        (sealed(alarm(), Channel.DATA), "wrong_mac"),
        (sealed(alarm(), gateway="gw-02"), "foreign_gateway"),
        (sealed(alarm(gateway="gw-02")), "foreign_sensor"),
        (sealed(alarm(sensor="gw-02.tvc")), "foreign_sensor"),
        (sealed(alarm(alarm="something else")), "bad_body"),
        (sealed({"alarm": "x"}), "bad_body"),
    ],
)
def test_what_must_not_be_believed_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(WireProblem) as refused:
        believe(payload, GATEWAY, KEY)
    assert refused.value.facts["reason"] == reason


def test_a_sealed_alarm_is_believed() -> None:
    assert believe(sealed(alarm()), GATEWAY, KEY) == alarm()


def test_an_alarm_and_its_end_are_kept_and_told_once_each(world: World) -> None:
    for said in (alarm(), alarm(), alarm(cleared=80), alarm(cleared=80), alarm()):
        assert keep(world.ledger, said, at(90))
    with world.ledger.read() as conn:
        (stored,) = alarms.alarms(conn)
    assert (stored.appliance_id, stored.cleared_at_ms) == (FRIDGE, at(80))
    assert sorted(notice.kind for notice in world.notices()) == ["device_alarm", "device_alarm_cleared"]


def test_an_alarm_belongs_to_where_its_sensor_was_when_it_fired(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TVC, OTHER, "coldest", at(70), at(70))
    keep(world.ledger, alarm(), at(90))
    with world.ledger.read() as conn:
        assert alarms.alarms(conn)[0].appliance_id == FRIDGE


def test_a_retired_gateway_of_nowhere_is_not_kept(world: World) -> None:
    assert not keep(world.ledger, alarm(gateway="gw-09", sensor="gw-09.tvc"), at(90))
    assert world.notices() == []


@pytest.mark.parametrize("cleared", [None, 80])
def test_the_acknowledgement_names_the_report_and_is_sealed(cleared: float | None) -> None:
    said = alarm(cleared=cleared)
    topic, payload = acknowledgement(said, KEY)
    assert topic == topics.of_gateway(GATEWAY, Channel.ALARM_ACK)
    ack = unseal(open_envelope(payload), Channel.ALARM_ACK, GATEWAY, KEY, msgspec.json.Decoder(AlarmAck))
    assert ack == AlarmAck(gateway=GATEWAY, alarms=[(said.alarm, cleared is not None)])


def test_the_alarm_of_a_silent_probe_is_kept_and_ends_like_every_other(world: World) -> None:
    facts = {"kind": AlarmKind.NO_DATA, "alarm": alarm_id(TVC, AlarmKind.NO_DATA, at(0)), "extreme_centi_celsius": 0}
    for said in (alarm(**facts), alarm(cleared=80, **facts)):
        assert believe(sealed(said), GATEWAY, KEY) == said
        assert keep(world.ledger, said, at(90))
    with world.ledger.read() as conn:
        (stored,) = alarms.alarms(conn)
    assert (stored.kind, stored.cleared_at_ms, stored.appliance_id) == ("no_data", at(80), FRIDGE)
