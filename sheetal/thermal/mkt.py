"""Mean kinetic temperature: the one temperature that would have aged the product as much as the trace did.

T = (ΔH/R) / −ln(Σ wᵢ·exp(−ΔH/(R·Tᵢ)) / Σ wᵢ) with ΔH = 83.144 kJ/mol and R = 8.3144e-3 kJ/(mol·K), so ΔH/R = 10 000 K
by design (USP <1160>; Haynes 1971, cited by ICH Q1A(R2)). It is evidence, never a verdict: cold only lowers it, and it
says nothing of freezing. Weights are times: each known span gives half to each of its ends, which is the trapezoid on
exp(−ΔH/RT) (Tong & Lock 2015). No span beyond the cap is integrated, so the result carries its coverage.
"""

from __future__ import annotations

from decimal import Context, Decimal
from functools import cache
from typing import NamedTuple

DELTA_H_KILOJOULES_PER_MOLE = 83.144
DELTA_H_OVER_R_KELVIN = 10_000
ZERO_CELSIUS_CENTI_KELVIN = 27_315
COVERAGE_PERCENT_MIN = 95
SCALE_BITS = 128
"""At −100 °C exp(−10000/T) is 8e-26; 2**128 leaves 13 significant digits there, so tables err by less than 1e-9."""

_CONTEXT = Context(prec=60)


class MeanKinetic(NamedTuple):
    """The result; `celsius` is None when there is too little data, and `note` says so."""

    celsius: float | None
    coverage_percent: float
    note: str


@cache
def rate(centi_celsius: int) -> int:
    """exp(−ΔH/(R·T)) × 2**128, rounded to an integer; correctly rounded decimals make it the same on every machine.

    Raises ValueError at or below absolute zero.
    """
    centi_kelvin = centi_celsius + ZERO_CELSIUS_CENTI_KELVIN
    if centi_kelvin <= 0:
        raise ValueError(f"below absolute zero: {centi_celsius} centi-degrees")
    exponent = _CONTEXT.divide(Decimal(-100 * DELTA_H_OVER_R_KELVIN), Decimal(centi_kelvin))
    return int(_CONTEXT.multiply(_CONTEXT.exp(exponent), Decimal(2**SCALE_BITS)).to_integral_value())


def celsius_of(rate_sum: int, weight: int) -> float:
    """The temperature whose rate is the weighted mean `rate_sum / weight`; raises ValueError for no weight."""
    if weight <= 0:
        raise ValueError("a mean needs weight")
    mean = _CONTEXT.divide(Decimal(rate_sum), Decimal(weight * 2**SCALE_BITS))
    kelvin = _CONTEXT.divide(Decimal(DELTA_H_OVER_R_KELVIN), -_CONTEXT.ln(mean))
    return float(kelvin) - ZERO_CELSIUS_CENTI_KELVIN / 100


def mean_kinetic(rate_sum: int, known_half_ms: int, window_ms: int) -> MeanKinetic:
    """The mean over a window, or "insufficient data" when known spans fill less than 95 % of it."""
    coverage = 100 * known_half_ms / (2 * window_ms) if window_ms > 0 else 0.0
    if known_half_ms <= 0 or coverage < COVERAGE_PERCENT_MIN:
        return MeanKinetic(None, coverage, "insufficient data")
    return MeanKinetic(
        celsius_of(rate_sum, known_half_ms), coverage, "trapezoid over known spans; evidence, no verdict"
    )
