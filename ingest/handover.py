"""The bounded way from one stage of the pipeline to the next: a stage that runs ahead waits for the one behind it."""

from __future__ import annotations

from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from threading import Event

LOADS_MAX = 1
"""Besides the one in each stage's hands: more would only keep gateways waiting longer for their acks."""
WAIT_SECONDS = 0.2

T = TypeVar("T")


class Handover(Generic[T]):
    """First in, first out; both ends give up once told to stop."""

    def __init__(self, stop: Event, items_max: int = LOADS_MAX) -> None:
        self._stop = stop
        self._items: Queue[T] = Queue(items_max)

    @property
    def is_full(self) -> bool:
        """Whether the next stage still has work waiting."""
        return self._items.full()

    def put(self, item: T) -> None:
        """Waits for room; an item handed over while the service stops is let go, its messages come again."""
        while not self._stop.is_set():
            try:
                self._items.put(item, timeout=WAIT_SECONDS)
            except Full:
                continue
            return

    def take(self) -> T | None:
        """The next item; None when none came for a moment."""
        try:
            return self._items.get(timeout=WAIT_SECONDS)
        except Empty:
            return None
