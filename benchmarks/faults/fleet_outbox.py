"""The outboxes of many gateways in little memory: what waits, what is on the wire, what ingest has settled (pure)."""

from __future__ import annotations

import heapq
from array import array
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from benchmarks.faults.fleet_plan import Plan
    from sheetal.contracts.batch import Ack

STRANGE_MAX = 20
DOUBLINGS_MAX = 16
NOT_YET = float("inf")
"""When a message in line was published."""


class Due(NamedTuple):
    """A message that goes, again or for the first time."""

    at: float
    gateway: int
    message: int
    in_vain: int


class Outboxes:
    """All gateways' outboxes; times are seconds of a monotonic clock, messages of each gateway count from 0."""

    def __init__(self, plan: Plan, chance: random.Random) -> None:
        self._plan = plan
        self._chance = chance
        self.made = 0
        self.settled = 0
        self.published = 0
        self.refused: dict[tuple[int, int], str] = {}
        self.strange: list[str] = []
        self.latency_seconds = array("f")
        self._made = [0] * plan.gateways
        self._sent = [0] * plan.gateways
        self._open: list[dict[int, float]] = [{} for _ in range(plan.gateways)]
        self._ready: deque[tuple[int, int]] = deque()
        self._again: list[Due] = []

    @property
    def pending(self) -> int:
        """How many messages ingest has not answered."""
        return self.made - self.settled - len(self.refused)

    def make(self, count: int) -> None:
        """So many new messages, each of the next gateway in turn."""
        for number in range(self.made, self.made + count):
            gateway = number % self._plan.gateways
            self._made[gateway] += 1
            self._let_out(gateway)
        self.made += count

    def take(self, now: float) -> tuple[int, int] | None:
        """The next message to publish at this moment, as (gateway, message); repetitions first."""
        while self._again and self._again[0].at <= now:
            due = heapq.heappop(self._again)
            if due.message in self._open[due.gateway]:
                return self._published(now, due.gateway, due.message, due.in_vain + 1)
        if self._ready:
            gateway, message = self._ready.popleft()
            self._open[gateway][message] = now
            return self._published(now, gateway, message)
        return None

    def settle(self, gateway: int, ack: Ack, now: float) -> None:
        """What an ack names is settled; one that names what was never sent is kept as strange."""
        if ack.boot != self._plan.boot(gateway):
            self._note(f"gateway {gateway}: ack for boot {ack.boot}")
            return
        for first, last in ack.stored:
            for message in self._whole(gateway, first, last):
                self._settle_one(gateway, message, now)
        for no in ack.refused:
            for message, _ in self._plan.messages_of(no.first, no.last):
                if self._open[gateway].pop(message, None) is not None:
                    self.refused[gateway, message] = no.reason
        self._let_out(gateway)

    def messages(self, gateway: int) -> int:
        """How many of a gateway's messages were published or stand in line."""
        return self._sent[gateway]

    def is_settled(self, gateway: int, message: int) -> bool:
        """Whether ingest has said of a published message that all of it is stored."""
        return message not in self._open[gateway] and (gateway, message) not in self.refused

    def _whole(self, gateway: int, first: int, last: int) -> Iterator[int]:
        for message, is_whole in self._plan.messages_of(first, last):
            if is_whole and message < self._sent[gateway]:
                yield message
            else:
                self._note(f"gateway {gateway}: ack for {first} to {last}, of which it sent no such message")

    def _settle_one(self, gateway: int, message: int, now: float) -> None:
        since = self._open[gateway].pop(message, None)
        if since is None:
            return
        self.settled += 1
        self.latency_seconds.append(now - since)
        if since == NOT_YET:
            self._note(f"gateway {gateway}: ack for message {message} before it was sent")

    def _let_out(self, gateway: int) -> None:
        """Puts kept messages in line as far as the gateway's window allows."""
        waiting = self._open[gateway]
        while self._sent[gateway] < self._made[gateway] and len(waiting) < self._plan.in_flight:
            message = self._sent[gateway]
            waiting[message] = NOT_YET
            self._ready.append((gateway, message))
            self._sent[gateway] += 1

    def _published(self, now: float, gateway: int, message: int, in_vain: int = 0) -> tuple[int, int]:
        """Notes when it goes again: later each time, as a gateway does."""
        longest = max(self._plan.resend_seconds_max, self._plan.resend_seconds)
        wait = min(longest, self._plan.resend_seconds * 2.0 ** min(in_vain, DOUBLINGS_MAX))
        at = now + wait * self._chance.uniform(1, 1 + self._plan.resend_jitter)
        heapq.heappush(self._again, Due(at, gateway, message, in_vain))
        self.published += 1
        return gateway, message

    def _note(self, what: str) -> None:
        if len(self.strange) < STRANGE_MAX:
            self.strange.append(what)
