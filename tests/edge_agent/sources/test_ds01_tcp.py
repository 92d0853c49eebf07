from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from edge_agent.settings.source import Ds01TcpSetting, ProbeSetting
from edge_agent.sources import ds01_lines, ds01_tcp, handing
from edge_agent.sources.ds01_lines import LINE_BYTES_MAX
from edge_agent.sources.ds01_tcp import Ds01TcpSource
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, T0_MS, Hub, record, until
from tests.edge_agent.sources.rigs import KeepingSink

if TYPE_CHECKING:
    from collections.abc import Iterator


NOW_MS = T0_MS + 10_000 * MINUTE_MS


def minute(number: int) -> bytes:
    return record(T0_MS + number * MINUTE_MS, number / 10)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ds01_tcp, "PAUSE_SECONDS_MIN", 0.05)
    monkeypatch.setattr(ds01_tcp, "PAUSE_SECONDS_MAX", 0.1)
    monkeypatch.setattr(handing, "COMMIT_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(ds01_tcp, "READ_SECONDS", 0.05)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def sink() -> KeepingSink:
    return KeepingSink()


def source_of(port: int) -> Ds01TcpSource:
    setting = Ds01TcpSetting(port=port, probe=(ProbeSetting(probe="p", appliance="ILR-1"),))
    return Ds01TcpSource(GATEWAY, setting, lambda _name: None, lambda: NOW_MS)


@pytest.fixture
def source(hub: Hub) -> Iterator[Ds01TcpSource]:
    running = source_of(hub.port)
    yield running
    hub.close()
    running.stop()


def test_stored_and_live_records_come_in_order(hub: Hub, source: Ds01TcpSource, sink: KeepingSink) -> None:
    hub.say(*[minute(number) for number in range(500)])
    source.start(sink)
    until(lambda: len(sink.seen) == 500)
    hub.say(minute(500))
    until(lambda: len(sink.seen) == 501)
    assert sink.values() == [number * 10 for number in range(501)]
    assert source.is_connected()


def test_it_calls_again_for_ever_and_what_is_retold_is_marked(
    hub: Hub, source: Ds01TcpSource, sink: KeepingSink
) -> None:
    hub.say(minute(0), minute(1))
    source.start(sink)
    for call in range(1, 4):
        until(lambda call=call: len(sink.seen) == 2 * call)  # type: ignore[misc] # bound now
        hub.hang_up()
    assert [observation.repeated for observation in sink.seen[:6]] == [False, False, True, True, True, True]


def test_a_hub_that_is_away_at_first_is_found_later(sink: KeepingSink) -> None:
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
    hub: Hub, source: Ds01TcpSource, sink: KeepingSink, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [b"", b"   ", b"{", b"\xff\xfe", b"x" * 100, b"y" * (3 * LINE_BYTES_MAX), b'{"ASER":"ILR-1"}', b"[1]"] * 20
    hub.say(minute(0), *bad, minute(1))
    with caplog.at_level(logging.WARNING):
        source.start(sink)
        until(lambda: len(sink.seen) == 2)
    warnings = [told.getMessage() for told in caplog.records if "bad line" in told.getMessage()]
    assert len(warnings) == 3
    assert "bad line number 100 " in warnings[2]


def test_while_the_disk_fails_the_hub_keeps_the_rest(hub: Hub, source: Ds01TcpSource, sink: KeepingSink) -> None:
    sink.failures = 5
    hub.say(*[minute(number) for number in range(20)])
    source.start(sink)
    until(lambda: len(sink.seen) == 20)
    assert sink.values() == [number * 10 for number in range(20)]


def test_lines_are_read_only_as_fast_as_they_are_kept(hub: Hub, source: Ds01TcpSource, sink: KeepingSink) -> None:
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
    hub: Hub, source: Ds01TcpSource, sink: KeepingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ds01_lines, "QUIET_SECONDS", 0.3)
    hub.say(record(None, 1, RELT="PT60S"))
    source.start(sink)
    until(lambda: hub.sent == 1)
    time.sleep(0.6)
    assert sink.seen == []
    hub.say(record(None, 2, RELT="PT120S"))
    until(lambda: len(sink.seen) == 2)
    assert [one.samples[0].measured_at_ms for one in sink.seen] == [NOW_MS - MINUTE_MS, NOW_MS]


def test_a_silent_hub_is_called_again(
    hub: Hub, source: Ds01TcpSource, sink: KeepingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ds01_lines, "SILENT_SECONDS_MAX", 0.1)
    source.start(sink)
    until(lambda: hub.calls >= 3)


def test_it_stops_at_once_though_nobody_speaks(hub: Hub, source: Ds01TcpSource, sink: KeepingSink) -> None:
    source.start(sink)
    until(source.is_connected)
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < 1.0
    assert hub.calls == 1


def test_it_can_be_stopped_before_it_began(source: Ds01TcpSource) -> None:
    source.stop()
