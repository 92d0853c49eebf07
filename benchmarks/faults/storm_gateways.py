"""Thousands of gateways in one process, each with a real MQTT 5 connection of its own, that lost the broker at once.

`python -m benchmarks.faults.storm_gateways ORDER` is told as JSON which gateways to be and prints as JSON what became
of them. Each waits by the very law of `edge_agent`, connects, says its will, subscribes to its answers, tells birth and
state, sends the one message that waits and sends it again like a gateway until ingest's sealed answer names all of it.
Then it says good-bye, so that a broker with fewer descriptors than gateways can serve them all.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from collections import Counter

import msgspec

from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.mqtt_frames import PUBACK, Frame, FrameSplitter, puback
from edge_agent.settings.uplink import UplinkSetting
from edge_agent.uplink.reconnect import fruitless_after, pause_seconds
from edge_agent.uplink.uplink import CONNECT_SECONDS_MAX, KEEP_ALIVE_SECONDS
from sheetal.contracts import seal
from sheetal.contracts.batch import Ack
from sheetal.contracts.clock import now_ms
from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.topics import Channel, of_gateway

CONNECT, CONNACK, SUBSCRIBE, SUBACK, DISCONNECT = 0x10, 2, 0x82, 9, 0xE0
PUBLISH_QOS_1, PUBLISH_RETAINED = 0x32, 0x33
CLEAN_WITH_RETAINED_WILL = 0x2E
REASON_BYTE = 1
ADDRESSES = 4
"""Source addresses 127.0.0.2 and on: one alone has too few ports for all."""
SETTING = UplinkSetting()
_acks = msgspec.json.Decoder(Ack)


class Order(msgspec.Struct, frozen=True):
    """Which gateways of the plan to be, where the broker is, and how long to try.

    `began` is when all of them lost the broker, by the machine's monotonic clock; `seed` draws their waits. At most
    `at_once_max` are connected at a time: further ones are turned away, as by a balancer that is full, and come again.
    """

    plan: Plan
    first: int
    count: int
    port: int
    began: float
    seconds_max: float
    resend_seconds: float = SETTING.resend_seconds
    seed: int = 1
    at_once_max: int = 1_000_000


class Outcome(msgspec.Struct):
    """What became of them: `served` holds each one's seconds from the loss; the others count by second of the storm."""

    served: list[float] = []
    tries: dict[int, int] = {}
    connected: dict[int, int] = {}
    turned_away: int = 0
    refused: int = 0
    timed_out: int = 0
    cut: int = 0
    sent: int = 0


class Broken(ConnectionError):
    """The broker ended a connection or refused it."""


class Gateway:
    """One gateway from the loss of the broker until its message is answered."""

    def __init__(
        self, number: int, order: Order, chance: random.Random, outcome: Outcome, door: asyncio.Semaphore
    ) -> None:
        self._order = order
        self._door = door
        self._number = number
        self._name = order.plan.name(number)
        self._key = order.plan.key(number)
        self._chance = chance
        self._outcome = outcome
        self._session = 1
        self._again_at = 0.0

    async def run(self) -> None:
        """Tries until it is served or the time is over."""
        fruitless = 0
        while time.monotonic() - self._order.began < self._order.seconds_max:
            await asyncio.sleep(
                pause_seconds(
                    fruitless, SETTING.reconnect_seconds_min, SETTING.reconnect_seconds_max, self._chance.uniform
                )
            )
            began = time.monotonic()
            if await self._entry():
                self._outcome.served.append(time.monotonic() - self._order.began)
                return
            fruitless = fruitless_after(fruitless, time.monotonic() - began)
            self._session += 1

    async def _entry(self) -> bool:
        """One try; whether it brought the answer."""
        if self._door.locked():
            self._outcome.turned_away += 1
            return False
        async with self._door:
            return await self._connection()

    async def _connection(self) -> bool:
        """One connection; whether it brought the answer."""
        _count(self._outcome.tries, self._order.began)
        try:
            line = await self._connect()
        except TimeoutError:
            self._outcome.timed_out += 1
            return False
        except OSError:
            self._outcome.refused += 1
            return False
        try:
            return await self._serve(line)
        except OSError:
            self._outcome.cut += 1
            return False
        finally:
            line.close()

    async def _connect(self) -> Line:
        plug = socket.socket()
        try:
            plug.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plug.bind((f"127.0.0.{2 + self._number % ADDRESSES}", 0))
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await loop.sock_connect(plug, ("127.0.0.1", self._order.port))
            return Line(plug)
        except BaseException:
            plug.close()
            raise

    async def _serve(self, line: Line) -> bool:
        line.send(self._hello())
        await line.wait_for(CONNACK)
        _count(self._outcome.connected, self._order.began)
        line.send(_subscription([of_gateway(self._name, one) for one in (Channel.ACK, Channel.ALARM_ACK)]))
        line.publish(of_gateway(self._name, Channel.BIRTH), self._birth(), retain=True)
        line.publish(of_gateway(self._name, Channel.STATE), self._state(online=True), retain=True)
        while time.monotonic() - self._order.began < self._order.seconds_max:
            self._send_message(line)
            try:
                async with asyncio.timeout(self._again_at - time.monotonic()):
                    await self._answer(line)
            except TimeoutError:
                continue
            line.publish(of_gateway(self._name, Channel.STATE), self._state(online=False), retain=True)
            line.send(Frame(DISCONNECT, b""))
            await line.drain()
            return True
        return False

    def _send_message(self, line: Line) -> None:
        line.publish(of_gateway(self._name, Channel.DATA), self._order.plan.payload(self._number, 0, now_ms()))
        self._outcome.sent += 1
        jitter = SETTING.resend_jitter_seconds / SETTING.resend_seconds
        self._again_at = time.monotonic() + self._order.resend_seconds * self._chance.uniform(1 - jitter, 1 + jitter)

    async def _answer(self, line: Line) -> None:
        """Returns when a sealed ack has named the whole message."""
        while True:
            frame = await line.next()
            if frame.is_publish and self._is_whole(frame.payload):
                return

    def _is_whole(self, payload: bytes) -> bool:
        try:
            ack = seal.unseal(seal.open_envelope(payload), Channel.ACK, self._name, self._key, _acks)
        except WireProblem:
            return False
        return ack.boot == self._order.plan.boot(self._number) and ack.stored == [(1, self._order.plan.rows)]

    def _hello(self) -> Frame:
        will = of_gateway(self._name, Channel.STATE).encode()
        goodbye = self._state(online=False)
        name = self._name.encode()
        head = b"\x00\x04MQTT\x05" + bytes([CLEAN_WITH_RETAINED_WILL]) + KEEP_ALIVE_SECONDS.to_bytes(2) + b"\x00"
        return Frame(CONNECT, head + _text(name) + b"\x00" + _text(will) + _text(goodbye))

    def _state(self, *, online: bool) -> bytes:
        body = State(gateway=self._name, session=self._session, online=online)
        return seal.seal(Channel.STATE, self._name, self._key, body)

    def _birth(self) -> bytes:
        plan = self._order.plan
        body = Birth(
            gateway=self._name,
            boot=plan.boot(self._number),
            session=self._session,
            software="storm",
            sensors=[plan.sensor(self._number, probe) for probe in range(plan.probes)],
            clock_source="ntp",
            at_ms=now_ms(),
        )
        return seal.seal(Channel.BIRTH, self._name, self._key, body)


