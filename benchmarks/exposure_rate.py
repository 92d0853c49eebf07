"""How quickly a year of readings becomes an exposure: ten limits and five exponentials, from two arrays.

Ours gives all runs beyond ten limits with their confirmed and possible minutes, gaps, extremes, the life lost by four
kinds of vial monitor and the mean kinetic temperature, in exact integers. The limit in the same run is a bare NumPy
script over the same arrays that does ten comparisons with their masked sums and five exponentials, and finds no run.
`python -m benchmarks.exposure_rate` prints each repeat.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.record import Figure
from sheetal.contracts.limits import DAY_MS, MINUTE_MS, Side
from sheetal.thermal import mkt, vvm
from sheetal.thermal.columns import Columns
from sheetal.thermal.exposure import Exposure, summarise_columns
from sheetal.thermal.runs import Limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

YEAR_MINUTES = 365 * 24 * 60
CAP_MS = 3 * MINUTE_MS
BEGINS_MS = 1_760_000_000_000
REPEATS = 15
SHARE_GOAL = 0.4
RATE_GOAL = 15_000_000
LIMITS = tuple(
    sorted(
        [Limit(Side.COLD, limit, inclusive=True) for limit in (-200, -50, 0, 200)]
        + [Limit(Side.HOT, limit, inclusive=False) for limit in (800, 1000, 1500, 2500, 3000, 4000)]
    )
)
CURVES = ((1.0, 10_000.0), *((float(amplitude), float(kelvin)) for amplitude, kelvin in vvm.CONSTANTS.values()))


class Repeat(NamedTuple):
    """Readings a second of processor time."""

    ours: float
    bare: float


@cache
def year() -> Columns:
    """A refrigerator's year at one reading a minute: compressor cycles, sensor noise, faults that pass every limit."""
    random = np.random.default_rng(7)
    minutes = np.arange(YEAR_MINUTES)
    celsius = 4.5 + 1.2 * np.sin(minutes / 11) + 0.6 * np.sin(minutes / 229) + random.normal(0, 0.15, YEAR_MINUTES)
    for day in range(3, 365, 9):
        begin, length = day * 1440, int(random.integers(90, 900))
        there = slice(begin, begin + length)
        celsius[there] += np.linspace(0, random.choice([-9.0, 7.0, 18.0, 38.0]), length)
    kept = np.delete(
        minutes, np.concatenate([np.arange(begin, begin + 240) for begin in range(50_000, 500_000, 30_000)])
    )
    return Columns(BEGINS_MS + kept.astype(np.int64) * MINUTE_MS, np.rint(celsius[kept] * 100).astype(np.int16))


def ours(samples: Columns) -> tuple[Exposure, list[int], int | None]:
    """The exposure, the four lives lost in ppm, the mean kinetic temperature."""
    exposure = summarise_columns("gw-01.tvc", samples, CAP_MS, LIMITS)
    return exposure, [vvm.life_ppm(exposure.at, kind) for kind in vvm.CONSTANTS], mkt.centi_celsius_of(exposure.at)


def bare(samples: Columns) -> tuple[list[int], list[float]]:
    """Confirmed half-milliseconds beyond each limit, and each curve's integral in days, as a script would tell them."""
    spans = np.diff(samples.at_ms)
    spans[spans > CAP_MS] = 0
    confirmed = []
    for limit in LIMITS:
        beyond = _beyond(samples.centi_celsius, limit)
        confirmed.append(2 * int(spans[beyond[:-1] & beyond[1:]].sum()))
    kelvin = samples.centi_celsius / 100 + 273.15
    weights = np.zeros(len(kelvin))
    weights[:-1] += spans / 2
    weights[1:] += spans / 2
    return confirmed, [amplitude * float((np.exp(-b / kelvin) * weights).sum()) / DAY_MS for amplitude, b in CURVES]


def _beyond(values: NDArray[np.int16], limit: Limit) -> NDArray[np.bool_]:
    if limit.side is Side.COLD:
        return values <= limit.limit_centi_celsius if limit.inclusive else values < limit.limit_centi_celsius
    return values >= limit.limit_centi_celsius if limit.inclusive else values > limit.limit_centi_celsius


def measured() -> list[Repeat]:
    """Every repeat, ours and the script's in turn; the rate tables are warm, as in a running evaluator."""
    samples = year()
    ours(samples)
    bare(samples)
    rows = len(samples.at_ms)
    return [Repeat(rows / _seconds(ours, samples), rows / _seconds(bare, samples)) for _ in range(REPEATS)]


def _seconds(work: Callable[[Columns], object], samples: Columns) -> float:
    started = time.process_time()
    work(samples)
    return time.process_time() - started


def measure_share() -> Figure:
    """The figure `exposure.share_of_bare_numpy`: median of the repeats' ratios."""
    repeats = measured()
    ratios = [one.ours / one.bare for one in repeats]
    return Figure(
        value=statistics.median(ratios),
        unit=f"× ({statistics.median(one.ours for one in repeats):,.0f} readings/s of one core)",
        limit="a bare NumPy script's ten comparisons, masked sums and five exponentials, readings/s of one core",
        limit_value=statistics.median(one.bare for one in repeats),
        goal=SHARE_GOAL,
        better="higher",
        runs=[round(ratio, 2) for ratio in ratios],
        when=datetime.now(UTC).date().isoformat(),
    )


def measure_rate() -> Figure:
    """The figure `exposure.readings_per_core`: median of the repeats."""
    repeats = measured()
    return Figure(
        value=statistics.median(one.ours for one in repeats),
        unit="readings/s of one core (ten limits, four vial monitors, kinetic mean; a year at one a minute)",
        limit="a bare NumPy script's ten comparisons, masked sums and five exponentials, readings/s of one core",
        limit_value=statistics.median(one.bare for one in repeats),
        goal=RATE_GOAL,
        better="higher",
        runs=[round(one.ours) for one in repeats],
        when=datetime.now(UTC).date().isoformat(),
    )


def main() -> int:
    """Print each repeat."""
    for number, (own, limit) in enumerate(measured(), 1):
        print(f"{number}: {own:,.0f} readings/s, {limit:,.0f} by bare NumPy, {own / limit:.2f} ×")
    return 0


if __name__ == "__main__":
    sys.exit(main())
