"""Counting without a library, cheap enough for every hot path; `sheetal.metrics` reads it when somebody asks.

`Buckets` is for one counting thread, `Tally` for several. Reading is possible from any thread at any time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from threading import Lock

SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0)
"""Bounds for spans of time: from a local commit to a store that hangs."""
ROWS = (1.0, 10.0, 100.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0)
"""Bounds for the readings that travel together."""


class Buckets:
    """How often a value fell at or below each bound, and the sum of all values; one thread observes."""

    __slots__ = ("_counts", "bounds", "sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Counts one value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """For each bound, and at last for infinity, how many values were not above it."""
        return list(zip((*self.bounds, float("inf")), accumulate(list(self._counts)), strict=True))


class Tally:
    """Counts under short words; any thread adds. What is counted by must be few: a route or a reason, never a person.

    Past `words_max` different words everything new counts under `other`, so that no mistake can fill the memory.
    """

    def __init__(self, words_max: int = 1_000) -> None:
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._words_max = words_max
        self._lock = Lock()

    def add(self, *words: str, times: int = 1) -> None:
        """Counts under these words."""
        with self._lock:
            known = words in self._counts or len(self._counts) < self._words_max
            self._counts[words if known else ("other",) * len(words)] += times

    def items(self) -> list[tuple[tuple[str, ...], int]]:
        """All words with their counts, in order."""
        with self._lock:
            return sorted(self._counts.items())
