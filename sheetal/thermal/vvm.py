"""The life that a vaccine vial monitor loses by heat: A·exp(−B/T) a day, from published constants.

It is a computation from what the appliance was like, never a reading of the vial: a monitor is blind to freezing, and
what it lost before the trace began is not in it. By these constants a life ends 13 % sooner at 37 °C and 21 % sooner at
25 and 5 °C than by the nominal days of WHO E006/IN05, which is the careful side; the two must never be mixed. Below
+2 °C the curve goes on: less is lost there than at +2 °C, but never nothing.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS, Source
from sheetal.thermal.arrhenius import SCALE, RateTable

if TYPE_CHECKING:
    from sheetal.thermal.histogram import Times

CONSTANTS = {
    "2": (144_220_000_000_000_000, 12_429),
    "7": (2_153_200_000_000_000_000, 13_652),
    "14": (1_076_600_000_000_000_000, 13_652),
    "30": (511_310_000_000_000_000, 13_657),
}
"""A a day and B in kelvin, by type; none are published for types 11 and 250."""
TYPES = frozenset(CONSTANTS)
SOURCE = Source(
    citation="Goldwood & Diesburg 2018, constants as used by nexleaf/remaining_vvm_life: life lost a day A·exp(−B/T)",
    confidence="medium",
)
PPM = 1_000_000
_WHOLE_LIFE = 2 * DAY_MS * SCALE


def life_ppm(at: Times, vvm_type: str) -> int:
    """Parts per million of a monitor's life lost in (centi-degrees, half-milliseconds), to the nearest one.

    Over 1,000,000 the discard point is passed. Raises ValueError for a type without published constants.
    """
    return (PPM * _table(vvm_type).over(at) + _WHOLE_LIFE // 2) // _WHOLE_LIFE


@cache
def _table(vvm_type: str) -> RateTable:
    if vvm_type not in CONSTANTS:
        raise ValueError(f"no constants are published for VVM type {vvm_type!r}; there are: {', '.join(CONSTANTS)}")
    amplitude, kelvin = CONSTANTS[vvm_type]
    return RateTable(amplitude, Fraction(kelvin))
