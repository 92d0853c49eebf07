"""How long a trace was known to stand at each temperature: all that a kinetic mean or a vial monitor needs of it.

The span between two readings at most the cap apart belongs half to each, as everywhere in the house; that is the
trapezoid on any function of the temperature (Tong & Lock 2015). A histogram has one entry for each temperature that was
read, in order, also where no known time adjoins it: so its ends are the extremes. Histograms add in any order.

    5.0 ─── 10 ms ─── 5.1 ─── 20 ms ─── 5.0 ···gap··· 9.0      ((500, 10 + 20), (510, 10 + 20), (900, 0))
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.thermal.runs import Sample

    Times = Iterable[tuple[int, int]]

Histogram = tuple[tuple[int, int], ...]
"""(centi-degrees, known half-milliseconds at it), sorted."""


def known_times(samples: Sequence[Sample], cap_ms: int) -> Histogram:
    """The histogram of a sorted series of (ms, centi-degrees)."""
    found = {centi_celsius: 0 for _, centi_celsius in samples}
    for (earlier, left), (later, right) in pairwise(samples):
        if later - earlier <= cap_ms:
            found[left] += later - earlier
            found[right] += later - earlier
    return tuple(sorted(found.items()))


def add(times: Iterable[Times]) -> Histogram:
    """The histogram of all times together."""
    found: dict[int, int] = {}
    for part in times:
        for centi_celsius, half_ms in part:
            found[centi_celsius] = found.get(centi_celsius, 0) + half_ms
    return tuple(sorted(found.items()))


def total_half_ms(times: Times) -> int:
    """All known time."""
    return sum(half_ms for _, half_ms in times)
