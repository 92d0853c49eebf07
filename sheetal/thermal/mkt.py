"""Mean kinetic temperature: the one temperature that would have aged the product as much as the trace did.

T = (ΔH/R) / −ln(Σ wᵢ·exp(−ΔH/(R·Tᵢ)) / Σ wᵢ) with R = 8.3144 J/(mol·K); with ΔH = 83 144 J/mol, ΔH/R = 10 000 K by
design (USP <1160>; Haynes 1971, cited by ICH Q1A(R2)). Some loggers use 83 000, so ΔH stands beside every result. It is
evidence, never a verdict: cold only lowers it, and it says nothing of freezing. The weights are the known times of a
histogram, so no span beyond the cap is integrated, and the result carries its coverage.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from sheetal.contracts.verdict import MktUse
from sheetal.thermal.arrhenius import RateTable
from sheetal.thermal.histogram import total_half_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

JOULES_PER_MOLE = 83_144
COVERAGE_PERMILLE_MIN = 950
INSUFFICIENT = "insufficient data"
TRAPEZOID = "trapezoid over known spans; evidence, no verdict"
COOLED = "trapezoid over known spans, lowered by time below +2 °C; evidence, no verdict"
REFRIGERATED_CENTI_CELSIUS_MIN = 200


def rate(centi_celsius: int, joules_per_mole: int = JOULES_PER_MOLE) -> int:
    """exp(−ΔH/(R·T)) × 2**128; raises ValueError at or below absolute zero."""
    return _table(joules_per_mole)[centi_celsius]


def centi_celsius_of(at: Sequence[tuple[int, int]], joules_per_mole: int = JOULES_PER_MOLE) -> int | None:
    """The centi-degree whose rate is nearest to the mean rate of all known time; None where no time is known.

    It is looked up in the table, not reckoned back: so a constant temperature is its own mean, and the mean lies
    between the extremes, exactly.
    """
    stood = [centi_celsius for centi_celsius, half_ms in at if half_ms]
    if not stood:
        return None
    table = _table(joules_per_mole)
    doubled, weight = 2 * table.over(at), total_half_ms(at)

    def is_not_below_the_mean(centi_celsius: int) -> bool:
        return (table[centi_celsius] + table[centi_celsius + 1]) * weight >= doubled

    candidates = range(min(stood), max(stood))
    return candidates.start + bisect_left(candidates, x=True, key=is_not_below_the_mean)


def mean_kinetic(at: Sequence[tuple[int, int]], window_ms: int, joules_per_mole: int = JOULES_PER_MOLE) -> MktUse:
    """The mean over a window; "insufficient data" when known spans fill less than 95 % of it. Coverage is floored.

    The note says how it was reckoned, and whether cold had a part in it.
    """
    coverage = 1000 * total_half_ms(at) // (2 * window_ms) if window_ms > 0 else 0
    mean = centi_celsius_of(at, joules_per_mole) if coverage >= COVERAGE_PERMILLE_MIN else None
    is_cooled = any(half_ms and centi_celsius < REFRIGERATED_CENTI_CELSIUS_MIN for centi_celsius, half_ms in at)
    note = INSUFFICIENT if mean is None else COOLED if is_cooled else TRAPEZOID
    return MktUse(centi_celsius=mean, joules_per_mole=joules_per_mole, coverage_permille=coverage, note=note)


@cache
def _table(joules_per_mole: int) -> RateTable:
    """B = ΔH/R with R = 8.3144 J/(mol·K)."""
    return RateTable(1, Fraction(10_000 * joules_per_mole, 83_144))
