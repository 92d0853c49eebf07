"""What the pages ask of the outbox, and the small facts they leave there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge_agent.outbox.history import not_delivered
from edge_agent.outbox.outbox import Intake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.outbox.history import Told
    from edge_agent.outbox.outbox import Outbox


class Memory(Protocol):
    """What one sensor said, as long as it is kept; all raise sqlite3.Error."""

    def history(self, sensor: str, from_ms: int, until_ms: int, limit: int) -> Sequence[Told]:
        """The newest `limit` readings of a half-open span, oldest first."""

    def not_delivered(self, sensor: str, from_ms: int, until_ms: int) -> set[tuple[int, int]]:
        """Boot and sequence of the readings of a half-open span that ingest does not have."""

    def extremes(self, sensor: str, from_ms: int, until_ms: int) -> tuple[int, int] | None:
        """The lowest and highest of a half-open span, thinned ones included."""


class OutboxMemory:
    """The outbox as memory, with small facts kept in its file."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.history = outbox.history
        self.extremes = outbox.extremes

    def not_delivered(self, sensor: str, from_ms: int, until_ms: int) -> set[tuple[int, int]]:
        """Boot and sequence of the readings of a half-open span that ingest does not have."""
        return self._outbox.change(lambda connection: not_delivered(connection, sensor, from_ms, until_ms))

    def mark(self, name: str) -> str | None:
        """What was last remembered under this name."""
        return self._outbox.mark(name)

    def remember(self, name: str, text: str) -> None:
        """Durable when it returns; raises sqlite3.Error."""
        self._outbox.add(Intake(marks={name: text}))
