from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge_agent.settings.source import (
    Ds01SerialSetting,
    Ds01TcpSetting,
    LoggerFolderSetting,
    LoggerProbe,
    ModbusProbe,
    ModbusRtuSetting,
    ModbusTcpSetting,
    OneWireProbe,
    OneWireSetting,
    ProbeSetting,
    Register,
    SourceSetting,
)
from edge_agent.sources.need import JUDGED, need_of

REGISTER = Register(address=1)
ALL: list[SourceSetting] = [
    Ds01TcpSetting(port=9, probe=(ProbeSetting(probe="p"),)),
    Ds01SerialSetting(device="/dev/ttyUSB0", probe=(ProbeSetting(probe="p"),)),
    ModbusTcpSetting(probe=(ModbusProbe(probe="p", register=REGISTER),)),
    ModbusRtuSetting(device="/dev/ttyS0", probe=(ModbusProbe(probe="p", register=REGISTER),)),
    OneWireSetting(probe=(OneWireProbe(probe="p", device="28-0000072431ac"),)),
    LoggerFolderSetting(folder="/media", probe=(LoggerProbe(probe="p"),)),
]
HUBS, POLLED, FOLDER = ALL[:2], ALL[2:5], ALL[5]
OTHER: dict[str, Any] = {
    "probe": "q",
    "field": "TFRZ",
    "appliance": "ILR-7",
    "interval_ms": 5_000,
    "register": Register(address=2),
    "device": "28-0000072431ad",
    "serial": "160400301257",
    "file": "*.csv",
    "column": "T",
    "fahrenheit": True,
}


def with_other(setting: SourceSetting, name: str, value: object) -> SourceSetting:
    return msgspec.structs.replace(setting, probe=(msgspec.structs.replace(setting.probe[0], **{name: value}),))


@pytest.mark.parametrize("setting", ALL, ids=lambda one: type(one).__name__)
def test_limits_and_alarms_are_not_the_drivers(setting: SourceSetting) -> None:
    for name in JUDGED:
        before = getattr(setting.probe[0], name)
        changed = with_other(setting, name, not before if isinstance(before, bool) else before + 7)
        assert changed != setting
        assert need_of(changed) == need_of(setting)


@pytest.mark.parametrize("setting", ALL, ids=lambda one: type(one).__name__)
def test_all_else_of_a_probe_is_the_drivers_but_what_its_kind_never_reads(setting: SourceSetting) -> None:
    names = {field.name for field in msgspec.structs.fields(type(setting.probe[0]))} - set(JUDGED)
    unread = {name for name in names if need_of(with_other(setting, name, OTHER[name])) == need_of(setting)}
    if setting in HUBS:
        assert unread == {"interval_ms"}
    elif setting in POLLED:
        assert unread == {"appliance"}
    else:
        assert unread == {"interval_ms", "appliance"}


def test_the_device_itself_is_a_need() -> None:
    hub = Ds01TcpSetting(port=9)
    assert need_of(hub) == hub
    assert need_of(msgspec.structs.replace(hub, port=10)) != need_of(hub)
    assert need_of(msgspec.structs.replace(hub, aux_fields=())) != need_of(hub)
    bus = ModbusTcpSetting(timeout_seconds=1.0)
    assert need_of(msgspec.structs.replace(bus, timeout_seconds=0.5)) != need_of(bus)


def test_two_sources_of_one_device_are_told_apart_by_their_probes() -> None:
    first = Ds01TcpSetting(port=9, probe=(ProbeSetting(probe="p"),))
    second = Ds01TcpSetting(port=9, probe=(ProbeSetting(probe="q"),))
    assert need_of(first) != need_of(second)
