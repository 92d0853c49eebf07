"""What every voice owes its hub, whatever it speaks."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import msgspec
import pytest

from firmware_sim.scenario import HubProtocol
from firmware_sim.voices import Spot, voice_of
from tests.firmware_sim.given import appliance_spec, one_sample, small
from tests.firmware_sim.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from firmware_sim.protocols.port import Voice

PORTED = [HubProtocol.DS01, HubProtocol.MODBUS]


def voice(protocol: HubProtocol, folder: Path, port: int) -> Voice:
    scenario = small(folder)
    hub = msgspec.structs.replace(scenario.hubs[0], protocol=protocol)
    return voice_of(scenario, hub, Spot("127.0.0.1", port, folder / "hub"))


@pytest.mark.parametrize("protocol", list(HubProtocol))
def test_it_may_be_told_before_it_is_open_and_opened_again_after_it_was_closed(
    protocol: HubProtocol, tmp_path: Path
) -> None:
    async def play() -> None:
        port = free_port()
        for _ in range(2):
            made = voice(protocol, tmp_path, port)
            made.tell(appliance_spec(), one_sample())
            made.announce()
            where = await made.open()
            assert str(port) in where or str(tmp_path) in where
            made.tell(appliance_spec(), one_sample(recorded=False))
            made.announce()
            await made.close()

    asyncio.run(play())


@pytest.mark.parametrize("protocol", list(HubProtocol))
def test_one_that_was_never_opened_can_be_closed(protocol: HubProtocol, tmp_path: Path) -> None:
    asyncio.run(voice(protocol, tmp_path, free_port()).close())


@pytest.mark.parametrize("protocol", PORTED)
def test_a_taken_port_is_an_error_at_once(protocol: HubProtocol, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        asyncio.run(voice(protocol, tmp_path, taken.getsockname()[1]).open())


@pytest.mark.parametrize("protocol", sorted(set(HubProtocol) - set(PORTED)))
def test_a_folder_that_cannot_be_made_is_an_error_at_once(protocol: HubProtocol, tmp_path: Path) -> None:
    made = voice(protocol, tmp_path, 0)
    (tmp_path / "hub").write_text("a file stands in the way")
    with pytest.raises(OSError, match="hub"):
        asyncio.run(made.open())
