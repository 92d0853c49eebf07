"""What has come and waits for the worker: alarms in their order, and of each gateway only the newest of what it says.

After a connection the broker brings what every gateway of a fleet says of itself at once, and nobody would bring it a
second time. So it is not queued message by message but kept by gateway and channel, within a bound of bytes, and may be
acknowledged at once: should this process end, the broker still retains it. Alarms go first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.topics import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

ALARMS_MAX = 1_000
SAID_BYTES_MAX = 128 * 1024 * 1024
"""Birth, state and report are about 2 KiB a gateway: room for some 60,000."""


class Incoming(NamedTuple):
    """One message for the worker; `acknowledge` tells the broker that it was dealt with."""

    gateway: str
    channel: Channel
    payload: bytes
    acknowledge: Callable[[], None]


class Inbox:
    """For one who puts and one who takes, each in a thread of its own."""

    def __init__(self, alarms_max: int = ALARMS_MAX, said_bytes_max: int = SAID_BYTES_MAX) -> None:
        self._alarms: deque[Incoming] = deque()
        self._said: OrderedDict[tuple[str, Channel], Incoming] = OrderedDict()
        self._said_bytes = 0
        self._alarms_max = alarms_max
        self._said_bytes_max = said_bytes_max
        self._changed = threading.Condition()

    def put(self, message: Incoming) -> bool:
        """Keep a message; False when there is no room for it."""
        with self._changed:
            is_kept = self._put_alarm(message) if message.channel is Channel.ALARM else self._put_said(message)
            self._changed.notify()
        return is_kept

    def put_back(self, message: Incoming) -> None:
        """Let what could not be kept now wait again, unless the gateway has said something newer meanwhile."""
        with self._changed:
            if (message.gateway, message.channel) not in self._said:
                self._put_said(message)
                self._changed.notify()

    def take(self, seconds_max: float) -> Incoming | None:
        """The next message, if one comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._alarms or self._said, seconds_max)
            if self._alarms:
                return self._alarms.popleft()
            if not self._said:
                return None
            _, message = self._said.popitem(last=False)
            self._said_bytes -= len(message.payload)
            return message

    def _put_alarm(self, message: Incoming) -> bool:
        if len(self._alarms) >= self._alarms_max:
            return False
        self._alarms.append(message)
        return True

    def _put_said(self, message: Incoming) -> bool:
        place = (message.gateway, message.channel)
        before = self._said.get(place)
        grown = self._said_bytes + len(message.payload) - (len(before.payload) if before else 0)
        if grown > self._said_bytes_max:
            return False
        self._said[place] = message._replace(acknowledge=_nothing)
        self._said_bytes = grown
        message.acknowledge()
        return True


def _nothing() -> None:
    """It was acknowledged when it came."""
