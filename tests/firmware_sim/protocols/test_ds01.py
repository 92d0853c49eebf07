from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.backlog import Backlog
from firmware_sim.faults import Trouble
from firmware_sim.logger_clock import LoggerClock
from firmware_sim.probe import Report
from firmware_sim.protocols import ds01
from firmware_sim.protocols.ds01 import CLIENTS_MAX, Ds01Voice, HubServer, absolute_time, duration, encode
from firmware_sim.scenario import ExtraProbe, Place
from tests.firmware_sim.given import appliance_spec, one_sample

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STARTED_MS = 1_795_000_000_000
SECONDS_MAX = 5.0


def record(field: str = "TVC", **changes: object) -> dict[str, object]:
    told = {"at_ms": STARTED_MS + 302_732_000, "clock": LoggerClock(STARTED_MS + 302_732_000, 302_732_000, 0)}
    line = encode(appliance_spec(field=field), one_sample(**(told | changes)))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return msgspec.json.decode(line, type=dict[str, object])


def test_a_record_carries_the_names_and_units_of_the_standard() -> None:
    assert record() == {
        "ABST": absolute_time(STARTED_MS + 302_732_000),
        "RELT": "P3DT12H5M32S",
        "RTCW": "PT0S",
        "ASER": "ILR-1",
        "LSER": "L-ILR-1",
        "TVC": 4.3,
        "TFRZ": None,
        "TAMB": 31.2,
        "CMPR": 0.5,
        "DORV": 20,
        "DORF": None,
        "SVA": 60,
        "HOLD": 0.5,
        "BEMD": 14.0,
        "ALRM": None,
        "LERR": None,
    }


def test_a_freezer_reports_in_the_freezer_fields() -> None:
    frozen = record("TFRZ", reported_celsius=-20.1)
    assert (frozen["TVC"], frozen["TFRZ"], frozen["DORV"], frozen["DORF"]) == (None, -20.1, None, 20)


def test_an_open_circuit_is_the_drivers_impossible_cold_and_an_error_code() -> None:
    broken = record(reported_celsius=None)
    assert (broken["TVC"], broken["LERR"]) == (-127.0, "OPEN")


def test_alarm_codes_stand_apart_by_spaces() -> None:
    assert record(alarms=("FRZE", "DOOR"))["ALRM"] == "FRZE DOOR"


def test_a_logger_says_what_its_clock_says_and_nothing_where_it_has_none() -> None:
    off = record(clock=LoggerClock(STARTED_MS - 86_400_000, 60_000, 30_000))
    assert (off["ABST"], off["RELT"], off["RTCW"]) == (
        absolute_time(STARTED_MS - 86_400_000), "P0DT0H1M0S", "P0DT0H0M30S"
    )  # fmt: skip
    assert record(clock=LoggerClock(None, 60_000, 0))["ABST"] is None


def test_extra_probes_stand_under_names_of_their_own_beside_all_the_others() -> None:
    spec = appliance_spec(extra_probes=[
        ExtraProbe(probe="basket", field="TVC2"), ExtraProbe(probe="room", field="TAMB", place=Place.AMBIENT),
    ])  # fmt: skip
    reports = (Report(4.3, 4.3, None), Report(5.0, None, Trouble.OPEN_CIRCUIT), Report(31.0, 31.1, None))
    told = msgspec.json.decode(encode(spec, one_sample(probes=reports)), type=dict[str, object])
    assert (told["TVC"], told["TVC2"], told["TAMB"]) == (4.3, -127.0, 31.1)
    assert set(record()) | {"TVC2"} == set(told)


def test_a_logger_that_restarts_writes_no_record() -> None:
    backlog = Backlog(10)
    voice = Ds01Voice(backlog, "127.0.0.1", 0)
    voice.tell(appliance_spec(), one_sample(recorded=False))
    assert backlog.end == 0
    voice.tell(appliance_spec(), one_sample())
    assert backlog.end == 1


def test_absolute_time_is_utc_in_the_basic_format() -> None:
    assert absolute_time(1_579_061_154_000) == "20200115T040554Z"


