"""Modbus over real peers: pymodbus's own server behind TCP and behind a pair of pseudo terminals."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from pymodbus.constants import ExcCodes

from edge_agent.settings.source import ModbusAux, ModbusProbe, ModbusTcpSetting, Register
from edge_agent.sources.modbus import ModbusLine, modbus_source
from edge_agent.sources.polled import Answer
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, T0_MS, until
from tests.edge_agent.sources.peers import FAULT, ModbusPeer, modbus_tcp_peer
from tests.edge_agent.sources.rigs import KeepingSink, ModbusRtuRig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ_HOLDING, READ_INPUT = 3, 4


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def peer(port: int) -> Iterator[ModbusPeer]:
    made = modbus_tcp_peer(port)
    yield made
    made.close()


@pytest.fixture
def line(port: int) -> Iterator[ModbusLine]:
    made = ModbusLine(ModbusTcpSetting(port=port, timeout_seconds=0.2))
    yield made
    made.close()


def ask(line: ModbusLine, **register: object) -> Answer:
    line.begin()
    return line.read(ModbusProbe(probe="p", register=Register(**{"address": 0, **register})))  # type: ignore[arg-type]


def test_a_value_is_read_by_its_function_and_address(peer: ModbusPeer, line: ModbusLine) -> None:
    peer.registers[:4] = [45, 0xFFF6, 0x4090, 0x0000]
    assert ask(line) == Answer(4.5)
    assert ask(line, address=1, function="holding") == Answer(-1.0)
    assert ask(line, address=2, type="float32", scale=1.0, unit=2) == Answer(4.5)
    assert peer.asked == [(READ_INPUT, 0), (READ_HOLDING, 1), (READ_INPUT, 2)]


def test_a_fault_value_is_an_open_circuit(peer: ModbusPeer, line: ModbusLine) -> None:
    peer.registers[0] = FAULT
    assert ask(line).quality is Quality.OPEN_CIRCUIT


@pytest.mark.parametrize(
    ("code", "named"),
    [
        (ExcCodes.ILLEGAL_ADDRESS, "illegal address: unit 1, input register 0"),
        (ExcCodes.ILLEGAL_FUNCTION, "illegal function"),
        (ExcCodes.DEVICE_FAILURE, "device failure"),
        (ExcCodes.DEVICE_BUSY, "device busy"),
    ],
)
def test_what_the_device_refuses_is_named(peer: ModbusPeer, line: ModbusLine, code: ExcCodes, named: str) -> None:
    peer.refuse = code
    answer = ask(line)
    assert answer.quality is Quality.NO_VALUE
    assert named in answer.why


def test_an_address_behind_the_last_register_is_named(peer: ModbusPeer, line: ModbusLine) -> None:
    assert len(peer.registers) < 5_000
    assert "illegal address: unit 1, input register 5000" in ask(line, address=5_000).why


def test_a_line_that_says_that_its_unit_is_gone_is_believed(peer: ModbusPeer, line: ModbusLine) -> None:
    peer.refuse = ExcCodes.GATEWAY_NO_RESPONSE
    assert ask(line) == Answer(quality=Quality.DISCONNECTED, why="unit 1 does not answer")


def test_a_port_that_nobody_holds_is_a_line_that_cannot_be_opened(line: ModbusLine) -> None:
    assert ask(line) == Answer(quality=Quality.DISCONNECTED, why="the line cannot be opened")


def test_a_dead_unit_costs_a_round_one_timeout_and_the_others_nothing(line: ModbusLine, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        line.begin()
        began = time.monotonic()
        points = [ModbusProbe(probe="p", register=Register(address=address, unit=9)) for address in range(10)]
        answers = [line.read(point) for point in points]
        assert time.monotonic() - began < 1.5
    assert {answer.quality for answer in answers} == {Quality.DISCONNECTED}
    assert {answer.why for answer in answers} == {"unit 9 does not answer"}


def test_a_dead_unit_is_found_again_after_however_many_rounds(peer: ModbusPeer, line: ModbusLine) -> None:
    peer.registers[0] = 45
    for _ in range(8):
        assert ask(line, unit=9) == Answer(quality=Quality.DISCONNECTED, why="unit 9 does not answer")
        assert ask(line) == Answer(4.5)
        time.sleep(0.2)
    assert len(peer.asked) == 8


def test_a_late_answer_is_not_taken_for_the_next_question(tmp_path: Path) -> None:
    rig = ModbusRtuRig(tmp_path)
    line = ModbusLine(rig.setting)
    assert rig.peer is not None
    try:
        rig.peer.registers[:2] = [45, 99]
        assert ask(line) == Answer(4.5)
        rig.peer.pause_seconds = 0.45
        assert ask(line, address=1).quality is Quality.DISCONNECTED
        rig.peer.pause_seconds = 0.0
        assert ask(line).quality is Quality.DISCONNECTED, "its late answer is still to come"
        time.sleep(0.4)
        assert ask(line) == Answer(4.5)
        assert ask(line, address=1) == Answer(pytest.approx(9.9))
    finally:
        line.close()
        rig.close()


def test_a_connection_that_was_lost_between_two_questions_is_no_fault(
    peer: ModbusPeer, line: ModbusLine, port: int
) -> None:
    peer.registers[0] = 45
    assert ask(line) == Answer(4.5)
    peer.close()
    later = modbus_tcp_peer(port)
    try:
        later.registers[0] = 46
        assert ask(line) == Answer(pytest.approx(4.6))
    finally:
        later.close()
        peer.close = lambda: None  # type: ignore[method-assign] # it is closed


@pytest.mark.parametrize(
    "nonsense",
    [b"\x00" * 40, b"\xff" * 40, b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01\x00\x00\x00\x05\x01\x04\x04\x00", b""],
)
def test_nonsense_instead_of_an_answer_is_survived(line: ModbusLine, port: int, nonsense: bytes) -> None:
    found: list[Answer] = []
    with socket.create_server(("127.0.0.1", port)) as server:
        thread = threading.Thread(target=lambda: found.append(ask(line)))
        thread.start()
        server.settimeout(5)
        caller, _ = server.accept()
        with caller:
            caller.recv(100)
            caller.sendall(nonsense)
            thread.join(5)
    assert found[0].quality in {Quality.DISCONNECTED, Quality.NO_VALUE}


def test_aux_values_come_with_the_temperatures(peer: ModbusPeer, port: int) -> None:
    peer.registers[:8] = [45, FAULT, 0, 0, 30, 60, 70, 0x8000]
    probes = tuple(
        ModbusProbe(probe=f"p{number}", register=Register(address=number), interval_ms=100) for number in range(2)
    )
    fields = {"DORV": (4, 1.0), "SVA": (5, 1.0), "BEMD": (6, 0.1), "TAMB": (7, 0.1)}
    aux = tuple(
        ModbusAux(field=field, appliance="ILR-1", interval_ms=100, register=Register(address=address, scale=scale))
        for field, (address, scale) in fields.items()
    )
    source, sink = (
        modbus_source(GATEWAY, ModbusTcpSetting(port=port, probe=probes, aux=aux), lambda: T0_MS),
        KeepingSink(),
    )
    source.start(sink)
    until(lambda: len(sink.seen) > 2)
    peer.registers[4] = 0
    until(lambda: ("DORV", 0.0) in sink.aux())
    source.stop()
    assert sink.values()[:2] == [450, None]
    assert sink.aux()[:3] == [("DORV", 30.0), ("SVA", 60.0), ("BEMD", 7.0)]
    assert "TAMB" not in dict(sink.aux())
    door = [one for observation in sink.seen for one in observation.aux if one.field == "DORV"]
    assert [one.notable for one in door] == [False, True]


def test_its_driver_keeps_quiet_and_the_source_says_it_once(port: int, caplog: pytest.LogCaptureFixture) -> None:
    probe = ModbusProbe(probe="p", register=Register(address=0), interval_ms=100)
    source, sink = modbus_source(GATEWAY, ModbusTcpSetting(port=port, probe=(probe,)), lambda: T0_MS), KeepingSink()
    with caplog.at_level(logging.INFO):
        source.start(sink)
        until(lambda: len(sink.seen) > 5)
        source.stop()
    told = [one.getMessage() for one in caplog.records]
    assert told == [f"{GATEWAY}.p: DISCONNECTED (the line cannot be opened)"]


def test_rtu_reads_several_units_of_one_line(tmp_path: Path) -> None:
    rig = ModbusRtuRig(tmp_path)
    line = ModbusLine(rig.setting)
    try:
        rig.say(-35)
        assert [ask(line, unit=unit) for unit in (1, 2)] == [Answer(-3.5), Answer(-3.5)]
        assert ask(line, unit=7).quality is Quality.DISCONNECTED
        assert ask(line) == Answer(-3.5)
    finally:
        line.close()
        rig.close()
