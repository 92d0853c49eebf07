"""One sink for the life of every source: behind it one keeper takes over from another while sources go on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_agent.sample import Observation, Sink


class Switch:
    """Hands what comes to the present sink; who comes during a change waits with it and is taken by the new one.

    A source has one call under way at most, so what waits here is bounded by the number of sources.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._condition = threading.Condition()
        self._is_closed = False
        self._inside = 0

    def keep(self, observations: Sequence[Observation]) -> None:
        """Takes observations as the present sink does, and raises what it raises."""
        with self._condition:
            self._condition.wait_for(lambda: not self._is_closed)
            self._inside += 1
            sink = self._sink
        try:
            sink(observations)
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    @contextmanager
    def turned_to(self, sink: Sink) -> Iterator[None]:
        """Nothing is taken inside the block, in which the new sink takes over; it begins when no call is under way."""
        with self._condition:
            self._is_closed = True
            self._condition.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._condition:
                self._sink = sink
                self._is_closed = False
                self._condition.notify_all()
