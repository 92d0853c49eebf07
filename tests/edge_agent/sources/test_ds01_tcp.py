from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.source_settings import Ds01TcpSetting, ProbeSetting
from edge_agent.sources import ds01_tcp
from edge_agent.sources.ds01_tcp import LINE_BYTES_MAX, Ds01TcpSource, LineSplitter
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, T0_MS, Hub, record, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_agent.sample import Observation


def minute(number: int) -> bytes:
    return record(T0_MS + number * MINUTE_MS, number / 10)


class Sink:
    """Keeps what it is given; fails as often as it is told to, waits where it is told to."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self.failures = 0
        self.open = threading.Event()
        self.open.set()

    def __call__(self, observations: Sequence[Observation]) -> None:
        assert self.open.wait(10)
        if self.failures > 0:
            self.failures -= 1
            raise sqlite3.OperationalError("disk I/O error")
        self.seen += observations

    def values(self) -> list[int | None]:
        return [sample.centi_celsius for observation in self.seen for sample in observation.samples]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ds01_tcp, "PAUSE_SECONDS_MIN", 0.05)
    monkeypatch.setattr(ds01_tcp, "PAUSE_SECONDS_MAX", 0.1)
    monkeypatch.setattr(ds01_tcp, "COMMIT_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(ds01_tcp, "READ_SECONDS", 0.05)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def sink() -> Sink:
    return Sink()


def source_of(port: int) -> Ds01TcpSource:
    setting = Ds01TcpSetting(port=port, probe=(ProbeSetting(probe="p", appliance="ILR-1"),))
    return Ds01TcpSource(GATEWAY, setting, lambda _name: None, lambda: T0_MS)


@pytest.fixture
def source(hub: Hub) -> Iterator[Ds01TcpSource]:
    running = source_of(hub.port)
    yield running
    hub.close()
    running.stop()


def test_stored_and_live_records_come_in_order(hub: Hub, source: Ds01TcpSource, sink: Sink) -> None:
    hub.say(*[minute(number) for number in range(500)])
    source.start(sink)
    until(lambda: len(sink.seen) == 500)
    hub.say(minute(500))
    until(lambda: len(sink.seen) == 501)
    assert sink.values() == [number * 10 for number in range(501)]
    assert source.is_connected()


def test_it_calls_again_for_ever_and_what_is_retold_is_marked(hub: Hub, source: Ds01TcpSource, sink: Sink) -> None:
    hub.say(minute(0), minute(1))
    source.start(sink)
    for call in range(1, 4):
        until(lambda call=call: len(sink.seen) == 2 * call)  # type: ignore[misc] # bound now
        hub.hang_up()
    assert [observation.repeated for observation in sink.seen[:6]] == [False, False, True, True, True, True]


def test_a_hub_that_is_away_at_first_is_found_later(sink: Sink) -> None:
    with Hub() as gone:
        port = gone.port
    source = source_of(port)
    source.start(sink)
    time.sleep(0.2)
    assert not source.is_connected()
    with Hub(port=port) as back:
        back.say(minute(0))
        until(lambda: sink.seen)
    source.stop()


def test_bad_lines_are_counted_and_cost_only_themselves(
    hub: Hub, source: Ds01TcpSource, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [b"", b"   ", b"{", b"\xff\xfe", b"x" * 100, b"y" * (3 * LINE_BYTES_MAX), b'{"ASER":"ILR-1"}', b"[1]"] * 20
    hub.say(minute(0), *bad, minute(1))
    with caplog.at_level(logging.WARNING):
        source.start(sink)
        until(lambda: len(sink.seen) == 2)
    warnings = [told.getMessage() for told in caplog.records if "bad line" in told.getMessage()]
    assert len(warnings) == 3
    assert "bad line number 100 " in warnings[2]


def test_while_the_disk_fails_the_hub_keeps_the_rest(hub: Hub, source: Ds01TcpSource, sink: Sink) -> None:
    sink.failures = 5
    hub.say(*[minute(number) for number in range(20)])
    source.start(sink)
    until(lambda: len(sink.seen) == 20)
    assert sink.values() == [number * 10 for number in range(20)]


def test_lines_are_read_only_as_fast_as_they_are_kept(hub: Hub, source: Ds01TcpSource, sink: Sink) -> None:
    sink.open.clear()
    filler = "x" * 8_000
    hub.say(*[record(T0_MS + number * MINUTE_MS, 1, FILL=filler) for number in range(3_000)])
    source.start(sink)
    time.sleep(0.5)
    stuck = hub.sent
    assert stuck < 3_000
    time.sleep(0.2)
    assert hub.sent == stuck
    sink.open.set()
    until(lambda: len(sink.seen) == 3_000)


def test_a_line_after_a_pause_anchors_a_logger_without_absolute_time(
    hub: Hub, source: Ds01TcpSource, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ds01_tcp, "QUIET_SECONDS", 0.3)
    hub.say(record(None, 1, RELT="PT60S"))
    source.start(sink)
    until(lambda: hub.sent == 1)
    time.sleep(0.6)
    assert sink.seen == []
    hub.say(record(None, 2, RELT="PT120S"))
    until(lambda: len(sink.seen) == 2)
    assert [one.samples[0].measured_at_ms for one in sink.seen] == [T0_MS - MINUTE_MS, T0_MS]


def test_a_silent_hub_is_called_again(
    hub: Hub, source: Ds01TcpSource, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ds01_tcp, "SILENT_SECONDS_MAX", 0.1)
    source.start(sink)
    until(lambda: hub.calls >= 3)


def test_it_stops_at_once_though_nobody_speaks(hub: Hub, source: Ds01TcpSource, sink: Sink) -> None:
    source.start(sink)
    until(source.is_connected)
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < 1.0
    assert hub.calls == 1


def test_it_can_be_stopped_before_it_began(source: Ds01TcpSource) -> None:
    source.stop()


lines = st.lists(st.binary(max_size=60).map(lambda told: told.replace(b"\n", b"")), max_size=20)


@given(lines, st.lists(st.integers(1, 40), max_size=60))
def test_however_the_bytes_are_cut_the_lines_are_the_same(told: list[bytes], cuts: list[int]) -> None:
    splitter, found = LineSplitter(bytes_max=30), []
    stream = b"".join(line + b"\n" for line in told)
    for length in [*cuts, len(stream)]:
        found += splitter.feed(stream[:length])
        stream = stream[length:]
    assert found == [line.strip() for line in told if line.strip() and len(line) <= 30]
    assert splitter.dropped == sum(len(line) > 30 for line in told)


def test_an_endless_line_takes_no_memory() -> None:
    splitter = LineSplitter(bytes_max=100)
    for _ in range(1_000):
        assert splitter.feed(b"x" * 90) == []
        assert len(splitter._rest) <= 100
    assert splitter.feed(b"\nnext\n") == [b"next"]
    assert splitter.dropped == 1
