from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

import pytest

from edge_agent.settings.source import Ds01SerialSetting, ProbeSetting
from edge_agent.sources import ds01_lines, ds01_serial
from edge_agent.sources.ds01_serial import Ds01SerialSource
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, T0_MS, record, until
from tests.edge_agent.sources.peers import Terminal
from tests.edge_agent.sources.rigs import KeepingSink, live_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_MS = T0_MS + 10_000 * MINUTE_MS


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ds01_serial, "READ_SECONDS", 0.05)
    monkeypatch.setattr(ds01_serial, "PAUSE_SECONDS", 0.05)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "ttyUSB0")
    yield made
    made.close()


@pytest.fixture
def source(terminal: Terminal) -> Iterator[Ds01SerialSource]:
    setting = Ds01SerialSetting(device=str(terminal.name), probe=(ProbeSetting(probe="p", appliance="ILR-1"),))
    made = Ds01SerialSource(GATEWAY, setting, lambda _name: None, lambda: NOW_MS)
    yield made
    made.stop()


@pytest.fixture
def sink() -> KeepingSink:
    return KeepingSink()


def test_lines_may_come_in_any_pieces(terminal: Terminal, source: Ds01SerialSource, sink: KeepingSink) -> None:
    source.start(sink)
    until(source.is_connected)
    stream = b"".join(record(T0_MS + number * MINUTE_MS, number / 10) + b"\r\n" for number in range(50))
    for first in range(0, len(stream), 37):
        os.write(terminal.master, stream[first : first + 37])
    until(lambda: len(sink.seen) == 50)
    assert sink.values() == [number * 10 for number in range(50)]


def test_noise_on_the_line_costs_only_itself(
    terminal: Terminal, source: Ds01SerialSource, sink: KeepingSink, caplog: pytest.LogCaptureFixture
) -> None:
    source.start(sink)
    until(source.is_connected)
    os.write(terminal.master, b"\x00\xff\xfe{{{\n" + record(T0_MS, 1.0) + b"\n")
    until(lambda: sink.seen)
    assert sink.values() == [100]
    assert caplog.text.count("bad line number 1 ") == 1


def test_a_live_record_puts_the_gateways_clock_in_the_place_of_a_wrong_one(
    terminal: Terminal, source: Ds01SerialSource, sink: KeepingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ds01_lines, "QUIET_SECONDS", 0.3)
    source.start(sink)
    until(source.is_connected)
    os.write(terminal.master, live_record(T0_MS, 10**7) + b"\n")
    until(lambda: sink.seen)
    time.sleep(0.5)
    os.write(terminal.master, live_record(T0_MS + MINUTE_MS, 10**7 + MINUTE_MS) + b"\n")
    until(lambda: len(sink.seen) == 2)
    assert [one.samples[0].measured_at_ms for one in sink.seen] == [T0_MS, NOW_MS]
    assert sink.seen[1].discontinuity


def test_a_line_that_is_not_there_is_told_of_once(
    tmp_path: Path, sink: KeepingSink, caplog: pytest.LogCaptureFixture
) -> None:
    setting = Ds01SerialSetting(device=str(tmp_path / "none"), probe=(ProbeSetting(probe="p"),))
    source = Ds01SerialSource(GATEWAY, setting, lambda _name: None, lambda: NOW_MS)
    with caplog.at_level(logging.WARNING):
        source.start(sink)
        time.sleep(0.5)
        source.stop()
    assert len([one for one in caplog.records if "cannot be read" in one.getMessage()]) == 1
