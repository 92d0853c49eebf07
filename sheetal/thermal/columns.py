"""What `runs` and `histogram` measure, over whole columns of samples at once: the same results by `==`.

Instants are int64 milliseconds, temperatures int16 centi-degrees, which hold every plausible sample (−100 to +150 °C).
Times are summed as float64 and stay exact below 2**53 half-milliseconds, some 142,000 years.

    index        0     1     2     3        4      5
    beyond?      ·     x     x     x  gap   x      ·
    flips            1                           5            where "beyond" changes, from array to array by one !=
    cuts                              4                       the sample after a gap
    bounds          [1              4)[4         5)           begin and end of each run: flips, and cuts within, twice
    reach_ms    0  1→  2→  3→    cap→   5→          0         the span before each index, capped: what adjoins a run
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sheetal.contracts.limits import Side
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN
from sheetal.contracts.verdict import Run
from sheetal.thermal.runs import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sheetal.thermal.histogram import Histogram
    from sheetal.thermal.runs import Limit, Sample

_BEYOND: dict[tuple[Side, bool], Callable[..., NDArray[np.bool_]]] = {
    (Side.COLD, False): np.less,
    (Side.COLD, True): np.less_equal,
    (Side.HOT, False): np.greater,
    (Side.HOT, True): np.greater_equal,
}
_WORST = {Side.COLD: np.minimum, Side.HOT: np.maximum}


class Columns(NamedTuple):
    """A sorted series, at most one sample an instant."""

    at_ms: NDArray[np.int64]
    centi_celsius: NDArray[np.int16]

    def sample(self, index: int) -> Sample:
        """One sample as Python's own integers."""
        return int(self.at_ms[index]), int(self.centi_celsius[index])


class Trace(NamedTuple):
    """A series with what every limit needs of its times; `cuts` are the samples that come after a gap."""

    samples: Columns
    reach_ms: NDArray[np.int64]
    cuts: NDArray[np.intp]


def columns_of(samples: Sequence[Sample]) -> Columns:
    """The columns of a list of (ms, centi-degrees); raises ValueError for an implausible temperature."""
    at_ms, values = (np.fromiter(map(itemgetter(part), samples), np.int64, len(samples)) for part in (0, 1))
    if len(values) and (values.min() < CENTI_CELSIUS_MIN or values.max() > CENTI_CELSIUS_MAX):
        raise ValueError("an implausible temperature is no sample")
    return Columns(at_ms, values.astype(np.int16))


def trace_of(samples: Columns, cap_ms: int) -> Trace:
    """The series seen through a cap: how far each span reaches, and where the series is cut."""
    spans_ms = np.diff(samples.at_ms)
    reach_ms = np.zeros(len(samples.at_ms) + 1, np.int64)
    np.minimum(spans_ms, cap_ms, out=reach_ms[1:-1])
    return Trace(samples, reach_ms, np.flatnonzero(spans_ms > cap_ms) + 1)


def gaps(trace: Trace) -> list[Gap]:
    """The spans longer than the cap."""
    at_ms = trace.samples.at_ms
    return [Gap(*gap) for gap in zip(at_ms[trace.cuts - 1].tolist(), at_ms[trace.cuts].tolist(), strict=True)]


def known_times(trace: Trace) -> Histogram:
    """The known half-milliseconds at each temperature that was read."""
    known_ms = trace.reach_ms.astype(np.float64)
    known_ms[trace.cuts] = 0
    half_ms = known_ms[:-1] + known_ms[1:]
    values = trace.samples.centi_celsius
    coldest = int(values.min())
    place = values.astype(np.intp) - coldest
    sums = np.bincount(place, weights=half_ms)
    was_read = sums > 0
    was_read[place[half_ms == 0]] = True
    found = np.flatnonzero(was_read)
    return tuple(zip((found + coldest).tolist(), sums[found].astype(np.int64).tolist(), strict=True))


def find_runs(sensor: str, trace: Trace, limit: Limit) -> list[Run]:
    """Every run beyond the limit.

    The worst value of the last run is sought to the end of the series: what follows the run is never worse.
    """
    samples = trace.samples
    bounds = _bounds(trace, limit)
    if not len(bounds):
        return []
    begins, ends = bounds[::2], bounds[1::2]
    first_ms, last_ms = samples.at_ms[begins], samples.at_ms[ends - 1]
    before_ms, after_ms = trace.reach_ms[begins], trace.reach_ms[ends]
    confirmed = 2 * (last_ms - first_ms)
    facts = (
        first_ms,
        last_ms,
        first_ms - before_ms,
        confirmed,
        confirmed + 2 * (before_ms + after_ms),
        _WORST[limit.side].reduceat(samples.centi_celsius, bounds[:-1])[::2],
        ends - begins,
        ends == len(samples.at_ms),
    )
    return [_run(sensor, limit, row) for row in zip(*(fact.tolist() for fact in facts), strict=True)]


def _run(sensor: str, limit: Limit, row: tuple[int, int, int, int, int, int, int, bool]) -> Run:
    first_ms, last_ms, earliest_ms, confirmed, possible, extreme, samples, is_open = row
    return Run(
        sensor=sensor,
        side=limit.side,
        limit_centi_celsius=limit.limit_centi_celsius,
        first_ms=first_ms,
        last_ms=last_ms,
        earliest_possible_start_ms=earliest_ms,
        confirmed_half_ms=confirmed,
        possible_half_ms=possible,
        extreme_centi_celsius=extreme,
        samples=samples,
        open=is_open,
    )


def _bounds(trace: Trace, limit: Limit) -> NDArray[np.intp]:
    """Begin and end of each unbroken stretch of samples beyond the limit, in turn; the end is exclusive."""
    beyond = _BEYOND[limit.side, limit.inclusive](trace.samples.centi_celsius, limit.limit_centi_celsius)
    flips = np.flatnonzero(beyond[1:] != beyond[:-1]) + 1
    ends_of_series = np.flatnonzero(beyond[[0, -1]]) * len(beyond)
    cuts = trace.cuts[beyond[trace.cuts - 1] & beyond[trace.cuts]]
    return np.sort(np.concatenate((flips, ends_of_series, cuts, cuts)))
