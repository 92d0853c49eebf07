"""How fast history may go beside what is fresh (pure)."""

from __future__ import annotations


class Pace:
    """A bucket that fills with `rows_per_second` up to `rows_at_once`; 0 rows a second are no limit at all.

    A message may go while there is anything in it, and may take more than there is: the next one waits longer then.
    """

    def __init__(self, rows_per_second: float, rows_at_once: int) -> None:
        self._rows_per_second = rows_per_second
        self._rows_at_once = rows_at_once
        self._rows = float(rows_at_once)
        self._seconds: float | None = None

    def allows(self, at_seconds: float) -> bool:
        """Whether a message may go at this instant of a monotonic clock."""
        if self._rows_per_second == 0:
            return True
        passed_seconds = 0.0 if self._seconds is None else max(0.0, at_seconds - self._seconds)
        self._seconds = at_seconds
        self._rows = min(self._rows_at_once, self._rows + passed_seconds * self._rows_per_second)
        return self._rows > 0

    def take(self, rows: int) -> None:
        """So many went."""
        self._rows -= rows
