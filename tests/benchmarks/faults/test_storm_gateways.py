"""The storm's gateways against a broker of a few lines that sees what they say and answers as a test wants."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from benchmarks.faults import storm_gateways
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.mqtt_frames import Frame, FrameSplitter
from benchmarks.faults.storm_gateways import Order, Outcome, joined, play
from demo.broker import free_port
from edge_agent.settings.uplink import UplinkSetting
from sheetal.contracts import seal
from sheetal.contracts.batch import Ack
from sheetal.contracts.topics import Channel, GatewayTopic, of_gateway, parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLAN = Plan(1_760_000_000_000, gateways=3, rows=4, prefix="st")
ACCEPTED, REFUSED = b"\x20\x03\x00\x00\x00", b"\x20\x03\x00\x87\x00"
SECONDS_MAX = 30.0


class Broker:
    """Says `hello` to each CONNECT, cuts the first `cuts` lines, and acknowledges data from message `answers_from`."""

    def __init__(self, *, hello: bytes = ACCEPTED, cuts: int = 0, answers_from: int = 1, forged: bool = False) -> None:
        self.hello, self.cuts, self.answers_from, self.forged = hello, cuts, answers_from, forged
        self.kinds: dict[str, list[str]] = {}
        self.sources: set[str] = set()
        self.data = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sources.add(writer.get_extra_info("peername")[0])
        splitter, is_open = FrameSplitter(), True
        while is_open and (data := await reader.read(65_536)):
            for frame in splitter.feed(data):
                is_open = is_open and self._answer(frame, writer)
        writer.close()

    def _answer(self, frame: Frame, writer: asyncio.StreamWriter) -> bool:
        if frame.kind == 1:
            self.cuts -= 1
            if self.cuts >= 0:
                return False
            writer.write(self.hello)
        elif frame.is_publish and (topic := parse(frame.topic)):
            self.kinds.setdefault(topic.gateway, []).append(topic.channel.value)
            if topic.channel is Channel.DATA:
                self.data += 1
                if self.data >= self.answers_from:
                    writer.write(self._ack(topic).encode())
        return frame.kind != 14

    def _ack(self, topic: GatewayTopic) -> Frame:
        number = PLAN.number(topic.gateway)
        assert number is not None
        body = Ack(gateway=topic.gateway, boot=PLAN.boot(number), stored=[(1, PLAN.rows)])
        key = b"somebody else's key" if self.forged else PLAN.key(number)
        sealed = seal.seal(Channel.ACK, topic.gateway, key, body)
        name = of_gateway(topic.gateway, Channel.ACK).encode()
        return Frame(0x32, len(name).to_bytes(2) + name + b"\x00\x01\x00" + sealed)


@asynccontextmanager
async def serving(broker: Broker) -> AsyncIterator[int]:
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def order_of(port: int, seconds_max: float = SECONDS_MAX, count: int = 3) -> Order:
    return Order(PLAN, 0, count, port, time.monotonic(), seconds_max, resend_seconds=0.3)


def played(broker: Broker, seconds_max: float = SECONDS_MAX, count: int = 3) -> Outcome:
    async def run() -> Outcome:
        async with serving(broker) as port:
            return await play(order_of(port, seconds_max, count))

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm_gateways, "pause_seconds", lambda *_: 0.05)


def test_each_says_its_birth_its_state_and_its_message_and_leaves_when_it_is_answered() -> None:
    broker = Broker()
    seen = played(broker)
    assert len(seen.served) == 3
    assert broker.kinds == {PLAN.name(number): ["birth", "state", "data", "state"] for number in range(3)}
    assert broker.sources == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}
    assert (seen.refused, seen.timed_out, seen.cut, seen.sent) == (0, 0, 0, 3)
    assert sum(seen.tries.values()) == sum(seen.connected.values()) == 3


def test_what_is_not_answered_goes_again() -> None:
    seen = played(Broker(answers_from=3), count=1)
    assert len(seen.served) == 1
    assert seen.sent == 3
    assert sum(seen.tries.values()) == 1


def test_who_is_cut_off_comes_again() -> None:
    seen = played(Broker(cuts=2), count=1)
    assert len(seen.served) == 1
    assert seen.cut == 2
    assert (sum(seen.tries.values()), sum(seen.connected.values())) == (3, 1)


@pytest.mark.parametrize("broker", [Broker(hello=REFUSED), Broker(forged=True), Broker(answers_from=1_000)])
def test_without_a_believed_answer_nobody_is_served(broker: Broker) -> None:
    seen = played(broker, seconds_max=1.0, count=1)
    assert seen.served == []


def test_who_finds_the_door_full_comes_again() -> None:
    async def run(broker: Broker) -> Outcome:
        async with serving(broker) as port:
            return await play(msgspec.structs.replace(order_of(port), at_once_max=1))

    seen = asyncio.run(run(Broker(answers_from=2)))
    assert len(seen.served) == 3
    assert seen.turned_away > 0
    assert sum(seen.tries.values()) == 3


def test_a_broker_that_is_away_refuses() -> None:
    seen = asyncio.run(play(order_of(free_port(), 0.5, count=1)))
    assert seen.served == []
    assert seen.refused == sum(seen.tries.values()) > 1


def test_what_is_sent_again_waits_as_long_as_shipped_by_default() -> None:
    order = Order(PLAN, 0, 1, 1, 0.0, 1.0)
    assert order.resend_seconds == UplinkSetting().resend_seconds
    assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order


def test_processes_are_told_together() -> None:
    one = Outcome(served=[2.0], tries={1: 2}, connected={1: 1}, refused=1, sent=1)
    two = Outcome(served=[1.0], tries={1: 1, 4: 2}, connected={4: 1}, turned_away=5, timed_out=2, cut=3, sent=2)
    assert joined([one, two]) == Outcome(
        served=[1.0, 2.0],
        tries={1: 3, 4: 2},
        connected={1: 1, 4: 1},
        turned_away=5,
        refused=1,
        timed_out=2,
        cut=3,
        sent=3,
    )
