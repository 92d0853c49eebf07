"""One temperature sample of one sensor at one instant."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

CENTI_CELSIUS_MIN = -10_000
CENTI_CELSIUS_MAX = 15_000


class Quality(IntEnum):
    """What a sample is worth; only `OK` carries a temperature, every other value names a fault."""

    OK = 0
    NO_VALUE = 1
    OPEN_CIRCUIT = 2
    POWER_ON_VALUE = 3
    DISCONNECTED = 4
    OUT_OF_DEVICE_RANGE = 5


class Reading(NamedTuple):
    """A sample as the readings store keeps it; its key is (sensor, measured_at_ms).

    `centi_celsius` is hundredths of a degree, None exactly when `quality` is a fault. `boot` and `sequence`
    name the gateway's row it came from.
    """

    sensor: str
    measured_at_ms: int
    centi_celsius: int | None
    quality: int
    boot: int
    sequence: int


def is_plausible(reading: Reading) -> bool:
    """Whether the sample can exist: in the physical range of DS01 probes, and valueless exactly when faulty."""
    if reading.quality != Quality.OK:
        return reading.centi_celsius is None
    value = reading.centi_celsius
    return value is not None and CENTI_CELSIUS_MIN <= value <= CENTI_CELSIUS_MAX


def celsius(centi_celsius: int) -> float:
    """Degrees Celsius for people; decisions stay in integers."""
    return centi_celsius / 100