@given(st.integers(0, 10**11))
def test_a_duration_adds_up_again(span_ms: int) -> None:
    found = re.fullmatch(r"P(\d+)DT(\d+)H(\d+)M(\d+)S", duration(span_ms))
    assert found is not None
    days, hours, minutes, seconds = map(int, found.groups())
    assert ((days * 24 + hours) * 60 + minutes) * 60 + seconds == span_ms // 1_000
    assert hours < 24
    assert max(minutes, seconds) < 60


def serving(play: Callable[[HubServer, Backlog, int], Awaitable[None]], lines: int = 0) -> None:
    async def run() -> None:
        backlog = Backlog(10_000)
        for number in range(lines):
            backlog.append(b"%d\n" % number)
        server = HubServer(backlog)
        port = await server.listen("127.0.0.1", 0)
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await play(server, backlog, port)
        finally:
            await server.close()

    asyncio.run(run())


async def read_lines(reader: asyncio.StreamReader, count: int) -> list[int]:
    return [int(await reader.readline()) for _ in range(count)]


def test_a_client_gets_all_that_is_stored_and_then_what_comes() -> None:
    async def play(server: HubServer, backlog: Backlog, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await read_lines(reader, 1_234) == list(range(1_234))
        for number in (1_234, 1_235):
            backlog.append(b"%d\n" % number)
            server.announce()
            assert await read_lines(reader, 1) == [number]
        writer.close()
        await writer.wait_closed()

    serving(play, lines=1_234)


def test_every_connection_starts_from_the_beginning() -> None:
    async def play(_server: HubServer, _backlog: Backlog, port: int) -> None:
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await read_lines(reader, 3) == [0, 1, 2]
            writer.close()
            await writer.wait_closed()

    serving(play, lines=3)


def test_a_slow_client_neither_blocks_another_nor_loses_a_line() -> None:
    async def play(server: HubServer, backlog: Backlog, port: int) -> None:
        slow, slow_writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        quick, quick_writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(9_000):
            backlog.append(b"%d\n" % number)
        server.announce()
        assert await read_lines(quick, 9_000) == list(range(9_000))
        assert await read_lines(slow, 9_000) == list(range(9_000))
        for writer in (slow_writer, quick_writer):
            writer.close()
            await writer.wait_closed()

    serving(play)


def test_a_client_that_leaves_is_forgotten_at_once() -> None:
    async def play(server: HubServer, _backlog: Backlog, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await read_lines(reader, 1)
        assert len(server._clients) == 1
        writer.close()
        await writer.wait_closed()
        while server._clients:  # noqa: ASYNC110 - the server has no event for this; the time-out bounds it
            await asyncio.sleep(0.01)

    serving(play, lines=1)


def test_what_a_client_says_is_ignored() -> None:
    async def play(_server: HubServer, _backlog: Backlog, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 1_000)
        await writer.drain()
        assert await read_lines(reader, 3) == [0, 1, 2]
        writer.close()
        await writer.wait_closed()

    serving(play, lines=3)


def test_more_clients_than_the_bound_are_turned_away() -> None:
    async def play(_server: HubServer, _backlog: Backlog, port: int) -> None:
        welcome = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CLIENTS_MAX)]
        for reader, _ in welcome:
            await read_lines(reader, 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        for _, each in [*welcome, (reader, writer)]:
            each.close()
            await each.wait_closed()

    serving(play, lines=1)


def test_closing_lets_every_client_go() -> None:
    async def play(server: HubServer, _backlog: Backlog, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await read_lines(reader, 1)
        await server.close()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            assert await reader.readexactly(1)
        writer.close()

    serving(play, lines=1)


def test_a_taken_port_is_an_error_at_once() -> None:
    async def play(_server: HubServer, backlog: Backlog, port: int) -> None:
        with pytest.raises(OSError, match=str(port)):
            await HubServer(backlog).listen("127.0.0.1", port)

    serving(play)


def test_lines_are_sent_in_bounded_pieces() -> None:
    assert ds01.LINES_PER_WRITE <= 1_000
