"""Publishes hostile messages at a rate, from a process and over connections of its own.

`python -m benchmarks.faults.poison_flood PORT FIRST COUNT`: makes them all, says "ready", reads the rate (messages a
second) from standard input, publishes, and says what was sent in one line of JSON.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NamedTuple, Self

from benchmarks.faults.mqtt_frames import Frame
from benchmarks.faults.poison_corpus import hostile
from benchmarks.faults.poison_fate import Way
from benchmarks.faults.raw_connection import WINDOW, RawConnection
from benchmarks.record import ROOT

if TYPE_CHECKING:
    from benchmarks.faults.poison_fate import Hostile

CONNECTIONS = 4
BURST_MAX = 50
WAIT_SECONDS = 0.01
PUBLISH_QOS_0, PUBLISH_QOS_1 = 0x30, 0x32
ALONE_SECONDS_MAX = 2.0
OUT_BYTES_MAX = 1_000_000
CONFIRMED_SECONDS_MAX = 120.0


class Sent(NamedTuple):
    """What a flood came to: messages, the seconds it took, connections that the broker ended."""

    messages: int
    seconds: float
    ended: int


class Connection(RawConnection):
    """One that publishes whatever it is given, lawful or not."""

    @property
    def waiting_bytes(self) -> int:
        """What the socket has not taken yet."""
        return len(self._out)

    @property
    def is_confirmed(self) -> bool:
        """Whether everything went out and the broker has confirmed it."""
        return self.room == WINDOW and not self.wants_to_write

    def put(self, one: Hostile) -> None:
        """Queues one message."""
        topic = len(one.topic).to_bytes(2) + one.topic
        if one.way is Way.UNCONFIRMED:
            self._out += Frame(PUBLISH_QOS_0, topic + b"\x00" + one.payload).encode()
            return
        self._number = self._number % 65_535 + 1
        self._in_flight += 1
        self._out += Frame(PUBLISH_QOS_1, topic + self._number.to_bytes(2) + b"\x00" + one.payload).encode()


def flood(port: int, messages: list[Hostile], rate: float) -> Sent:
    """Publishes all of them at so many a second, and returns when the broker has confirmed them."""
    connections = [Connection(port, f"flood-{number}") for number in range(CONNECTIONS)]
    began, ended, sent = time.monotonic(), 0, 0
    while sent < len(messages):
        due = min(len(messages), int((time.monotonic() - began) * rate) + 1, sent + BURST_MAX)
        for one in messages[sent:due]:
            if one.way is Way.ALONE:
                ended += _alone(port, one)
            else:
                _roomiest(connections).put(one)
        sent = max(sent, due)
        _serve(connections, WAIT_SECONDS if sent > (time.monotonic() - began) * rate else 0.0)
    deadline = time.monotonic() + CONFIRMED_SECONDS_MAX
    while not all(one.is_confirmed for one in connections):
        if time.monotonic() > deadline:
            raise TimeoutError("the broker confirms no more")
        _serve(connections, WAIT_SECONDS)
    for connection in connections:
        connection.close()
    return Sent(len(messages), time.monotonic() - began, ended)


def _roomiest(connections: list[Connection]) -> Connection:
    while True:
        best = max(connections, key=lambda one: one.room)
        if best.room and best.waiting_bytes < OUT_BYTES_MAX:
            return best
        _serve(connections, WAIT_SECONDS)


def _serve(connections: list[Connection], seconds: float) -> None:
    by_socket = {one.socket: one for one in connections}
    writing = [one.socket for one in connections if one.wants_to_write]
    readable, writable, _ = select.select(list(by_socket), writing, [], seconds)
    for ready in {*readable, *writable}:
        by_socket[ready].hear()
        by_socket[ready].flush()


def _alone(port: int, one: Hostile) -> bool:
    """Publishes over a connection of its own; whether the broker ended it."""
    connection = Connection(port, f"alone-{one.number}")
    connection.put(one)
    deadline = time.monotonic() + ALONE_SECONDS_MAX
    with suppress(OSError):
        while not connection.is_confirmed and time.monotonic() < deadline:
            _serve([connection], WAIT_SECONDS)
    connection.close()
    return not connection.is_confirmed


class Flood:
    """The process that floods; a context manager that ends it."""

    def __init__(self, port: int, first: int, count: int) -> None:
        command = [sys.executable, "-m", "benchmarks.faults.poison_flood", *map(str, (port, first, count))]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_until_ready(self) -> None:
        """Returns when every message is made; raises RuntimeError when the process failed."""
        if self._output.readline().strip() != "ready":
            raise RuntimeError(f"the flood's process ended with {self._process.wait()}")

    def start(self, rate: float) -> None:
        """From now on so many messages a second."""
        if self._process.stdin is not None:
            self._process.stdin.write(f"{rate}\n")
            self._process.stdin.flush()

    @property
    def is_running(self) -> bool:
        """Whether it still publishes."""
        return self._process.poll() is None

    def sent(self) -> Sent:
        """Waits for its end; what it sent. Raises RuntimeError when it broke down."""
        line = self._output.readline()
        if self._process.wait() or not line:
            raise RuntimeError(f"the flood broke down with {self._process.returncode}")
        return Sent(*json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self._process.kill()
        self._process.communicate()

    @property
    def _output(self) -> IO[str]:
        if self._process.stdout is None:
            raise RuntimeError("the flood's process has no output")
        return self._process.stdout


def main(arguments: list[str]) -> int:
    """The flood's own process."""
    port, first, count = map(int, arguments)
    messages = [hostile(number) for number in range(first, first + count)]
    print("ready", flush=True)
    print(json.dumps(flood(port, messages, float(sys.stdin.readline()))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
