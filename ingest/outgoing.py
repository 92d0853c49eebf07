"""What waits to leave for the broker, in the order in which it was handed over; holds no socket."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WINDOW_MAX = 1_000
"""Our own publishes that the broker has not acknowledged; a broker that takes fewer says so."""
ITEMS_MAX = 50_000
CROWD = 16_000
"""Well above what the answers to one load need, so that a broker in step is never made to wait."""


class Publish(NamedTuple):
    """A QoS 1 message to send."""

    topic: str
    payload: bytes
    retain: bool


class Acknowledge(NamedTuple):
    """A PUBACK to send, on the connection that brought the message and on no other."""

    message_id: int
    connection: int


class Outgoing:
    """A queue with a window: an acknowledgement never overtakes a publish handed over before it.

    Any thread may put, one thread takes. It never blocks; while it `is_crowded` nothing more should be read that would
    have to be answered, so that only what is under way already can bring it to its bound.
    """

    def __init__(self, items_max: int = ITEMS_MAX) -> None:
        self._items: deque[Publish | Acknowledge] = deque()
        self._items_max = items_max
        self._in_flight = 0
        self._window = WINDOW_MAX
        self.dropped = 0
        """Publishes that found no room, since the start."""

    @property
    def is_crowded(self) -> bool:
        """Whether the broker is behind in taking what we send."""
        return len(self._items) >= min(CROWD, self._items_max)

    @property
    def is_in_flight(self) -> bool:
        """Whether the broker has yet to acknowledge something that left."""
        return self._in_flight > 0

    @property
    def is_idle(self) -> bool:
        """Whether the broker has acknowledged everything that was handed over."""
        return not self._items and not self._in_flight

    def put(self, item: Publish | Acknowledge) -> None:
        """Hands an item over; a publish that finds no room is dropped, the gateway asks again."""
        if isinstance(item, Acknowledge) or len(self._items) < self._items_max:
            self._items.append(item)
        else:
            self.dropped += 1

    def put_many(self, items: Sequence[Publish] | Sequence[Acknowledge]) -> None:
        """Hands items of one kind over in their order, as `put` does each."""
        for item in items:
            self.put(item)

    def start_afresh(self, broker_maximum: int | None) -> None:
        """Begins with a new connection: nothing is in flight, and never more than the broker says it takes."""
        self._in_flight = 0
        self._window = min(WINDOW_MAX, broker_maximum or WINDOW_MAX)

    def sendable(self) -> Iterator[Publish | Acknowledge]:
        """Takes what may go now; a publish counts as in flight until `arrived`."""
        while self._items:
            if isinstance(self._items[0], Publish):
                if self._in_flight >= self._window:
                    return
                self._in_flight += 1
            yield self._items.popleft()

    def arrived(self, number: int = 1) -> None:
        """The broker has acknowledged so many publishes."""
        self._in_flight = max(0, self._in_flight - number)

    def __len__(self) -> int:
        return len(self._items)
