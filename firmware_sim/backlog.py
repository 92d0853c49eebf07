"""What a hub remembers: its newest records, as the lines that go on the wire (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS_PER_MINUTE = 60
_SLACK = 1.1


class Backlog:
    """A bounded list of lines with positions that stay valid while old lines fall off."""

    def __init__(self, lines_max: int) -> None:
        self.lines_max = lines_max
        self._lines: list[bytes] = []
        self._dropped = 0

    @property
    def end(self) -> int:
        """The position after the newest line."""
        return self._dropped + len(self._lines)

    def append(self, line: bytes) -> None:
        """Adds the newest line; now and then the oldest beyond the bound are let go together."""
        self._lines.append(line)
        if len(self._lines) > self.lines_max * _SLACK:
            surplus = len(self._lines) - self.lines_max
            del self._lines[:surplus]
            self._dropped += surplus

    def since(self, position: int, lines_max: int) -> tuple[Sequence[bytes], int]:
        """At most so many lines from a position on, and the position after them; lost ones are passed over."""
        first = max(position, self._dropped, self.end - self.lines_max)
        lines = self._lines[first - self._dropped : first - self._dropped + lines_max]
        return lines, first + len(lines)


def backlog_lines(appliances: int, interval_seconds: int, minutes: int) -> int:
    """How many lines so many minutes of so many loggers make; at least one each."""
    return max(1, minutes * SECONDS_PER_MINUTE // interval_seconds) * appliances
