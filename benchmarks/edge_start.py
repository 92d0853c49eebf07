"""From the gateway's exec to its first reading at the broker, as another subscriber sees it.

Its clock is not synchronised, so it asks ingest for the time before it sends a reading. All starts but the first find
the outbox of the one before.
"""

from __future__ import annotations

import statistics
import threading
import time
import urllib.parse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.edge_rig import KEY, gateway, rig
from benchmarks.record import Figure
from sheetal.contracts.batch import Batch
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel, of_gateway

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.edge_rig import Rig

REPEATS = 5
SECONDS_MAX = 3.0
PATIENCE_SECONDS = 60.0


class Witness:
    """A subscriber of its own; `wait` gives the moment at which it saw a batch with a reading."""

    def __init__(self, made: Rig) -> None:
        self._gateway = made.gateway
        self._seen = threading.Event()
        self._subscribed = threading.Event()
        self._seen_seconds = 0.0
        self._batches = msgspec.json.Decoder(Batch)
        address = urllib.parse.urlsplit(made.broker_url)
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="witness", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(of_gateway(self._gateway, Channel.DATA), 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear
        self._client.connect(address.hostname or "", address.port or 1883, clean_start=True)

    def wait(self) -> float:
        """The monotonic second; raises TimeoutError when nothing came."""
        if not self._seen.wait(PATIENCE_SECONDS):
            raise TimeoutError("no reading came to the broker")
        return self._seen_seconds

    def _hear(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        now = time.monotonic()
        sealed = open_envelope(message.payload)
        if unseal(sealed, Channel.DATA, self._gateway, KEY, self._batches).rows and not self._seen.is_set():
            self._seen_seconds = now
            self._seen.set()

    def __enter__(self) -> Self:
        self._client.loop_start()
        if not self._subscribed.wait(PATIENCE_SECONDS):
            raise TimeoutError("the broker does not answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def measure() -> Figure:
    """The figure `edge.start_seconds`: the median of the starts."""
    with rig("modbus") as made:
        made.settings.write_text(made.settings.read_text() + '[clock]\nsystem_is_synchronised = "never"\n')
        runs = [start_seconds(made) for _ in range(REPEATS)]
    return Figure(
        value=statistics.median(runs),
        unit="s (from exec to the first reading at the broker; clock not synchronised, asked of ingest)",
        limit="the named goal, s",
        limit_value=SECONDS_MAX,
        goal=SECONDS_MAX,
        better="lower",
        runs=[round(run, 3) for run in runs],
        when=datetime.now(UTC).date().isoformat(),
    )


def start_seconds(made: Rig) -> float:
    """One start."""
    with Witness(made) as witness:
        began = time.monotonic()
        with gateway(made):
            return witness.wait() - began
