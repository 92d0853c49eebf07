"""The cheapest subscriber of every gateway's data: acknowledges at QoS 1 and throws away, in a process of its own.

`python -m benchmarks.discarding_subscriber PORT COUNT` says "subscribed", and "done" when COUNT messages came.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults.mqtt_frames import FrameSplitter, puback
from sheetal.contracts import topics

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
CONNECT = bytes.fromhex("101500044d5154540502ffff000008") + b"discards"
"""Clean start, the longest keepalive, no properties, client id "discards"."""
FILTER = topics.of_every_gateway(topics.Channel.DATA).encode()
SUBSCRIBE = b"\x82" + bytes([len(FILTER) + 6]) + b"\x00\x01\x00" + len(FILTER).to_bytes(2) + FILTER + b"\x01"
SUBACK = 9
READ_BYTES = 262_144


@contextmanager
def discarding(port: int, count: int) -> Iterator[subprocess.Popen[str]]:
    """The process, subscribed; it ends by itself after `count` messages and is ended in any case."""
    command = [sys.executable, "-m", "benchmarks.discarding_subscriber", str(port), str(count)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = (process.stdout or sys.stdin).readline().strip()
            if said != "subscribed":
                message = f"the discarding subscriber said {said!r}"
                raise RuntimeError(message)
            yield process
        finally:
            process.kill()


def discard(port: int, count: int) -> None:
    """Returns once `count` messages have come."""
    frames, taken = FrameSplitter(), 0
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall(CONNECT + SUBSCRIBE)
        while taken < count:
            heard = connection.recv(READ_BYTES)
            if not heard:
                raise ConnectionError("the broker closed the connection")
            found = frames.feed(heard)
            if any(frame.kind == SUBACK for frame in found):
                print("subscribed", flush=True)
            numbers = [frame.number for frame in found if frame.is_confirmed_publish]
            if numbers:
                taken += len(numbers)
                connection.sendall(b"".join(puback(number).encode() for number in numbers))


if __name__ == "__main__":
    discard(int(sys.argv[1]), int(sys.argv[2]))
    print("done", flush=True)
