"""Arrhenius rates as integers: amplitude · exp(−B/T) × 2**128 at each centi-degree, each reckoned once.

Integers add up in any order to the same sum, so what is built on them obeys its laws with `==`. Decimals of 60 digits
are correctly rounded everywhere, so a table is the same on every machine. At −100 °C exp(−10000/T) is 8e-26; 2**128
leaves 13 significant digits there, so an entry errs by less than 1e-9.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from sheetal.thermal.histogram import Times

ZERO_CELSIUS_CENTI_KELVIN = 27_315
SCALE = 2**128
_CONTEXT = Context(prec=60)


class RateTable(dict[int, int]):
    """Scaled rates of one curve by centi-degree, a missing one reckoned when it is asked for.

    `kelvin` is B, the activation energy over the gas constant.
    """

    def __init__(self, amplitude: int, kelvin: Fraction) -> None:
        super().__init__()
        self._amplitude = Decimal(amplitude * SCALE)
        self._kelvin = kelvin

    def __missing__(self, centi_celsius: int) -> int:
        """Raises ValueError at or below absolute zero."""
        centi_kelvin = centi_celsius + ZERO_CELSIUS_CENTI_KELVIN
        if centi_kelvin <= 0:
            raise ValueError(f"below absolute zero: {centi_celsius} centi-degrees")
        numerator, denominator = self._kelvin.as_integer_ratio()
        exponent = _CONTEXT.divide(Decimal(-100 * numerator), Decimal(denominator * centi_kelvin))
        scaled = _CONTEXT.multiply(self._amplitude, _CONTEXT.exp(exponent))
        self[centi_celsius] = found = int(_CONTEXT.to_integral_value(scaled))
        return found

    def over(self, times: Times) -> int:
        """The scaled rate summed over half-milliseconds, each at its temperature."""
        return sum(self[centi_celsius] * half_ms for centi_celsius, half_ms in times)
