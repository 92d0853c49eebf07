from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from pymodbus.exceptions import ConnectionException

from edge_agent.sources.modbus import ModbusLine
from edge_agent.sources.modbus_serial import SerialClient
from edge_agent.sources.polled import Answer
from sheetal.contracts.reading import Quality
from tests.edge_agent.sources.rigs import ModbusRtuRig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ModbusRtuRig]:
    made = ModbusRtuRig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def line(rig: ModbusRtuRig) -> Iterator[ModbusLine]:
    made = ModbusLine(rig.setting)
    yield made
    made.close()


def ask(rig: ModbusRtuRig, line: ModbusLine, unit: int = 1) -> Answer:
    line.begin()
    probe = rig.setting.probe[0]
    return line.read(type(probe)(probe="p", register=type(probe.register)(address=0, unit=unit)))


def test_a_wall_clock_that_is_set_back_holds_nobody(
    rig: ModbusRtuRig, line: ModbusLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.say(45)
    assert ask(rig, line) == Answer(4.5)
    back = iter(range(10**9, 0, -3_600))
    monkeypatch.setattr(time, "time", lambda: float(next(back)))
    began = time.monotonic()
    assert ask(rig, line) == Answer(4.5)
    assert ask(rig, line, unit=9).quality is Quality.DISCONNECTED
    assert time.monotonic() - began < 10.0


def test_two_sources_do_not_share_one_line(rig: ModbusRtuRig, line: ModbusLine) -> None:
    assert ask(rig, line).quality is Quality.OK
    other = ModbusLine(rig.setting)
    assert ask(rig, other).quality is Quality.DISCONNECTED
    assert ask(rig, line).quality is Quality.OK
    other.close()


def test_a_line_that_is_not_open_says_so() -> None:
    with pytest.raises(ConnectionException):
        SerialClient("/dev/null", timeout=0.1).recv(None)


def test_a_cable_pulled_in_the_middle_of_an_answer_ends_the_waiting(rig: ModbusRtuRig, line: ModbusLine) -> None:
    found: list[Answer] = []
    assert ask(rig, line).quality is Quality.OK
    thread = threading.Thread(target=lambda: found.extend(ask(rig, line, unit=9) for _ in range(3)))
    thread.start()
    rig.vanish()
    thread.join(5)
    assert {answer.quality for answer in found} == {Quality.DISCONNECTED}
