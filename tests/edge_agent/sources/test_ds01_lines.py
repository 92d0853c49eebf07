from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.settings.source import Ds01TcpSetting, ProbeSetting
from edge_agent.sources import ds01_lines
from edge_agent.sources.ds01_lines import LIVE_LINES_MAX, Ds01Lines, LineSplitter, is_live
from edge_agent.sources.ds01_reader import Ds01Reader
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, T0_MS
from tests.edge_agent.sources.rigs import live_record

if TYPE_CHECKING:
    from edge_agent.sample import Observation

LATE_MS = T0_MS + 1_000 * MINUTE_MS
QUIET = None


class Ear:
    """Plays what a hub sends; a pause is as long as it takes to be quiet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now_ms: int | None = LATE_MS) -> None:
        self.seconds = 0.0
        self.heard: list[Observation] = []
        probes = (ProbeSetting(probe="p", appliance="ILR-1"), ProbeSetting(probe="q", appliance="ILR-2"))
        reader = Ds01Reader(GATEWAY, Ds01TcpSetting(port=1, probe=probes), lambda _name: None)
        self.lines = Ds01Lines(reader, lambda: now_ms)
        monkeypatch.setattr(ds01_lines.time, "monotonic", lambda: self.seconds)

    def play(self, *parts: bytes | None) -> list[int]:
        """The stamps, in minutes after T0."""
        left = [*parts, b""]

        def receive() -> bytes | None:
            part = left.pop(0)
            self.seconds += 0.0 if part else 6.0
            return part

        self.lines.listen(receive, self.heard.extend, threading.Event())
        return [(one.samples[0].measured_at_ms - T0_MS) // MINUTE_MS for one in self.heard]


def line(number: int, **fields: object) -> bytes:
    """A record whose logger is a thousand minutes late."""
    return live_record(T0_MS + number * MINUTE_MS, 10**7 + number * MINUTE_MS, **fields) + b"\n"


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    return Ear(monkeypatch)


def test_a_record_between_two_pauses_is_live(ear: Ear) -> None:
    assert ear.play(line(0), line(1), QUIET, line(2), QUIET, line(3), QUIET) == [0, 1, 1_000, 1_001]
    assert [one.discontinuity for one in ear.heard] == [False, False, True, False]


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_a_live_record_may_come_in_pieces_as_a_slow_line_brings_it(ear: Ear, cut: int) -> None:
    pieces = [line(2)[first : first + cut] for first in range(0, len(line(2)), cut)]
    assert ear.play(line(1), QUIET, *pieces, QUIET) == [1, 1_000]


def test_records_of_several_appliances_may_be_live_together(ear: Ear) -> None:
    other = live_record(T0_MS, 10**7, ASER="ILR-2", LSER="L2") + b"\n"
    assert ear.play(QUIET, line(2), other, QUIET) == [1_000, 1_000]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_stream_that_stalled_is_not_taken_for_live(ear: Ear, cut: int) -> None:
    stream = b"".join(line(number) for number in range(10))
    parts = [stream[first : first + cut] for first in range(0, len(stream), cut)]
    assert ear.play(QUIET, *parts, QUIET) == list(range(10))


def test_a_stream_is_not_hoarded_while_it_lasts(ear: Ear) -> None:
    seen: list[int] = []
    parts: list[bytes | None] = [QUIET, *[line(number) for number in range(4 * LIVE_LINES_MAX)]]

    def receive() -> bytes | None:
        seen.append(len(ear.heard))
        part = parts.pop(0) if parts else b""
        ear.seconds += 0.0 if part else 6.0
        return part

    ear.lines.listen(receive, ear.heard.extend, threading.Event())
    assert len(ear.heard) == 4 * LIVE_LINES_MAX
    assert max(told - kept for told, kept in enumerate(seen)) <= LIVE_LINES_MAX + 4


def test_what_came_last_before_the_hub_hung_up_is_not_lost(ear: Ear) -> None:
    assert ear.play(QUIET, line(0), line(1)) == [0, 1]


def test_a_stop_loses_no_line_that_has_come(ear: Ear) -> None:
    stopping = threading.Event()
    parts: list[bytes | None] = [line(0), QUIET, line(1) + line(2)[:30]]

    def receive() -> bytes | None:
        part = parts.pop(0)
        ear.seconds += 0.0 if part else 6.0
        if not parts:
            stopping.set()
        return part

    ear.lines.listen(receive, ear.heard.extend, stopping, lambda: line(2)[30:] + line(3) + line(4)[:-1])
    assert [(one.samples[0].measured_at_ms - T0_MS) // MINUTE_MS for one in ear.heard] == [0, 1, 2, 3]
    assert not any(one.discontinuity for one in ear.heard), "what a stop cut off is not taken for live"


def test_without_a_clock_nothing_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ear(monkeypatch, now_ms=None).play(QUIET, line(2), QUIET) == [2]


def test_a_hub_that_says_nothing_for_an_hour_is_left(ear: Ear) -> None:
    asked = 0

    def receive() -> None:
        nonlocal asked
        asked += 1
        ear.seconds += 600.0

    ear.lines.listen(receive, ear.heard.extend, threading.Event())
    assert 6 <= asked <= 8


def test_lines_are_live_only_with_one_record_an_appliance() -> None:
    assert is_live([])
    assert is_live([line(0), line(0, ASER="ILR-2"), b"{"])
    assert not is_live([line(0), line(1)])


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


def test_a_line_without_end_is_told_of_once_though_it_never_ends(ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    assert ear.play(*[b"\x00" * 10_000] * 5, b"\n", line(1)) == [1]
    assert caplog.text.count("bad line number 1 from the logger hub: longer than 16,384 bytes") == 1
