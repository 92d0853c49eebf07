from __future__ import annotations

import asyncio
import os
import termios
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import serial

from firmware_sim.backlog import Backlog
from firmware_sim.protocols.ds01 import encode
from firmware_sim.protocols.ds01_serial import SerialVoice
from tests.firmware_sim.given import appliance_spec, one_sample

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SECONDS_MAX = 20.0
SPEC = appliance_spec()


def line(number: int) -> bytes:
    return encode(SPEC, one_sample(door_seconds=number))


def speaking(folder: Path, play: Callable[[SerialVoice, Path], Awaitable[None]], lines: int) -> None:
    async def run() -> None:
        voice = SerialVoice(Backlog(10_000), folder / "gw-01" / "line")
        for number in range(lines):
            voice.tell(SPEC, one_sample(door_seconds=number))
        link = folder / "gw-01" / "line"
        assert await voice.open() == str(link)
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await play(voice, link)
        finally:
            await voice.close()
        assert not link.is_symlink()

    asyncio.run(run())


async def read_lines(link: Path, count: int) -> list[bytes]:
    """As a gateway would read a serial port."""

    def read() -> list[bytes]:
        with serial.Serial(str(link), 115_200, timeout=SECONDS_MAX) as port:
            return [port.readline() for _ in range(count)]

    return await asyncio.to_thread(read)


def test_whoever_opens_the_line_gets_all_that_is_stored_then_what_comes(tmp_path: Path) -> None:
    async def play(voice: SerialVoice, link: Path) -> None:
        reading = asyncio.create_task(read_lines(link, 302))
        await asyncio.sleep(0.3)
        for number in (300, 301):
            voice.tell(SPEC, one_sample(door_seconds=number))
            voice.announce()
        assert await reading == [line(number) for number in range(302)]

    speaking(tmp_path, play, lines=300)


def test_each_opening_starts_from_the_beginning(tmp_path: Path) -> None:
    async def play(_voice: SerialVoice, link: Path) -> None:
        for count in (3, 50, 3):
            told = await read_lines(link, count)
            assert told[-3:] == [line(number) for number in range(count - 3, count)]
            await asyncio.sleep(0.3)

    speaking(tmp_path, play, lines=50)


def test_a_restarting_logger_says_nothing(tmp_path: Path) -> None:
    async def play(voice: SerialVoice, link: Path) -> None:
        voice.tell(SPEC, one_sample(recorded=False, door_seconds=1))
        voice.tell(SPEC, one_sample(door_seconds=2))
        assert await read_lines(link, 2) == [line(0), line(2)]

    speaking(tmp_path, play, lines=1)


def test_a_reader_that_stops_reading_holds_nobody_up(tmp_path: Path) -> None:
    async def play(voice: SerialVoice, link: Path) -> None:
        held = os.open(link, os.O_RDONLY | os.O_NOCTTY)
        try:
            await asyncio.sleep(0.3)
            for number in range(2_000):
                voice.tell(SPEC, one_sample(door_seconds=number))
            turn = asyncio.get_running_loop().time()
            await asyncio.sleep(0.05)
            assert asyncio.get_running_loop().time() - turn < 1
        finally:
            os.close(held)

    speaking(tmp_path, play, lines=2_000)


def test_the_line_is_raw_and_echoes_nothing(tmp_path: Path) -> None:
    async def play(_voice: SerialVoice, link: Path) -> None:
        descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            _, output, _, local, *_ = termios.tcgetattr(descriptor)
        finally:
            os.close(descriptor)
        assert not output & termios.OPOST
        assert not local & (termios.ECHO | termios.ICANON)

    speaking(tmp_path, play, lines=0)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_closing_leaves_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    before = (threading.active_count(), descriptors())

    async def play(_voice: SerialVoice, _link: Path) -> None:
        await asyncio.sleep(0)

    speaking(tmp_path, play, lines=1)
    assert (threading.active_count(), descriptors()) == before
