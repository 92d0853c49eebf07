"""How fast history may go beside what is fresh (pure)."""

from __future__ import annotations


class Pace:
    """A bucket that fills with `rows_per_second`; 0 rows a second are no limit at all.

    It holds a message or what comes in a second, whichever is more: who asks only twice a second must find there what
    came between. A message may go while there is anything in it, and may take more than there is: the next one waits
    longer then.
    """

    def __init__(self, rows_per_second: float, message_rows: int) -> None:
        self._rows_per_second = rows_per_second
        self._rows_max = max(float(message_rows), rows_per_second)
        self._rows = self._rows_max
        self._seconds: float | None = None

    def allows(self, at_seconds: float) -> bool:
        """Whether a message may go at this instant of a monotonic clock."""
        if self._rows_per_second == 0:
            return True
        passed_seconds = 0.0 if self._seconds is None else max(0.0, at_seconds - self._seconds)
        self._seconds = at_seconds
        self._rows = min(self._rows_max, self._rows + passed_seconds * self._rows_per_second)
        return self._rows > 0

    def take(self, rows: int) -> None:
        """So many went."""
        self._rows -= rows
