"""Gives each hub of a scenario the voice that it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from firmware_sim.backlog import Backlog, backlog_lines
from firmware_sim.protocols.ds01 import Ds01Voice
from firmware_sim.protocols.ds01_serial import SerialVoice
from firmware_sim.protocols.modbus import ModbusVoice
from firmware_sim.protocols.sysfs import OneWireVoice
from firmware_sim.scenario import HubProtocol
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from firmware_sim.protocols.port import Voice
    from firmware_sim.scenario import Hub, Scenario

_NEEDS_FOLDER = {HubProtocol.DS01_SERIAL, HubProtocol.ONE_WIRE}


class Spot(NamedTuple):
    """Where a hub may be found: a port of its own, and a folder of its own below `--folder`, if there is one."""

    host: str
    port: int
    folder: Path | None


def voice_of(scenario: Scenario, hub: Hub, spot: Spot) -> Voice:
    """The hub's voice, not yet opened; raises SettingProblem where its protocol needs a folder and has none."""
    if hub.protocol in _NEEDS_FOLDER and spot.folder is None:
        raise SettingProblem(f"hub {hub.gateway} speaks {hub.protocol} and needs --folder", variable="--folder")
    folder = spot.folder or Path()
    lines = backlog_lines(len(hub.appliances), scenario.interval_seconds, scenario.backlog_minutes)
    match hub.protocol:
        case HubProtocol.DS01:
            return Ds01Voice(Backlog(lines), spot.host, spot.port)
        case HubProtocol.DS01_SERIAL:
            return SerialVoice(Backlog(lines), folder / "line")
        case HubProtocol.MODBUS:
            return ModbusVoice(hub.appliances, spot.host, spot.port)
        case HubProtocol.ONE_WIRE:
            return OneWireVoice(hub.appliances, folder / "sys")
