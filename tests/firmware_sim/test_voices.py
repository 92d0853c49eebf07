from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from firmware_sim.protocols.ds01 import Ds01Voice
from firmware_sim.protocols.ds01_serial import SerialVoice
from firmware_sim.protocols.modbus import ModbusVoice
from firmware_sim.protocols.sysfs import OneWireVoice
from firmware_sim.scenario import HubProtocol, Scenario
from firmware_sim.voices import Spot, voice_of
from sheetal.contracts.problem import SettingProblem
from tests.firmware_sim.given import SMALL

if TYPE_CHECKING:
    from firmware_sim.protocols.port import Voice

SCENARIO = msgspec.toml.decode(SMALL, type=Scenario)


def of(protocol: HubProtocol, folder: Path | None = Path("somewhere")) -> Voice:
    hub = msgspec.structs.replace(SCENARIO.hubs[0], protocol=protocol)
    return voice_of(SCENARIO, hub, Spot("127.0.0.1", 7100, folder))


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [
        (HubProtocol.DS01, Ds01Voice),
        (HubProtocol.DS01_SERIAL, SerialVoice),
        (HubProtocol.MODBUS, ModbusVoice),
        (HubProtocol.ONE_WIRE, OneWireVoice),
    ],
)
def test_a_hub_gets_the_voice_that_it_asks_for(protocol: HubProtocol, kind: type) -> None:
    assert isinstance(of(protocol), kind)


def test_only_what_appears_in_a_folder_needs_one() -> None:
    assert of(HubProtocol.DS01, None)
    assert of(HubProtocol.MODBUS, None)
    for protocol in (HubProtocol.DS01_SERIAL, HubProtocol.ONE_WIRE):
        with pytest.raises(SettingProblem, match=f"gw-01 speaks {protocol} and needs --folder"):
            of(protocol, None)


def test_a_hub_remembers_as_long_as_the_scenario_says() -> None:
    short = msgspec.structs.replace(SCENARIO, backlog_minutes=30)
    voice = voice_of(short, SCENARIO.hubs[0], Spot("127.0.0.1", 7100, None))
    assert isinstance(voice, Ds01Voice)
    assert voice._backlog.lines_max == 30
