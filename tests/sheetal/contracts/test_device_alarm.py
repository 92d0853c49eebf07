from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, DeviceAlarm, alarm_id

FIRED = DeviceAlarm(
    alarm=alarm_id("gw-01.a", AlarmKind.FREEZE, 1_000),
    gateway="gw-01",
    boot=1,
    sensor="gw-01.a",
    kind=AlarmKind.FREEZE,
    began_at_ms=1_000,
    fired_at_ms=3_601_000,
    cleared_at_ms=None,
    extreme_centi_celsius=-120,
    limit_centi_celsius=-50,
    limit_minutes=60,
)


def test_an_alarm_comes_back_as_it_was_sent() -> None:
    assert msgspec.json.decode(msgspec.json.encode(FIRED), type=DeviceAlarm) == FIRED


def test_every_report_of_one_alarm_has_one_id() -> None:
    assert FIRED.alarm == "gw-01.a/freeze/1000"
    others = {
        alarm_id("gw-01.b", AlarmKind.FREEZE, 1_000),
        alarm_id("gw-01.a", AlarmKind.HEAT, 1_000),
        alarm_id("gw-01.a", AlarmKind.FREEZE, 1_001),
    }
    assert len(others | {FIRED.alarm}) == 4


def test_the_longest_id_fits_its_column() -> None:
    longest = alarm_id("g" * 48 + "." + "s" * 64, AlarmKind.NO_DATA, 32_503_680_000_000)
    assert len(longest) <= 200


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="kind"):
        msgspec.convert({**msgspec.to_builtins(FIRED), "kind": "fire"}, DeviceAlarm)


def test_an_ack_tells_firing_from_clearing() -> None:
    ack = AlarmAck(gateway="gw-01", alarms=[(FIRED.alarm, False), (FIRED.alarm, True)])
    assert msgspec.json.decode(msgspec.json.encode(ack), type=AlarmAck) == ack
