"""What every source offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_agent.sample import Sink


class Source(Protocol):
    """One device; it calls its sink from a thread of its own and waits for it, so the device is the buffer."""

    def start(self, sink: Sink) -> None:
        """Begins to read for ever; returns at once."""

    def stop(self) -> None:
        """Ends the thread, within a second or two."""

    def is_connected(self) -> bool:
        """Whether the device answers now."""
