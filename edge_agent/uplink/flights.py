"""What is on its way: bounded, re-sent when no answer came, forgotten when the connection ends (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.outbox.parcel import Key, Parcel
    from sheetal.contracts.batch import Ack


class Flight(NamedTuple):
    """One parcel that was sent, the monotonic second at which it goes again, and how often it went in vain."""

    parcel: Parcel
    due_seconds: float
    in_vain: int = 0


class Flights:
    """The parcels that were sent and are not wholly answered; not thread-safe.

    `wait_seconds` draws the time until the next re-send of what went so often in vain, jitter included. Any answer at
    all ends the patience with an ingest that was away: everything goes again as if for the first time.
    """

    def __init__(self, limit: int, wait_seconds: Callable[[int], float]) -> None:
        self._limit = limit
        self._wait_seconds = wait_seconds
        self._flights: list[Flight] = []
        self._heard = False

    @property
    def keys(self) -> set[Key]:
        """The names of everything on its way."""
        return {item.key for flight in self._flights for item in flight.parcel.items}

    @property
    def items(self) -> int:
        """How many items are on their way."""
        return sum(len(flight.parcel.items) for flight in self._flights)

    @property
    def is_in_vain(self) -> bool:
        """Whether anything went again because no answer came."""
        return any(flight.in_vain for flight in self._flights)

    def room(self) -> int:
        """How many more parcels may leave."""
        return max(0, self._limit - len(self._flights))

    def depart(self, parcel: Parcel, at_seconds: float) -> None:
        """Remembers a parcel that was handed to the broker."""
        self._flights.append(Flight(parcel, at_seconds + self._wait_seconds(0)))

    def overdue(self, at_seconds: float) -> list[Parcel]:
        """The parcels, less what was answered, that must go again now; each gets a new time, later every time."""
        if self._heard:
            self._flights = [self._renewed(flight, at_seconds) for flight in self._flights]
            self._heard = False
        late = [flight.parcel for flight in self._flights if flight.due_seconds <= at_seconds]
        self._flights = [
            self._postponed(flight, at_seconds) if flight.due_seconds <= at_seconds else flight
            for flight in self._flights
        ]
        return late

    def answered(self, ack: Ack) -> None:
        """Takes out whatever the ack names, stored or refused."""
        spans = [*ack.stored, *((refused.first, refused.last) for refused in ack.refused)]
        left: list[Flight] = []
        for flight in self._flights:
            if flight.parcel.boot != ack.boot:
                left.append(flight)
                continue
            items = tuple(
                item for item in flight.parcel.items if not any(first <= item.sequence <= last for first, last in spans)
            )
            if items:
                left.append(flight._replace(parcel=flight.parcel._replace(items=items)))
        self._flights = left
        self._heard = True

    def forget(self) -> None:
        """The connection ended: everything unanswered stands in the queue again."""
        self._flights.clear()

    def _postponed(self, flight: Flight, at_seconds: float) -> Flight:
        in_vain = flight.in_vain + 1
        return Flight(flight.parcel, at_seconds + self._wait_seconds(in_vain), in_vain)

    def _renewed(self, flight: Flight, at_seconds: float) -> Flight:
        if not flight.in_vain:
            return flight
        return Flight(flight.parcel, min(flight.due_seconds, at_seconds + self._wait_seconds(0)))
