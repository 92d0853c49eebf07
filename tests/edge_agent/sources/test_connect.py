from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.settings.source import (
    Ds01SerialSetting,
    Ds01TcpSetting,
    LoggerFolderSetting,
    ModbusRtuSetting,
    ModbusTcpSetting,
    OneWireSetting,
    SourceSetting,
)
from edge_agent.sources.connect import make_source
from edge_agent.sources.ds01_serial import Ds01SerialSource
from edge_agent.sources.ds01_tcp import Ds01TcpSource
from edge_agent.sources.logger_folder import LoggerFolderSource
from edge_agent.sources.polled import PolledSource

ROOT = Path(__file__).resolve().parents[3]
DRIVERS = {
    "Ds01TcpSetting(port=1)": set[str](),
    "OneWireSetting()": set[str](),
    "LoggerFolderSetting(folder='f')": set[str](),
    "Ds01SerialSetting(device='d')": set[str](),
    "ModbusTcpSetting()": {"pymodbus"},
}
SCRIPT = """
import sys
from edge_agent.settings.source import *
from edge_agent.sources.connect import make_source
make_source("gw", {setting}, lambda name: None, lambda: 0)
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {{"pymodbus", "serial", "segno", "cryptography"}}))
"""


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        (Ds01TcpSetting(port=9), Ds01TcpSource),
        (Ds01SerialSetting(device="d"), Ds01SerialSource),
        (ModbusTcpSetting(), PolledSource),
        (ModbusRtuSetting(device="d"), PolledSource),
        (OneWireSetting(), PolledSource),
        (LoggerFolderSetting(folder="f"), LoggerFolderSource),
    ],
)
def test_each_setting_makes_its_source(setting: SourceSetting, kind: type) -> None:
    made = make_source("gw", setting, lambda _name: None, lambda: 0)
    assert isinstance(made, kind)
    assert not made.is_connected()


@pytest.mark.parametrize("setting", DRIVERS)
def test_only_a_configured_driver_is_loaded(setting: str) -> None:
    command = [sys.executable, "-c", SCRIPT.format(setting=setting)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # pymodbus itself looks for pyserial.
    assert set(told.split()) - {"serial"} == DRIVERS[setting]
    assert "serial" not in told or DRIVERS[setting]
