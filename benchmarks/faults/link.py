"""A link to the broker that we hold in our hands: it can go dark, lie about what arrived, double, delay and reorder.

A TCP proxy in a thread of its own that understands MQTT packets. Dark means what a dead mobile network means: it
accepts, it closes nothing, and nothing comes through until it heals. Slow means that only so many bytes a second are
read from one end, whatever the other would take.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from benchmarks.faults.mqtt_frames import PUBACK, Frame, FrameSplitter, puback

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

READ_BYTES = 64 * 1024
START_SECONDS_MAX = 10.0
SLOW_STEP_SECONDS = 0.05
DATA = "/data"


class Passage:
    """One connection through the link; a subclass may treat packets otherwise than to hand them on."""

    def __init__(self, to_client: asyncio.StreamWriter, to_broker: asyncio.StreamWriter) -> None:
        self._to_client = to_client
        self._to_broker = to_broker

    def from_client(self, frame: Frame) -> None:
        """One packet on its way to the broker."""
        self.send_to_broker(frame)

    def from_broker(self, frame: Frame) -> None:
        """One packet on its way to the client."""
        self.send_to_client(frame)

    async def run(self) -> None:
        """Whatever the passage does by itself while it is open."""

    def send_to_broker(self, frame: Frame) -> None:
        """Lets a packet go on."""
        self._to_broker.write(frame.encode())

    def send_to_client(self, frame: Frame) -> None:
        """Lets a packet go on."""
        self._to_client.write(frame.encode())


class Link:
    """A listening port whose connections go on to `target_port`; a context manager.

    Setting `to_broker_bytes_per_second` or `to_client_bytes_per_second` makes that direction slow, None quick again.
    """

    def __init__(
        self, target_port: int, passage: Callable[[asyncio.StreamWriter, asyncio.StreamWriter], Passage] = Passage
    ) -> None:
        self.port = 0
        self.to_broker_bytes_per_second: float | None = None
        self.to_client_bytes_per_second: float | None = None
        self._target_port = target_port
        self._passage = passage
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._started = threading.Event()
        self._ended = asyncio.Event()
        self._light = asyncio.Event()
        self._light.set()
        self._passages: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients find the broker through this link."""
        return f"mqtt://127.0.0.1:{self.port}"

    def go_dark(self) -> None:
        """From now on nothing comes through, either way; nobody is told."""
        self._loop.call_soon_threadsafe(self._light.clear)

    def heal(self) -> None:
        """What waited comes through, as after a network's silence."""
        self._loop.call_soon_threadsafe(self._light.set)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(START_SECONDS_MAX):
            raise RuntimeError("the link did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(START_SECONDS_MAX)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._ended.wait()
        server.close()
        for task in self._passages:
            task.cancel()
        await asyncio.gather(*self._passages, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._passages.add(task)
        try:
            await self._light.wait()
            await self._carry(reader, writer)
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self._passages.discard(task)
            writer.transport.abort()

    async def _carry(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._target_port)
        passage = self._passage(to_client, to_broker)
        ways: list[Coroutine[None, None, None]] = [
            self._pump(from_client, passage.from_client, to_broker, lambda: self.to_broker_bytes_per_second),
            self._pump(from_broker, passage.from_broker, to_client, lambda: self.to_client_bytes_per_second),
        ]
        own = asyncio.create_task(passage.run())
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, own):
                task.cancel()
                with suppress(OSError, ValueError, asyncio.CancelledError):
                    await task
            to_broker.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        handle: Callable[[Frame], None],
        writer: asyncio.StreamWriter,
        pace: Callable[[], float | None],
    ) -> None:
        splitter = FrameSplitter()
        while data := await reader.read(READ_BYTES):
            await self._light.wait()
            await _hold_back(len(data), pace)
            for frame in splitter.feed(data):
                handle(frame)
            await writer.drain()


async def _hold_back(size_bytes: float, pace: Callable[[], float | None]) -> None:
    """Waits as long as so many bytes take at the present pace; not at all without one."""
    while size_bytes > 0 and (bytes_per_second := pace()) is not None:
        await asyncio.sleep(SLOW_STEP_SECONDS)
        size_bytes -= bytes_per_second * SLOW_STEP_SECONDS


class LyingLink(Link):
    """Counts the data messages that were PUBACKed; while `lying` it PUBACKs them itself and throws them away."""

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port, lambda *writers: _Liar(self, *writers))
        self.lying = False
        self.confirmed = 0


class _Liar(Passage):
    def __init__(self, link: LyingLink, to_client: asyncio.StreamWriter, to_broker: asyncio.StreamWriter) -> None:
        super().__init__(to_client, to_broker)
        self._link = link
        self._data: set[int] = set()

    def from_client(self, frame: Frame) -> None:
        is_data = frame.is_confirmed_publish and frame.topic.endswith(DATA)
        if is_data and self._link.lying:
            self._link.confirmed += 1
            self.send_to_client(puback(frame.number))
            return
        if is_data:
            self._data.add(frame.number)
        self.send_to_broker(frame)

    def from_broker(self, frame: Frame) -> None:
        if frame.kind == PUBACK and frame.number in self._data:
            self._data.remove(frame.number)
            self._link.confirmed += 1
        self.send_to_client(frame)
