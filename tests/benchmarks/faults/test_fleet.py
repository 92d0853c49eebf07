from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import pytest

from benchmarks.faults.fleet import Fleet
from benchmarks.faults.fleet_count import count
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import EMBEDDED, SERVER, broker_child, wait_for
from benchmarks.faults.raw_connection import RawConnection
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Ack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.faults.child import Child

PLAN = Plan(1_795_000_000_000, gateways=20, messages_per_second=500, resend_seconds=0.3, in_flight=3)


@pytest.fixture(params=[EMBEDDED, pytest.param(SERVER, marks=pytest.mark.stack)])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Child]:
    child = broker_child(tmp_path, request.param)
    child.start().wait_until_ready()
    yield child
    child.kill()


class Answerer:
    """Acknowledges the rows of every message that `answers` is true of; a thread of its own."""

    def __init__(self, port: int, key: bytes | None = None) -> None:
        self.heard: list[tuple[int, int]] = []
        self.is_answering = True
        self._key = key
        self._connection = RawConnection(port, "answerer", ("cc/v1/+/data",))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(0.005):
            for frame in self._connection.hear():
                self._hear(frame.topic, frame.payload)
            self._connection.flush()

    def _hear(self, topic: str, payload: bytes) -> None:
        name = topic.split("/")[2]
        number = PLAN.number(name)
        assert number is not None
        first = int(payload.partition(b'"rows":[[')[2].partition(b",")[0])
        self.heard.append((number, first))
        if self.is_answering:
            ack = Ack(gateway=name, boot=PLAN.boot(number), stored=[(first, first + PLAN.rows - 1)])
            sealed = seal.seal(topics.Channel.ACK, name, self._key or PLAN.key(number), ack)
            self._connection.publish(f"cc/v1/{name}/ack", sealed)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._connection.close()


def port_of(broker: Child) -> int:
    return int(broker.environment["PORT"])


def test_everything_that_is_measured_is_settled_and_timed(broker: Child) -> None:
    with Answerer(port_of(broker)) as answerer, Fleet(PLAN, port_of(broker)) as fleet:
        fleet.make()
        assert wait_for(lambda: fleet.outboxes.settled > 200, 30)
        assert fleet.drained(30)
        made = fleet.outboxes.made
        stored = [PLAN.reading(number, first + row) for number, first in set(answerer.heard) for row in range(10)]
    assert count(fleet, stored).held
    assert len(stored) == 10 * made
    assert 0 < fleet.latency_seconds(0.5) <= fleet.latency_seconds(0.99) < 30
    fleet.forget_latencies()
    assert fleet.latency_seconds(0.5) == 0


def test_without_an_answer_messages_go_again_and_the_window_holds(broker: Child) -> None:
    with Answerer(port_of(broker)) as answerer, Fleet(PLAN, port_of(broker)) as fleet:
        answerer.is_answering = False
        fleet.make()
        assert wait_for(lambda: fleet.outboxes.published > 150 and fleet.outboxes.made > 100, 30)
        assert not fleet.drained(0.2)
        waiting = fleet.outboxes.pending
        assert len(set(answerer.heard)) <= PLAN.gateways * PLAN.in_flight < waiting
        assert len(answerer.heard) > len(set(answerer.heard))
        answerer.is_answering = True
        assert fleet.drained(60)


def test_an_ack_with_a_wrong_seal_settles_nothing(broker: Child) -> None:
    with Answerer(port_of(broker), key=b"x" * 32), Fleet(PLAN, port_of(broker)) as fleet:
        fleet.make()
        assert wait_for(lambda: fleet.forged > 3, 30)
        assert fleet.outboxes.settled == 0


def test_a_broker_that_comes_late_or_goes_is_found_again(broker: Child) -> None:
    broker.kill()
    with Fleet(PLAN, port_of(broker)) as fleet:
        fleet.make(100)
        assert wait_for(lambda: fleet.outboxes.made > 20, 30)
        assert fleet.outboxes.published == 0
        for _ in range(2):
            broker.start().wait_until_ready()
            with Answerer(port_of(broker)):
                fleet.forget_latencies()
                assert wait_for(lambda: len(fleet.outboxes.latency_seconds) > 5, 30)
            broker.kill()
        assert fleet.problem is None
