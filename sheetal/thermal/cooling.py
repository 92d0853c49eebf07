"""Newton's law of cooling, fitted to what an appliance's sensor said last: T(t) = A + (T0 − A)·e^(−t/τ).

An hour of readings seldom tells both where a curve goes (A) and how fast (τ): a short piece of it is nearly straight.
So every τ of a grid is fitted by least squares and weighed by how well it fits and by whether its A is a temperature
that a place of this world can have. What is asked of the fit, such as the minutes to a limit, is answered by the
weighted median of all candidates, with the tenth parts at both ends as its uncertainty.

Floats, not integers: a forecast is no verdict, and nothing is held for it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TAU_MINUTES = np.geomspace(8.0, 12_000.0, 40)
"""From a bare probe in air (minutes) to a cold box of well-packed ice (days)."""
SAMPLES_MIN = 4
ERROR_CELSIUS_MIN = 0.15
"""A logger's steps of 0.1 °C, its noise, and what one exponential misses of air, load and lining together."""
INDEPENDENT_MINUTES = 20.0
"""Errors of a lumped model last: readings closer together than this tell as much as one. With the error above, eight of
ten true instants lie between low and high on the simulator's failures (docs/forecast.md)."""
ASYMPTOTE_CELSIUS_MIN, ASYMPTOTE_CELSIUS_MAX = -95.0, 50.0
"""Colder than an ultra-low freezer's plate, and hotter than the rooms that a refrigerator is built for."""
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9


class Fit(NamedTuple):
    """Candidates side by side, one a τ: where each goes, where it stands at the newest instant, and its weight.

    Weights add up to 1. `error_celsius` is the root mean square residual of the best one.
    """

    asymptotes_celsius: Floats
    newest_celsius: Floats
    weights: Floats
    error_celsius: float
    samples: int

    @property
    def best(self) -> int:
        """The number of the likeliest candidate."""
        return int(np.argmax(self.weights))

    @property
    def tau_minutes(self) -> float:
        """The likeliest time constant."""
        return float(TAU_MINUTES[self.best])

    @property
    def asymptote_celsius(self) -> float:
        """Where the likeliest candidate goes."""
        return float(self.asymptotes_celsius[self.best])


class Crossing(NamedTuple):
    """Minutes after the newest sample at which a limit is crossed: tenth, median and nine tenths; None for never."""

    low: float | None
    middle: float | None
    high: float | None


def fit(minutes: Sequence[float], celsius: Sequence[float]) -> Fit | None:
    """The curves through these samples; `minutes` rise to 0 at the newest. None where they cannot say anything."""
    if len(minutes) < SAMPLES_MIN:
        return None
    at, values = np.asarray(minutes, dtype=np.float64), np.asarray(celsius, dtype=np.float64)
    decays = np.exp(-at[np.newaxis, :] / TAU_MINUTES[:, np.newaxis])
    centred = decays - decays.mean(axis=1, keepdims=True)
    spread = (centred * centred).sum(axis=1)
    slopes = (centred * (values - values.mean())).sum(axis=1) / spread
    asymptotes = values.mean() - slopes * decays.mean(axis=1)
    residuals = values - (asymptotes[:, np.newaxis] + slopes[:, np.newaxis] * decays)
    squares = (residuals * residuals).sum(axis=1)
    weights = _weights(squares, asymptotes, len(minutes), float(at[-1] - at[0]))
    if weights is None:
        return None
    error = math.sqrt(float(squares[int(np.argmax(weights))]) / len(minutes))
    return Fit(asymptotes, asymptotes + slopes, weights, error, len(minutes))


def crossing(found: Fit, limit_celsius: float, *, is_warming: bool) -> Crossing:
    """When the curve passes a limit on its way up, or down; 0 for a candidate that has passed it."""
    sign = 1.0 if is_warming else -1.0
    left = sign * (limit_celsius - found.newest_celsius)
    whole = sign * (found.asymptotes_celsius - found.newest_celsius)
    with np.errstate(divide="ignore", invalid="ignore"):
        minutes = -TAU_MINUTES * np.log1p(-left / whole)
    minutes = np.where(left <= 0, 0.0, np.where(whole > left, minutes, np.inf))
    order = np.argsort(minutes)
    reached = np.cumsum(found.weights[order])
    low, middle, high = (_finite(minutes[order][_first(reached, share)]) for share in (LOW, MIDDLE, HIGH))
    return Crossing(low, middle, high)


def _weights(squares: Floats, asymptotes: Floats, samples: int, span_minutes: float) -> Floats | None:
    """How likely each candidate is; None where none of them goes anywhere that exists."""
    exists = (asymptotes >= ASYMPTOTE_CELSIUS_MIN) & (asymptotes <= ASYMPTOTE_CELSIUS_MAX)
    if not exists.any():
        return None
    best = float(squares[exists].min())
    variance = max(ERROR_CELSIUS_MIN**2, best / max(1, samples - 2))
    independent = min(float(samples), 1 + span_minutes / INDEPENDENT_MINUTES)
    likelihood = np.where(exists, np.exp(-0.5 * (squares - best) / variance * independent / samples), 0.0)
    weights: Floats = likelihood / likelihood.sum()
    return weights


def _first(reached: Floats, share: float) -> int:
    """The first candidate by which this share of the weight has been met."""
    return min(int(np.searchsorted(reached, share)), len(reached) - 1)


def _finite(minutes: np.float64) -> float | None:
    return float(minutes) if np.isfinite(minutes) else None
