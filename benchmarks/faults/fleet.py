"""Up to ten thousand gateways in one thread over a few real MQTT 5 connections, each with an outbox of its own.

Each message is sealed under its gateway's key and goes again until ingest's application ack names all of it; how long
that took is measured. `fleet_count` holds the fleet's truth against a store. The broker must let one client speak for
all gateways. It costs about 60 µs of one core a message of ten rows (measured).
"""

from __future__ import annotations

import random
import select
import threading
import time
from typing import TYPE_CHECKING, Self

import msgspec

from benchmarks.faults.fleet_outbox import Outboxes
from benchmarks.faults.line import wait_for
from benchmarks.faults.raw_connection import RawConnection
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Ack
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import WireProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.faults.fleet_plan import Plan
    from benchmarks.faults.mqtt_frames import Frame

TURN_SECONDS = 0.01
RECONNECT_SECONDS = 0.3
JOIN_SECONDS_MAX = 10.0
BURST_MAX = 200
"""Messages made or published between two looks at the sockets."""


class Fleet:
    """All gateways of a plan; a context manager that connects, and tries again for as long as the broker is away.

    `port` is the broker's for what goes up, `ack_port` (the same by default) for the acks: a link may stand between.
    Numbers may be read from any thread.
    """

    def __init__(self, plan: Plan, port: int, *, ack_port: int | None = None, connections: int = 2) -> None:
        self.plan = plan
        self.outboxes = Outboxes(plan, random.Random(f"fleet {plan.seed}"))
        self.forged = 0
        self.problem: BaseException | None = None
        self._ports = [ack_port or port] + [port] * connections
        self._connections: list[RawConnection | None] = [None] * len(self._ports)
        self._next_try = [0.0] * len(self._ports)
        self._is_making = threading.Event()
        self._stop = threading.Event()
        self._owed = 0.0
        self._decoder = msgspec.json.Decoder(Ack)
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    # What may be done

    def make(self, messages_per_second: float | None = None) -> None:
        """From now on gateways measure, at the plan's pace or at this one."""
        if messages_per_second is not None:
            self.plan = self.plan._replace(messages_per_second=messages_per_second)
        self._is_making.set()

    def rest(self) -> None:
        """From now on nothing new is measured; what waits is sent until it is settled."""
        self._is_making.clear()

    def drained(self, seconds: float) -> bool:
        """Rests; whether everything was settled within so many seconds."""
        self.rest()
        return wait_for(lambda: self.outboxes.pending == 0 or self.problem is not None, seconds, 0.05)

    def latency_seconds(self, share: float) -> float:
        """How long this share of the settled messages took at most, from first publish to ack; 0 when none was."""
        taken = sorted(self.outboxes.latency_seconds)
        return taken[min(len(taken) - 1, int(share * len(taken)))] if taken else 0.0

    def forget_latencies(self) -> None:
        """Measures latencies anew from here."""
        del self.outboxes.latency_seconds[:]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(JOIN_SECONDS_MAX)

    # The loop

    def _run(self) -> None:
        before = time.monotonic()
        try:
            while not self._stop.is_set():
                now = time.monotonic()
                self._measure(now - before)
                before = now
                self._turn(now)
        except BaseException as error:  # whoever waits for the fleet must learn of it
            self.problem = error
            raise
        finally:
            for connection in self._connections:
                if connection is not None:
                    connection.close()

    def _measure(self, seconds: float) -> None:
        if not self._is_making.is_set():
            return
        self._owed = min(self._owed + seconds * self.plan.messages_per_second, float(10 * BURST_MAX))
        count = min(int(self._owed), BURST_MAX)
        self._owed -= count
        self.outboxes.make(count)

    def _turn(self, now: float) -> None:
        for index in range(len(self._ports)):
            self._connect(index, now)
        alive = {one.socket: index for index, one in enumerate(self._connections) if one is not None}
        is_busy = self._publish(now) and bool(alive)
        writing = [one.socket for one in self._connections if one is not None and one.wants_to_write]
        wait_seconds = 0.0 if is_busy else TURN_SECONDS
        readable, writable, _ = select.select(list(alive), writing, [], wait_seconds)
        if not alive:
            self._stop.wait(TURN_SECONDS)
        for index in {alive[one] for one in (*readable, *writable)}:
            self._serve(index)

    def _connect(self, index: int, now: float) -> None:
        if self._connections[index] is not None or now < self._next_try[index]:
            return
        self._next_try[index] = now + RECONNECT_SECONDS
        heard = (topics.of_every_gateway(topics.Channel.ACK),) if index == 0 else ()
        try:
            name = f"{self.plan.prefix}-fleet-{index}"
            self._connections[index] = RawConnection(self._ports[index], name, heard)
        except OSError:
            return

    def _publish(self, now: float) -> bool:
        """Hands what may go to the connections; whether more waits than went. Nothing goes while no ack is heard."""
        left = BURST_MAX
        while left and self._connections[0] is not None and (connection := self._roomiest()) is not None:
            taken = self.outboxes.take(now)
            if taken is None:
                return False
            topic = topics.of_gateway(self.plan.name(taken[0]), topics.Channel.DATA)
            connection.publish(topic, self.plan.payload(*taken, now_ms()))
            left -= 1
        return not left

    def _roomiest(self) -> RawConnection | None:
        open_ones = [one for one in self._connections[1:] if one is not None]
        best = max(open_ones, key=lambda one: one.room, default=None)
        return best if best is not None and best.room > 0 else None

    def _serve(self, index: int) -> None:
        connection = self._connections[index]
        if connection is None:
            return
        try:
            self._settle(connection.hear())
            connection.flush()
        except OSError:
            connection.close()
            self._connections[index] = None

    def _settle(self, messages: Sequence[Frame]) -> None:
        now = time.monotonic()
        for message in messages:
            named = topics.parse(message.topic)
            gateway = self.plan.number(named.gateway) if named else None
            if named is None or gateway is None:
                continue
            try:
                sealed = seal.open_envelope(message.payload)
                ack = seal.unseal(sealed, named.channel, named.gateway, self.plan.key(gateway), self._decoder)
            except WireProblem:
                self.forged += 1
                continue
            self.outboxes.settle(gateway, ack, now)
