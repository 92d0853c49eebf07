"""DS18B20 probes as the kernel shows them below /sys/bus/w1/devices, and switches that it shows as files of 0 or 1.

`w1_slave` holds the scratchpad twice: with `crc=.. YES` or `NO` behind the first, `t=` and thousandths of a degree
behind the second (kernel: Documentation/w1/slaves/w1_therm.rst). Reading it makes the probe convert, some 750 ms.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.settings.source import OneWireAux, OneWireProbe, OneWireSetting
from edge_agent.sources.polled import Answer, PolledSource
from sheetal.contracts.reading import Quality

if TYPE_CHECKING:
    from sheetal.contracts.clock import Clock

FILE_BYTES_MAX = 4_096
_SCRATCHPAD = re.compile(r"(?P<bytes>(?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (?P<good>YES|NO)\s", re.ASCII)
_MILLI_CELSIUS = re.compile(r"\bt=(-?\d{1,7})\s*\Z", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,7}", re.ASCII)
_SHORTED = "00 " * 9


def one_wire_source(gateway: str, setting: OneWireSetting, clock: Clock) -> PolledSource[OneWireProbe | OneWireAux]:
    """The source of one [[source]] of kind one_wire."""
    return PolledSource(gateway, [*setting.probe, *setting.aux], OneWireBus(Path(setting.root)), clock)


class OneWireBus:
    """The kernel's tree below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self) -> None:
        """Nothing is kept between rounds."""

    def read(self, point: OneWireProbe | OneWireAux) -> Answer:
        """Reads one probe or switch; a garbled scratchpad is read once more."""
        if isinstance(point, OneWireAux) and point.file:
            return _switch(point)
        folder = self._root / point.device
        answer = _probe(folder)
        return _probe(folder) if answer.quality is Quality.NO_VALUE else answer

    def close(self) -> None:
        """Nothing is open."""


def _probe(folder: Path) -> Answer:
    try:
        try:
            return scratchpad(_text(folder / "w1_slave"))
        except FileNotFoundError:
            return milli_celsius(_text(folder / "temperature"))
    except OSError as error:
        return Answer(quality=Quality.DISCONNECTED, why=f"{folder.name}: {error.strerror}")


def scratchpad(text: str) -> Answer:
    """The answer that a `w1_slave` file holds (pure)."""
    found = _SCRATCHPAD.match(text)
    if found is None:
        return Answer(quality=Quality.NO_VALUE, why="no scratchpad")
    if found["good"] != "YES":
        return Answer(quality=Quality.NO_VALUE, why="bad CRC")
    if found["bytes"] == _SHORTED:
        # Nine zeros have a good CRC and would be 0.00 °C; a probe that works never sends them.
        return Answer(quality=Quality.NO_VALUE, why="the data line is shorted")
    value = _MILLI_CELSIUS.search(text)
    return Answer(int(value[1]) / 1_000) if value else Answer(quality=Quality.NO_VALUE, why="no t=")


def milli_celsius(text: str) -> Answer:
    """The answer that a `temperature` file holds; it is empty where the conversion failed (pure)."""
    value = _INTEGER.fullmatch(text.strip())
    return Answer(int(value[0]) / 1_000) if value else Answer(quality=Quality.NO_VALUE, why="no number")


def _switch(aux: OneWireAux) -> Answer:
    try:
        text = _text(Path(aux.file)).strip()
    except OSError as error:
        return Answer(quality=Quality.DISCONNECTED, why=f"{aux.file}: {error.strerror}")
    if text not in {"0", "1"}:
        return Answer(quality=Quality.NO_VALUE, why="neither 0 nor 1")
    is_on = (text == "1") is not aux.active_low
    return Answer(aux.interval_ms / 1_000 if is_on else 0.0)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX).decode("ascii", errors="replace")
