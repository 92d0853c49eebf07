"""How long a gateway waits before it connects again, so that a whole state's gateways do not come back at once (pure).

When a broker restarts, all of them lose it in the same moment. The first try is therefore spread over eight seconds
already, and each one in vain doubles the span, up to the longest: `benchmarks/faults/storm.py` plays it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = Callable[[float, float], float]

FIRST_SPAN = 8
"""The first try falls into so many times the shortest wait."""
LASTING_SECONDS = 60.0
"""A connection that lasted so long was no failure, whatever it brought."""
FRUITLESS_MAX = 16


def fruitless_after(fruitless: int, lasted_seconds: float) -> int:
    """How many connections in a row were in vain, after one that brought no answer and lasted so long."""
    return 0 if lasted_seconds > LASTING_SECONDS else min(fruitless + 1, FRUITLESS_MAX)


def pause_seconds(fruitless: int, shortest_seconds: float, longest_seconds: float, draw: Draw) -> float:
    """The wait before the next try; `draw` gives a number between two, evenly.

    It falls anywhere between half the shortest wait and a span that doubles with each try in vain.
    """
    span_seconds = shortest_seconds * FIRST_SPAN * 2 ** max(0, fruitless - 1)
    return draw(shortest_seconds / 2, min(longest_seconds, span_seconds))
