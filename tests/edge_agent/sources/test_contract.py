"""What every source promises, over a real peer of each kind."""

from __future__ import annotations

import socket
import threading
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from edge_agent.sources import ds01_serial, ds01_tcp, handing, worker
from edge_agent.sources.connect import make_source
from sheetal.contracts.problem import Problem
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, T0_MS, until
from tests.edge_agent.sources.rigs import KINDS, KeepingSink, Rig, rigged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.sources.port import Source

FAULTS = {Quality.NO_VALUE, Quality.OPEN_CIRCUIT}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ds01_tcp, "PAUSE_SECONDS_MIN", 0.05)
    monkeypatch.setattr(ds01_tcp, "PAUSE_SECONDS_MAX", 0.1)
    monkeypatch.setattr(ds01_tcp, "READ_SECONDS", 0.05)
    monkeypatch.setattr(ds01_serial, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(ds01_serial, "READ_SECONDS", 0.05)
    monkeypatch.setattr(handing, "COMMIT_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(worker, "AFTER_ERROR_SECONDS", 0.05)


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with rigged(request.param, tmp_path, port) as made:
        yield made


@pytest.fixture
def sink() -> KeepingSink:
    return KeepingSink()


@pytest.fixture
def source(rig: Rig) -> Iterator[Source]:
    ticks = count(T0_MS)
    made = make_source(GATEWAY, rig.setting, lambda _name: None, lambda: next(ticks), lambda: None)
    yield made
    made.stop()


def newest(sink: KeepingSink) -> int | None:
    return sink.values()[-1] if sink.values() else None


def test_what_the_device_says_arrives(rig: Rig, source: Source, sink: KeepingSink) -> None:
    assert not source.is_connected()
    source.start(sink)
    for number in (41, 42, -3):
        rig.say(number)
        until(lambda number=number: newest(sink) == number * 10)  # type: ignore[misc] # bound now
    assert source.is_connected()
    assert {sample.sensor for sample in sink.samples()} == {f"{GATEWAY}.p"}
    assert {observation.local for observation in sink.seen} == {rig.is_polled}


def test_it_stops_within_two_seconds_whatever_the_device_does(rig: Rig, source: Source, sink: KeepingSink) -> None:
    rig.say(41)
    source.start(sink)
    until(sink.samples)
    rig.vanish()
    time.sleep(0.3)
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < 2.0
    seen = len(sink.seen)
    time.sleep(0.3)
    assert len(sink.seen) == seen
    assert not source.is_connected()


def test_it_can_be_stopped_before_it_began_and_twice(rig: Rig, source: Source) -> None:
    rig.say(41)
    source.stop()
    source.stop()
    assert not source.is_connected()


def test_a_device_that_vanishes_is_noticed_and_taken_back(rig: Rig, source: Source, sink: KeepingSink) -> None:
    rig.say(41)
    source.start(sink)
    until(lambda: newest(sink) == 410)
    rig.vanish()
    until(lambda: not source.is_connected())
    rig.come_back()
    rig.say(42)
    until(lambda: newest(sink) == 420)
    assert source.is_connected()
    if rig.is_polled:
        assert Quality.DISCONNECTED in sink.qualities()


def test_a_device_that_is_away_at_first_is_found_later(rig: Rig, source: Source, sink: KeepingSink) -> None:
    rig.vanish()
    source.start(sink)
    time.sleep(0.4)
    assert not source.is_connected()
    rig.come_back()
    rig.say(42)
    until(lambda: newest(sink) == 420)


def test_a_broken_probe_is_a_fault_with_a_name_and_no_temperature(rig: Rig, source: Source, sink: KeepingSink) -> None:
    rig.say(41)
    source.start(sink)
    until(lambda: newest(sink) == 410)
    rig.break_probe()
    until(lambda: FAULTS & sink.qualities())
    assert {sample.quality == Quality.OK for sample in sink.samples() if sample.centi_celsius is not None} == {True}


@pytest.mark.parametrize("error", [None, Problem("the outbox is full")], ids=["disk", "full"])
def test_while_the_outbox_fails_nothing_is_lost(
    rig: Rig, source: Source, sink: KeepingSink, error: Exception | None
) -> None:
    sink.error = error or sink.error
    sink.failures = 10**6
    rig.say(41)
    source.start(sink)
    until(lambda: sink.failures < 10**6)
    if not rig.is_polled:
        rig.say(42)
    time.sleep(0.5)
    assert sink.seen == []
    sink.failures = 0
    rig.say(43)
    until(lambda: newest(sink) == 430)
    assert list(dict.fromkeys(sink.values())) == ([410, 430] if rig.is_polled else [410, 420, 430])
    stamps = [sample.measured_at_ms for sample in sink.samples()]
    assert list(dict.fromkeys(stamps)) == sorted(set(stamps))
    if rig.is_polled:
        assert len(set(stamps)) == len(stamps) > 4


def test_a_sink_that_breaks_does_not_end_the_source(rig: Rig, source: Source, sink: KeepingSink) -> None:
    sink.error, sink.failures = KeyError("nobody knows this sensor"), 2
    rig.say(41)
    source.start(sink)
    until(lambda: sink.failures == 0)
    rig.say(42)
    until(lambda: newest(sink) == 420)


def test_it_leaves_no_thread_behind(rig: Rig, source: Source, sink: KeepingSink) -> None:
    before = threading.active_count()
    rig.say(41)
    source.start(sink)
    until(sink.samples)
    source.stop()
    until(lambda: threading.active_count() <= before)
