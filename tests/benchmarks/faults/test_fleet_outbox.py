from __future__ import annotations

import random

import pytest

from benchmarks.faults.fleet_outbox import STRANGE_MAX, Outboxes
from benchmarks.faults.fleet_plan import Plan
from sheetal.contracts.batch import Ack, RefusedRange

PLAN = Plan(0, gateways=2, rows=10, in_flight=2, resend_seconds=5, resend_jitter=0)


def outboxes(plan: Plan = PLAN) -> Outboxes:
    return Outboxes(plan, random.Random(1))


def ack(gateway: int, *stored: tuple[int, int], refused: list[RefusedRange] | None = None, boot: int = 0) -> Ack:
    name = PLAN.name(gateway)
    return Ack(gateway=name, boot=boot or PLAN.boot(gateway), stored=list(stored), refused=refused or [])


def taken(found: Outboxes, now: float) -> list[tuple[int, int]]:
    going = []
    while (one := found.take(now)) is not None:
        going.append(one)
    return going


def test_gateways_measure_in_turn_and_keep_what_their_window_does_not_let_out() -> None:
    found = outboxes()
    found.make(7)
    assert taken(found, 0) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert (found.made, found.pending, found.published) == (7, 7, 4)


def test_an_ack_settles_whole_messages_and_lets_the_next_out() -> None:
    found = outboxes()
    found.make(6)
    taken(found, 1.0)
    found.settle(0, ack(0, (1, 20)), 1.5)
    assert (found.settled, found.pending) == (2, 4)
    assert list(found.latency_seconds) == [0.5, 0.5]
    assert found.is_settled(0, 0)
    assert not found.is_settled(1, 0)
    assert taken(found, 1.5) == [(0, 2)]


def test_what_is_not_answered_goes_again_each_time_later() -> None:
    found = outboxes()
    found.make(1)
    assert taken(found, 0) == [(0, 0)]
    goes = [second for second in range(1, 100) if taken(found, second)]
    assert goes == [5, 15, 35, 75]
    found.settle(0, ack(0, (1, 10)), 80)
    assert list(found.latency_seconds) == [80]
    assert taken(found, 1_000) == []


def test_the_wait_grows_up_to_its_bound() -> None:
    found = outboxes(PLAN._replace(resend_seconds_max=12))
    found.make(1)
    taken(found, 0)
    assert [second for second in range(1, 45) if taken(found, second)] == [5, 15, 27, 39]


def test_jitter_only_makes_the_wait_longer() -> None:
    found = outboxes(PLAN._replace(resend_jitter=0.5, gateways=50))
    found.make(50)
    taken(found, 0)
    assert taken(found, 4.9) == []
    early = len(taken(found, 6.2))
    assert 0 < early < 50
    assert early + len(taken(found, 7.5)) == 50


def test_an_ack_twice_settles_once() -> None:
    found = outboxes()
    found.make(2)
    taken(found, 0)
    for _ in range(2):
        found.settle(0, ack(0, (1, 10)), 1)
    assert (found.settled, found.strange) == (1, [])


def test_refused_messages_are_kept_aside() -> None:
    found = outboxes()
    found.make(2)
    taken(found, 0)
    found.settle(1, ack(1, refused=[RefusedRange(3, 4, "implausible")]), 1)
    assert found.refused == {(1, 0): "implausible"}
    assert (found.pending, found.settled) == (1, 0)
    assert not found.is_settled(1, 0)


@pytest.mark.parametrize("odd", [ack(0, (11, 20)), ack(0, (1, 9)), ack(0, (1, 10), boot=7), ack(0, (999, 999))])
def test_an_ack_for_what_was_not_sent_is_strange_and_settles_nothing(odd: Ack) -> None:
    found = outboxes()
    found.make(1)
    taken(found, 0)
    found.settle(0, odd, 1)
    assert found.settled == 0
    assert len(found.strange) == 1


def test_an_ack_before_the_message_left_is_strange() -> None:
    found = outboxes()
    found.make(1)
    found.settle(0, ack(0, (1, 10)), 1)
    assert len(found.strange) == 1


def test_strange_acks_are_kept_up_to_a_bound() -> None:
    found = outboxes()
    for _ in range(3 * STRANGE_MAX):
        found.settle(0, ack(0, (1, 10)), 1)
    assert len(found.strange) == STRANGE_MAX
