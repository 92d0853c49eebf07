from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient

from firmware_sim.faults import Trouble
from firmware_sim.probe import Report
from firmware_sim.protocols.modbus import FAULT, REGISTERS, UNIT, ModbusVoice, registers
from tests.firmware_sim.given import appliance_spec, one_sample
from tests.firmware_sim.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SECONDS_MAX = 10.0


def signed(register: int) -> int:
    return register - 0x10000 if register >= 0x8000 else register


def serving(play: Callable[[ModbusVoice, AsyncModbusTcpClient], Awaitable[None]], appliances: int = 2) -> None:
    async def run() -> None:
        port = free_port()
        voice = ModbusVoice([appliance_spec(serial=f"ILR-{n}") for n in range(appliances)], "127.0.0.1", port)
        assert await voice.open() == f"127.0.0.1:{port}"
        client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=SECONDS_MAX)
        try:
            async with asyncio.timeout(SECONDS_MAX):
                assert await client.connect()
                await play(voice, client)
        finally:
            client.close()
            await voice.close()

    asyncio.run(run())


def test_a_record_is_sixteen_registers_as_the_map_says() -> None:
    reports = (Report(4.3, 4.3, None), Report(-20.1, -20.1, None), Report(5.0, None, Trouble.OPEN_CIRCUIT))
    sample = one_sample(probes=reports, holdover_days=1.2, battery_days=13.4, sequence=65_536 + 7)
    assert registers(sample) == [43, 0x10000 - 201, FAULT, FAULT, 20, 60, 134, 312, 5, 12, 7, 0, 0, 0, 0, 0]


def test_an_appliance_whose_logger_restarts_says_no_temperature_at_all() -> None:
    assert registers(one_sample(recorded=False))[:4] == [FAULT] * 4


@given(st.floats(-55, 125))
def test_a_temperature_is_tenths_in_twos_complement_and_never_the_fault_word(celsius: float) -> None:
    word = registers(one_sample(reported_celsius=celsius))[0]
    assert word != FAULT
    assert signed(word) == round(celsius * 10)


@given(st.floats(-1e9, 1e9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_every_register_is_a_word_whatever_the_sample_says(days: float, seconds: int, sequence: int) -> None:
    words = registers(one_sample(battery_days=days, door_seconds=seconds, sequence=sequence))
    assert len(words) == REGISTERS
    assert all(0 <= word <= 0xFFFF for word in words)


def test_each_appliance_has_its_place_and_the_newest_record_stands_there() -> None:
    async def play(voice: ModbusVoice, client: AsyncModbusTcpClient) -> None:
        for celsius in (4.3, 4.4):
            voice.tell(appliance_spec(serial="ILR-1"), one_sample(reported_celsius=celsius))
        told = await client.read_input_registers(0, count=2 * REGISTERS, device_id=UNIT)
        assert told.registers[:4] == [FAULT] * 4, "it has not said anything yet"
        assert told.registers[REGISTERS:] == registers(one_sample(reported_celsius=4.4))
        part = await client.read_input_registers(REGISTERS + 4, count=2, device_id=UNIT)
        assert part.registers == [20, 60]

    serving(play)


def test_wrong_questions_are_refused_and_the_right_one_is_answered_after_them() -> None:
    async def play(_voice: ModbusVoice, client: AsyncModbusTcpClient) -> None:
        assert (await client.read_holding_registers(0, count=1, device_id=UNIT)).isError()
        assert (await client.write_register(0, 1, device_id=UNIT)).isError()
        assert (await client.read_input_registers(2 * REGISTERS, count=1, device_id=UNIT)).isError()
        assert (await client.read_input_registers(2 * REGISTERS - 1, count=2, device_id=UNIT)).isError()
        assert (await client.read_input_registers(0, count=1, device_id=UNIT + 1)).isError()
        assert (await client.read_input_registers(0, count=1, device_id=UNIT)).registers == [FAULT]

    serving(play)


def test_garbage_ends_one_connection_and_no_other() -> None:
    async def play(voice: ModbusVoice, client: AsyncModbusTcpClient) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", client.comm_params.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 50)
        await writer.drain()
        voice.tell(appliance_spec(serial="ILR-0"), one_sample())
        assert (await client.read_input_registers(0, count=1, device_id=UNIT)).registers == [43]
        writer.close()

    serving(play)


@pytest.mark.parametrize("appliances", [1, 50])
def test_a_hub_of_any_size_answers_up_to_its_last_register(appliances: int) -> None:
    async def play(_voice: ModbusVoice, client: AsyncModbusTcpClient) -> None:
        last = appliances * REGISTERS - 1
        assert (await client.read_input_registers(last, count=1, device_id=UNIT)).registers == [0]

    serving(play, appliances)
