from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.outgoing import CROWD, ITEMS_MAX, WINDOW_MAX, Acknowledge, Outgoing, Publish


def publish(number: int) -> Publish:
    return Publish("t", str(number).encode(), retain=False)


def test_items_leave_in_the_order_they_came() -> None:
    outgoing = Outgoing()
    items = [publish(1), Acknowledge(1, 1), publish(2), Acknowledge(2, 1)]
    for item in items:
        outgoing.put(item)
    assert list(outgoing.sendable()) == items
    assert list(outgoing.sendable()) == []


def test_no_more_publishes_are_in_flight_than_the_window() -> None:
    outgoing = Outgoing()
    for number in range(3 * WINDOW_MAX):
        outgoing.put(publish(number))
    assert len(list(outgoing.sendable())) == WINDOW_MAX
    assert list(outgoing.sendable()) == []
    outgoing.arrived()
    outgoing.arrived()
    assert list(outgoing.sendable()) == [publish(WINDOW_MAX), publish(WINDOW_MAX + 1)]


def test_an_acknowledgement_waits_behind_its_publish() -> None:
    outgoing = Outgoing()
    outgoing.start_afresh(1)
    for item in (publish(1), publish(2), Acknowledge(9, 1)):
        outgoing.put(item)
    assert list(outgoing.sendable()) == [publish(1)]
    outgoing.arrived()
    assert list(outgoing.sendable()) == [publish(2), Acknowledge(9, 1)]


@pytest.mark.parametrize(("asked", "window"), [(20, 20), (None, WINDOW_MAX), (65_535, WINDOW_MAX)])
def test_the_window_is_the_smaller_of_the_brokers_and_ours(asked: int | None, window: int) -> None:
    outgoing = Outgoing()
    outgoing.start_afresh(asked)
    for number in range(2 * WINDOW_MAX):
        outgoing.put(publish(number))
    assert not outgoing.is_in_flight
    assert len(list(outgoing.sendable())) == window
    assert outgoing.is_in_flight
    outgoing.arrived(window)
    assert not outgoing.is_in_flight


def test_a_full_queue_drops_publishes_but_no_acknowledgement() -> None:
    outgoing = Outgoing(items_max=3)
    for number in range(5):
        outgoing.put(publish(number))
    outgoing.put(Acknowledge(9, 1))
    assert (len(outgoing), outgoing.dropped) == (4, 2)
    assert list(outgoing.sendable()) == [*map(publish, range(3)), Acknowledge(9, 1)]
    outgoing.put(publish(5))
    assert (len(outgoing), outgoing.dropped) == (1, 2)


def test_it_is_crowded_well_before_it_is_full() -> None:
    outgoing = Outgoing()
    for number in range(CROWD):
        assert not outgoing.is_crowded
        outgoing.put(publish(number))
    assert outgoing.is_crowded
    assert 3 * CROWD < ITEMS_MAX
    assert Outgoing(items_max=0).is_crowded


def test_it_is_idle_once_everything_has_arrived() -> None:
    outgoing = Outgoing()
    assert outgoing.is_idle
    outgoing.put_many([publish(1), publish(2)])
    assert not outgoing.is_idle
    assert len(list(outgoing.sendable())) == 2
    outgoing.arrived()
    assert not outgoing.is_idle
    outgoing.arrived()
    assert outgoing.is_idle


def test_a_new_connection_has_nothing_in_flight_and_keeps_what_has_not_left() -> None:
    outgoing = Outgoing()
    outgoing.start_afresh(1)
    outgoing.put_many([publish(1), publish(2), publish(3)])
    assert list(outgoing.sendable()) == [publish(1)]
    assert list(outgoing.sendable()) == []
    outgoing.start_afresh(2)
    assert list(outgoing.sendable()) == [publish(2), publish(3)]


def test_more_acknowledgements_than_publishes_widen_no_window() -> None:
    outgoing = Outgoing()
    outgoing.start_afresh(1)
    outgoing.arrived(5)
    outgoing.put_many([publish(1), publish(2)])
    assert list(outgoing.sendable()) == [publish(1)]


def test_many_leave_as_if_each_had_been_put_alone() -> None:
    outgoing = Outgoing()
    publishes, acknowledgements = [*map(publish, range(3))], [Acknowledge(number, 1) for number in range(3)]
    outgoing.put_many(publishes)
    outgoing.put_many(acknowledgements)
    assert len(outgoing) == 6
    assert list(outgoing.sendable()) == [*publishes, *acknowledgements]
    assert len(outgoing) == 0


@given(st.lists(st.sampled_from(["publish", "acknowledge", "arrived", "send"])), st.integers(1, 5))
def test_nothing_is_lost_doubled_or_reordered(acts: list[str], window: int) -> None:
    outgoing = Outgoing()
    outgoing.start_afresh(window)
    put: list[Publish | Acknowledge] = []
    sent: list[Publish | Acknowledge] = []
    arrived = 0
    for number, act in enumerate(acts):
        in_flight = sum(isinstance(item, Publish) for item in sent) - arrived
        assert in_flight <= window
        if act == "arrived" and in_flight:
            outgoing.arrived()
            arrived += 1
        elif act == "send":
            sent += outgoing.sendable()
        elif act in {"publish", "acknowledge"}:
            put.append(publish(number) if act == "publish" else Acknowledge(number, 1))
            outgoing.put(put[-1])
    assert sent == put[: len(sent)]
