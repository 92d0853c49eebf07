"""What waits to leave for the broker, in the order in which it was handed over; holds no socket."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WINDOW_MAX = 1_000
"""Our own publishes that the broker has not acknowledged; a broker that takes fewer says so."""
ITEMS_MAX = 50_000


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

    Any thread may put, one thread takes. It never blocks, since the window moves only by reading the socket, and the
    reading waits for the pipeline; when `is_full` the connection should be given up, which empties it.
    """

    def __init__(self, items_max: int = ITEMS_MAX) -> None:
        self._items: deque[Publish | Acknowledge] = deque()
        self._items_max = items_max
        self._in_flight = 0
        self._window = WINDOW_MAX
        self.dropped = 0
        """Publishes that found no room or were given up with the connection, since the start."""

    @property
    def is_full(self) -> bool:
        """Whether the broker takes so little that waiting longer makes no sense."""
        return len(self._items) >= self._items_max

    @property
    def is_stalled(self) -> bool:
        """Whether something waits for the broker to acknowledge what went before."""
        return self._in_flight >= self._window and bool(self._items)

    def put(self, item: Publish | Acknowledge) -> None:
        """Hands an item over; a publish that finds no room is dropped, the gateway asks again."""
        if isinstance(item, Acknowledge) or not self.is_full:
            self._items.append(item)
        else:
            self.dropped += 1

    def put_many(self, items: Sequence[Publish] | Sequence[Acknowledge]) -> None:
        """Hands items of one kind over in their order, as `put` does each."""
        for item in items:
            self.put(item)

    def set_window(self, broker_maximum: int | None) -> None:
        """Never more in flight than the broker says it takes."""
        self._window = min(WINDOW_MAX, broker_maximum or WINDOW_MAX)

    def sendable(self) -> Iterator[Publish | Acknowledge]:
        """Takes what may go now; a publish counts as in flight until `arrived`."""
        while self._items:
            if isinstance(self._items[0], Publish):
                if self._in_flight >= self._window:
                    return
                self._in_flight += 1
            yield self._items.popleft()

    def arrived(self) -> None:
        """The broker has acknowledged one publish."""
        self._in_flight -= 1

    def clear(self) -> None:
        """Forgets what has not left yet; what is in flight stays counted, since paho sends it again."""
        self.dropped += sum(isinstance(item, Publish) for item in self._items)
        self._items.clear()

    def __len__(self) -> int:
        return len(self._items)
