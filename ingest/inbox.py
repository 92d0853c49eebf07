"""The bounded queue between the socket and the pipeline: what it cannot hold stays with the broker."""

from __future__ import annotations

from collections import deque
from threading import Event, Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGES_MAX = 4_000
BYTES_MAX = 16 * 1024 * 1024


class Message(NamedTuple):
    """One MQTT message as it came; `connection` numbers the connection on which alone it can be acknowledged."""

    topic: str
    payload: bytes
    message_id: int
    connection: int
    received_at_ms: int


class Inbox:
    """First in, first out, bounded in messages and in bytes by whoever asks for `room` before reading on."""

    def __init__(self, messages_max: int = MESSAGES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._lock = Lock()
        self._filled = Event()

    @property
    def room(self) -> int:
        """How many messages may be read from the socket now; none while their bytes reach the bound."""
        return max(0, self._messages_max - len(self._messages)) if self._bytes < self._bytes_max else 0

    @property
    def bytes(self) -> int:
        """The payloads that wait, in bytes."""
        return self._bytes

    def put(self, message: Message) -> None:
        """Keeps a message; never blocks and never drops."""
        self.put_many([message])

    def put_many(self, messages: Sequence[Message]) -> None:
        """Keeps messages in their order; never blocks and never drops."""
        with self._lock:
            self._messages.extend(messages)
            self._bytes += sum(len(message.payload) for message in messages)
        # One wake-up for each burst: one for each message would make two threads fight for the interpreter.
        if messages and not self._filled.is_set():
            self._filled.set()

    def take(self) -> Message | None:
        """The oldest message, or None when there is none now."""
        with self._lock:
            if not self._messages:
                self._filled.clear()
                return None
            message = self._messages.popleft()
            self._bytes -= len(message.payload)
            return message

    def take_many(self, messages_max: int) -> list[Message]:
        """Up to so many of the oldest messages; none when there is none now."""
        with self._lock:
            if not self._messages:
                self._filled.clear()
                return []
            taken = [self._messages.popleft() for _ in range(min(messages_max, len(self._messages)))]
            self._bytes -= sum(len(message.payload) for message in taken)
            return taken

    def wait(self, timeout_seconds: float) -> None:
        """Returns when there is a message, or none came in time."""
        self._filled.wait(timeout_seconds)

    def __len__(self) -> int:
        return len(self._messages)
