"""What a device's number is worth: hundredths of a degree, or the name of a fault (pure)."""

from __future__ import annotations

import math
from typing import Final

from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Quality

RANGES_CENTI_CELSIUS: Final = {
    "TVC": (-5_500, 6_000),
    "TFRZ": (-9_990, 6_000),
    "TAMB": (-5_500, 6_000),
    "TCON": (-5_500, 15_000),
    "TCON2": (-5_500, 15_000),
    "TPCB": (-5_500, 15_000),
    "TPCB2": (-5_500, 15_000),
}
"""DS01's own ranges; any other field may hold whatever a probe can physically say."""

OPEN_CIRCUIT_CENTI_CELSIUS: Final = -12_700
"""What a DS18B20 driver reports when the probe does not answer (trust.md section 4, F19)."""

POWER_ON_CENTI_CELSIUS: Final = 8_500
"""What a DS18B20 holds after power-on, before its first conversion (trust.md section 4, F19)."""

_SENTINELS: Final = {
    OPEN_CIRCUIT_CENTI_CELSIUS: Quality.OPEN_CIRCUIT,
    POWER_ON_CENTI_CELSIUS: Quality.POWER_ON_VALUE,
}


def named(centi_celsius: int | None, field: str = "") -> tuple[int | None, Quality]:
    """The value and OK, or no value and the fault's name; `field` is the DS01 field whose range holds."""
    if centi_celsius is None:
        return None, Quality.NO_VALUE
    if centi_celsius in _SENTINELS:
        return None, _SENTINELS[centi_celsius]
    lowest, highest = RANGES_CENTI_CELSIUS.get(field, (CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX))
    if not lowest <= centi_celsius <= highest:
        return None, Quality.OUT_OF_DEVICE_RANGE
    return centi_celsius, Quality.OK


def of_celsius(celsius: float, field: str = "") -> tuple[int | None, Quality]:
    """The same of degrees, rounded half to even at a hundredth."""
    if abs(celsius) > CENTI_CELSIUS_MAX:
        # First of all: an integer of hundreds of digits, which JSON may hold, is no float at all.
        return None, Quality.OUT_OF_DEVICE_RANGE
    if math.isnan(celsius):
        return None, Quality.NO_VALUE
    return named(round(celsius * 100), field)