class Line:
    """One connection's packets; raises OSError when the broker ends it."""

    def __init__(self, plug: socket.socket) -> None:
        self._plug = plug
        self._splitter = FrameSplitter()
        self._frames: list[Frame] = []
        self._out = bytearray()
        self._packet = 1

    def send(self, frame: Frame) -> None:
        """Queues one packet; the next look at the line sends it."""
        self._out += frame.encode()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Queues one QoS 1 message."""
        self._packet += 1
        body = b"".join((_text(topic.encode()), self._packet.to_bytes(2), b"\x00", payload))
        self.send(Frame(PUBLISH_RETAINED if retain else PUBLISH_QOS_1, body))

    async def next(self) -> Frame:
        """The next packet; messages are confirmed to the broker."""
        await self.drain()
        while not self._frames:
            data = await asyncio.get_running_loop().sock_recv(self._plug, 65_536)
            if not data:
                raise Broken("the broker closed the connection")
            self._frames += self._splitter.feed(data)
        frame = self._frames.pop(0)
        if frame.is_confirmed_publish:
            self.send(puback(frame.number))
        return frame

    async def wait_for(self, kind: int) -> Frame:
        """The next packet of this kind; raises Broken when it refuses."""
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            while (frame := await self.next()).kind != kind:
                pass
        if frame.kind != PUBACK and frame.body[REASON_BYTE]:
            raise Broken("the broker refused")
        return frame

    async def drain(self) -> None:
        """Sends what is queued."""
        if self._out:
            out, self._out = bytes(self._out), bytearray()
            await asyncio.get_running_loop().sock_sendall(self._plug, out)

    def close(self) -> None:
        """Lets go of the socket."""
        self._plug.close()


def _text(words: bytes) -> bytes:
    return len(words).to_bytes(2) + words


def _subscription(filters: list[str]) -> Frame:
    return Frame(SUBSCRIBE, b"\x00\x01\x00" + b"".join(_text(one.encode()) + b"\x01" for one in filters))


def _count(seconds: dict[int, int], began: float) -> None:
    second = int(time.monotonic() - began)
    seconds[second] = seconds.get(second, 0) + 1


async def play(order: Order) -> Outcome:
    """All gateways of the order, from the loss until all are served or the time is over."""
    outcome = Outcome()
    chance = random.Random(f"storm {order.seed} {order.first}")
    door = asyncio.Semaphore(order.at_once_max)
    numbers = range(order.first, order.first + order.count)
    gateways = [Gateway(number, order, chance, outcome, door) for number in numbers]
    await asyncio.sleep(max(0.0, order.began - time.monotonic()))
    await asyncio.gather(*(gateway.run() for gateway in gateways))
    return outcome


def joined(outcomes: list[Outcome]) -> Outcome:
    """What all processes together saw."""
    total = Outcome()
    for one in outcomes:
        total.served += one.served
        total.turned_away += one.turned_away
        total.refused += one.refused
        total.timed_out += one.timed_out
        total.cut += one.cut
        total.sent += one.sent
    total.served.sort()
    total.tries = dict(sum((Counter(one.tries) for one in outcomes), Counter()))
    total.connected = dict(sum((Counter(one.connected) for one in outcomes), Counter()))
    return total


if __name__ == "__main__":
    order = msgspec.json.decode(sys.argv[1], type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(play(order))))
