"""Readings as InfluxDB line protocol, in bytes: `reading,sensor=gw-01.tvc t=4.52,q=0i,b=7i,seq=17i 1700000000000`.

One tag only, so that the number of series is the number of sensors. A temperature is always a float and every other
field always an integer, because a field's type is settled by its first write. A fault reading carries no `t`.
Timestamps are milliseconds: the request says `precision=ms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.reading import Reading

MEASUREMENT = "reading"
_ESCAPES = str.maketrans({" ": r"\ ", ",": r"\,", "=": r"\="})


class _Temperatures(dict[int | None, str]):
    """The field of each centi-degree, written out once; the port's edge bounds what can be asked for."""

    def __missing__(self, centi_celsius: int | None) -> str:
        text = self[centi_celsius] = "" if centi_celsius is None else f"t={centi_celsius / 100},"
        return text


_TEMPERATURES = _Temperatures()


def body_of(readings: Sequence[Reading]) -> bytes:
    """One line for each reading, in order; the readings are such as the port's edge lets through."""
    temperatures = _TEMPERATURES
    return "\n".join(
        [
            f"reading,sensor={sensor} {temperatures[centi_celsius]}"
            f"q={quality}i,b={boot}i,seq={sequence}i {measured_at_ms}"
            for sensor, measured_at_ms, centi_celsius, quality, boot, sequence in _escaped(readings)
        ]
    ).encode()


def centi_celsius_of(celsius: float | None, quality: int) -> int | None:
    """A stored `t` back in centi-degrees; None for a fault, also where an older `t` was left under its key."""
    return None if celsius is None or quality != 0 else round(celsius * 100)


def _escaped(readings: Sequence[Reading]) -> Sequence[Reading]:
    """The rows with their names as a line carries them; nearly always as they are, which one look at all tells."""
    names = "".join([reading[0] for reading in readings])
    if not (" " in names or "," in names or "=" in names):
        return readings
    return [reading._replace(sensor=reading.sensor.translate(_ESCAPES)) for reading in readings]
