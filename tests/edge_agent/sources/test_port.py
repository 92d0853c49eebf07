from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_agent.app import make_source
from edge_agent.settings.source import (
    Ds01SerialSetting,
    Ds01TcpSetting,
    LoggerFolderSetting,
    ModbusRtuSetting,
    ModbusTcpSetting,
    OneWireSetting,
    SourceSetting,
)

if TYPE_CHECKING:
    from edge_agent.sources.port import Source


@pytest.mark.parametrize(
    "setting",
    [
        Ds01TcpSetting(port=9),
        Ds01SerialSetting(device="/nowhere"),
        ModbusTcpSetting(port=9),
        ModbusRtuSetting(device="/nowhere"),
        OneWireSetting(root="/nowhere"),
        LoggerFolderSetting(folder="/nowhere"),
    ],
)
def test_every_configured_kind_keeps_to_the_port(setting: SourceSetting) -> None:
    source: Source = make_source("gw", setting, lambda _name: None, lambda: 0)
    assert not source.is_connected()
    source.stop()
