from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.outgoing import WINDOW_MAX, Acknowledge, Outgoing, Publish


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
    outgoing.set_window(1)
    for item in (publish(1), publish(2), Acknowledge(9, 1)):
        outgoing.put(item)
    assert list(outgoing.sendable()) == [publish(1)]
    outgoing.arrived()
    assert list(outgoing.sendable()) == [publish(2), Acknowledge(9, 1)]


@pytest.mark.parametrize(("asked", "window"), [(20, 20), (None, WINDOW_MAX), (65_535, WINDOW_MAX)])
def test_the_window_is_the_smaller_of_the_brokers_and_ours(asked: int | None, window: int) -> None:
    outgoing = Outgoing()
    outgoing.set_window(asked)
    for number in range(2 * WINDOW_MAX):
        assert not outgoing.is_stalled
        outgoing.put(publish(number))
    assert len(list(outgoing.sendable())) == window
    assert outgoing.is_stalled


def test_a_full_queue_drops_publishes_but_no_acknowledgement() -> None:
    outgoing = Outgoing(items_max=3)
    for number in range(5):
        assert outgoing.is_full is (number >= 3)
        outgoing.put(publish(number))
    outgoing.put(Acknowledge(9, 1))
    assert list(outgoing.sendable()) == [*map(publish, range(3)), Acknowledge(9, 1)]
    assert not outgoing.is_full


def test_what_is_cleared_never_leaves_and_what_is_in_flight_still_counts() -> None:
    outgoing = Outgoing()
    outgoing.set_window(1)
    outgoing.put(publish(1))
    assert list(outgoing.sendable()) == [publish(1)]
    outgoing.put(publish(2))
    outgoing.clear()
    outgoing.put(publish(3))
    assert list(outgoing.sendable()) == []
    outgoing.arrived()
    assert list(outgoing.sendable()) == [publish(3)]


def test_many_leave_as_if_each_had_been_put_alone() -> None:
    outgoing = Outgoing()
    publishes, acknowledgements = [*map(publish, range(3))], [Acknowledge(number, 1) for number in range(3)]
    outgoing.put_many(publishes)
    outgoing.put_many(acknowledgements)
    assert len(outgoing) == 6
    assert list(outgoing.sendable()) == [*publishes, *acknowledgements]
    assert len(outgoing) == 0


def test_what_is_dropped_is_counted() -> None:
    outgoing = Outgoing(items_max=3)
    outgoing.put_many([*map(publish, range(5))])
    assert (len(outgoing), outgoing.dropped) == (3, 2)
    outgoing.put_many([Acknowledge(1, 1), Acknowledge(2, 1)])
    assert (len(outgoing), outgoing.dropped) == (5, 2)
    outgoing.clear()
    assert (len(outgoing), outgoing.dropped) == (0, 5)


@given(st.lists(st.sampled_from(["publish", "acknowledge", "arrived", "send"])), st.integers(1, 5))
def test_nothing_is_lost_doubled_or_reordered(acts: list[str], window: int) -> None:
    outgoing = Outgoing()
    outgoing.set_window(window)
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
