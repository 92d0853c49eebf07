"""The peer of the ingest benchmarks: paho-mqtt with nothing behind it, in a process of its own.

`python -m benchmarks.bare_paho PORT COUNT` subscribes at QoS 1, lets paho acknowledge, says "subscribed", counts, and
says "done" when COUNT messages came.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from sheetal.contracts import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.raw_publisher import Bundle, RawPublisher

ROOT = Path(__file__).resolve().parents[1]


def seconds_taken(port: int, publisher: RawPublisher, bundles: Iterable[Bundle], count: int) -> float:
    """From the first publish until a bare subscriber has counted them all."""
    with _process(port, count) as says:
        _expect(says, "subscribed")
        started = time.perf_counter()
        publisher.carry(bundles)
        _expect(says, "done")
        return time.perf_counter() - started


def count(port: int, wanted: int) -> None:
    """Returns once `wanted` messages have come."""
    taken = 0

    def take(client: Client, *_: object) -> None:
        nonlocal taken
        taken += 1
        if taken == wanted:
            client.disconnect()

    client = Client(CallbackAPIVersion.VERSION2, "bare-paho", protocol=MQTTv5)
    client.on_connect = lambda *_: client.subscribe(topics.of_every_gateway(topics.Channel.DATA), 1)
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.on_message = take
    client.connect("127.0.0.1", port)
    client.loop_forever()


@contextmanager
def _process(port: int, wanted: int) -> Iterator[Iterator[str]]:
    command = [sys.executable, "-m", "benchmarks.bare_paho", str(port), str(wanted)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield iter(process.stdout or ())
        finally:
            process.kill()


def _expect(says: Iterator[str], word: str) -> None:
    said = next(says, "nothing any more").strip()
    if said != word:
        message = f"the bare subscriber said {said!r}, not {word!r}"
        raise RuntimeError(message)


if __name__ == "__main__":
    count(int(sys.argv[1]), int(sys.argv[2]))
    print("done", flush=True)
