from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.outbox.parcel import ROW, Item, Parcel
from edge_agent.uplink.flights import Flights
from sheetal.contracts.batch import Ack, RefusedRange


def parcel(*sequences: int, boot: int = 1) -> Parcel:
    items = tuple(Item(boot, number, ROW, "s", "", number, 1, 0, None, False, 0) for number in sequences)  # noqa: FBT003 - the table's order
    return Parcel(boot, history=False, items=items)


def flights(limit: int = 4, wait_seconds: float = 30.0) -> Flights:
    return Flights(limit, lambda in_vain: wait_seconds * 2**in_vain)


def ack(*stored: tuple[int, int], boot: int = 1, refused: tuple[tuple[int, int], ...] = ()) -> Ack:
    return Ack(gateway="g", boot=boot, stored=list(stored), refused=[RefusedRange(a, b, "no") for a, b in refused])


def test_room_is_bounded() -> None:
    on_way = flights(limit=2)
    on_way.depart(parcel(1), 0)
    assert on_way.room() == 1
    on_way.depart(parcel(2), 0)
    assert on_way.room() == 0
    assert on_way.keys == {(1, 1), (1, 2)}


def test_an_unanswered_parcel_goes_again_when_its_time_has_come() -> None:
    on_way = flights()
    on_way.depart(parcel(1, 2), 100.0)
    assert on_way.overdue(129.9) == []
    assert on_way.overdue(130.0) == [parcel(1, 2)]
    assert on_way.overdue(131.0) == []


def test_it_goes_later_every_time_it_was_in_vain() -> None:
    on_way = flights()
    on_way.depart(parcel(1), 0.0)
    times = [second for second in range(1_000) if on_way.overdue(float(second))]
    assert times == [30, 90, 210, 450, 930]


def test_any_answer_ends_the_patience() -> None:
    on_way = flights()
    on_way.depart(parcel(1), 0.0)
    on_way.depart(parcel(2), 0.0)
    for second in (30.0, 90.0, 210.0):
        assert len(on_way.overdue(second)) == 2
    on_way.answered(ack((1, 1)))
    assert on_way.overdue(220.0) == []
    assert on_way.overdue(249.0) == []
    assert on_way.overdue(250.0) == [parcel(2)]
    assert on_way.overdue(309.0) == []
    assert on_way.overdue(310.0) == [parcel(2)]


def test_an_answer_postpones_nothing() -> None:
    on_way = flights()
    on_way.depart(parcel(1), 0.0)
    on_way.overdue(30.0)
    on_way.answered(ack(boot=2))
    assert on_way.overdue(85.0) == []
    assert on_way.overdue(90.0) == [parcel(1)]


def test_only_what_was_not_answered_goes_again() -> None:
    on_way = flights()
    on_way.depart(parcel(1, 2, 3, 4), 0)
    on_way.answered(ack((1, 1), refused=((3, 3),)))
    assert on_way.overdue(30) == [parcel(2, 4)]


def test_a_wholly_answered_parcel_makes_room() -> None:
    on_way = flights(limit=1)
    on_way.depart(parcel(1, 2), 0)
    on_way.answered(ack((0, 9)))
    assert (on_way.room(), on_way.keys, on_way.items) == (1, set(), 0)


def test_an_answer_to_another_boot_changes_nothing() -> None:
    on_way = flights()
    on_way.depart(parcel(1, 2), 0)
    on_way.answered(ack((0, 9), boot=2))
    assert on_way.items == 2


def test_a_lost_connection_forgets_all() -> None:
    on_way = flights()
    on_way.depart(parcel(1), 0)
    on_way.forget()
    assert (on_way.items, on_way.overdue(1e9)) == (0, [])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=8))
def test_any_acks_leave_exactly_what_none_of_them_named(spans: list[tuple[int, int]]) -> None:
    on_way = flights()
    on_way.depart(parcel(*range(10)), 0)
    on_way.depart(parcel(*range(10, 20)), 0)
    for first, last in spans:
        on_way.answered(ack((first, last)))
    left = {number for number in range(20) if not any(first <= number <= last for first, last in spans)}
    assert on_way.keys == {(1, number) for number in left}
