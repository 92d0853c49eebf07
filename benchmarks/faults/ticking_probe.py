"""A DS18B20 in a folder of files whose temperature tells the time: each value is there once, and it is known when.

Inside the limits it counts up from 2.00 °C in hundredths, in an excursion down from −1.00 °C; a value stays for a tenth
of a second, so 600 of them last a minute. The thousandths behind `t=` are finer than a real probe's sixteenths.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Self

from firmware_sim.protocols.ds18b20 import scratchpad, w1_slave

if TYPE_CHECKING:
    from pathlib import Path

DEVICE = "28-000000000001"
STEP_SECONDS = 0.1
CALM_CENTI_CELSIUS = 200
COLD_CENTI_CELSIUS = -100


class Said(NamedTuple):
    """A value, and between which true instants it could be read."""

    centi_celsius: int
    from_ms: int
    until_ms: int


class TickingProbe:
    """Writes its file in a thread of its own; a context manager."""

    def __init__(self, root: Path) -> None:
        self._file = root / DEVICE / "w1_slave"
        self._file.parent.mkdir(parents=True)
        self._stopping = threading.Event()
        self._cold = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._told: list[tuple[int, int]] = []

    @property
    def is_cold(self) -> bool:
        """Whether an excursion goes on."""
        return self._cold.is_set()

    def freeze(self) -> None:
        """An excursion begins."""
        self._cold.set()

    def thaw(self) -> None:
        """It ends."""
        self._cold.clear()

    def truth(self) -> list[Said]:
        """Everything it said, once it has stopped."""
        ends = [*(at_ms for _, at_ms in self._told[1:]), true_ms()]
        return [Said(value, at_ms, end_ms) for (value, at_ms), end_ms in zip(self._told, ends, strict=True)]

    def __enter__(self) -> Self:
        self._say(CALM_CENTI_CELSIUS)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        step = 0
        while not self._stopping.wait(STEP_SECONDS):
            step += 1
            self._say(COLD_CENTI_CELSIUS - step if self._cold.is_set() else CALM_CENTI_CELSIUS + step)

    def _say(self, centi_celsius: int) -> None:
        """A reader sees one value or the next: the file is replaced as a whole, between the two instants noted."""
        made = self._file.with_suffix(".next")
        words, found, _ = w1_slave(scratchpad(centi_celsius / 100)).rpartition("t=")
        made.write_text(f"{words}{found}{centi_celsius * 10}\n")
        at_ms = true_ms()
        made.replace(self._file)
        self._told.append((centi_celsius, at_ms))


def true_ms() -> int:
    """The truth, which is also ingest's clock here."""
    return time.time_ns() // 1_000_000
