"""Readings as InfluxDB line protocol, in bytes: `reading,sensor=gw-01.tvc t=4.52,q=0i,b=7i,seq=17i 1700000000000`.

One tag only, so that the number of series is the number of sensors. A temperature is always a float and every other
field always an integer, because a field's type is settled by its first write. A fault reading carries no `t`.
Timestamps are milliseconds: the request says `precision=ms`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sheetal.contracts.reading import Reading

MEASUREMENT = "reading"
_ESCAPES = str.maketrans({" ": r"\ ", ",": r"\,", "=": r"\="})


def lines_of(readings: Iterable[Reading]) -> list[bytes]:
    """One line for each reading, in order, without line ends; the readings are such as the port's edge lets through."""
    return [
        (
            f"{_series(sensor)} {_temperature(centi_celsius)}q={quality}i,b={boot}i,seq={sequence}i {measured_at_ms}"
        ).encode()
        for sensor, measured_at_ms, centi_celsius, quality, boot, sequence in readings
    ]


def centi_celsius_of(celsius: float | None, quality: int) -> int | None:
    """A stored `t` back in centi-degrees; None for a fault, also where an older `t` was left under its key."""
    return None if celsius is None or quality != 0 else round(celsius * 100)


@lru_cache(maxsize=65_536)
def _series(sensor: str) -> str:
    return f"{MEASUREMENT},sensor={sensor.translate(_ESCAPES)}"


@lru_cache(maxsize=32_768)
def _temperature(centi_celsius: int | None) -> str:
    return "" if centi_celsius is None else f"t={centi_celsius / 100},"
