"""A link from the broker to ingest that doubles, delays and reorders data messages.

It confirms each message to the broker at once and in order, as some brokers insist, gathers a window, shuffles it,
doubles some, keeps some for the next window, and gives them on under numbers of its own. What it swallows in between
is MQTT's confirmation alone, on which nothing rests.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.link import DATA, Link, Passage
from benchmarks.faults.mqtt_frames import PUBACK, puback

if TYPE_CHECKING:
    from benchmarks.faults.mqtt_frames import Frame

NUMBERS = 65_535
UNCONFIRMED_MAX = 900
"""Below the thousand that ingest asks for."""
TURN_SECONDS = 0.02


class Disorder(NamedTuple):
    """How much: window in messages and seconds, shares of doubled and of delayed messages."""

    window: int = 1_000
    window_seconds: float = 2.0
    doubled_share: float = 0.1
    delayed_share: float = 0.05


class ShufflingLink(Link):
    """Counts what it did, over all connections."""

    def __init__(self, target_port: int, disorder: Disorder, seed: int) -> None:
        super().__init__(target_port, lambda *writers: _Shuffler(self, *writers))
        self.disorder = disorder
        self.chance = random.Random(f"disorder {seed}")
        self.messages = 0
        self.doubled = 0
        self.largest_window = 0


class _Shuffler(Passage):
    def __init__(self, link: ShufflingLink, to_client: asyncio.StreamWriter, to_broker: asyncio.StreamWriter) -> None:
        super().__init__(to_client, to_broker)
        self._link = link
        self._window: list[Frame] = []
        self._began_seconds = 0.0
        self._number = 0
        self._unconfirmed: set[int] = set()
        self._room = asyncio.Event()

    def from_broker(self, frame: Frame) -> None:
        if not (frame.is_confirmed_publish and frame.topic.endswith(DATA)):
            self.send_to_client(frame)
            return
        self.send_to_broker(puback(frame.number))
        if not self._window:
            self._began_seconds = asyncio.get_running_loop().time()
        self._window.append(frame)
        self._link.messages += 1

    def from_client(self, frame: Frame) -> None:
        if frame.kind == PUBACK:
            self._unconfirmed.discard(frame.number)
            self._room.set()
        else:
            self.send_to_broker(frame)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TURN_SECONDS)
            if self._is_due():
                await self._let_go()

    def _is_due(self) -> bool:
        disorder = self._link.disorder
        waited_seconds = asyncio.get_running_loop().time() - self._began_seconds
        return bool(self._window) and (len(self._window) >= disorder.window or waited_seconds > disorder.window_seconds)

    async def _let_go(self) -> None:
        link, window = self._link, self._window
        link.largest_window = max(link.largest_window, len(window))
        link.chance.shuffle(window)
        kept_back = round(len(window) * link.disorder.delayed_share)
        self._window, going = window[:kept_back], window[kept_back:]
        self._began_seconds = asyncio.get_running_loop().time()
        doubles = [frame for frame in going if link.chance.random() < link.disorder.doubled_share]
        link.doubled += len(doubles)
        for frame in doubles:
            going.insert(link.chance.randint(0, len(going)), frame)
        for frame in going:
            if len(self._unconfirmed) >= UNCONFIRMED_MAX:
                self._room.clear()
                await self._room.wait()
            self._number = self._number % NUMBERS + 1
            self._unconfirmed.add(self._number)
            self.send_to_client(frame.renumbered(self._number))
