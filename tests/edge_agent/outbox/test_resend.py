from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.outbox import outbox
from edge_agent.outbox import resend as outbox_resend
from edge_agent.outbox.outbox import DAY_MS, Outbox
from edge_agent.outbox.resend import ORDERS_MAX, RANGES_MAX, Order, Range, Revived, carry_on, order, orders
from edge_agent.outbox.schema import open_file
from sheetal.contracts.batch import Ack, RefusedRange
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from tests.edge_agent.conftest import SetClock


def stamp(number: int) -> int:
    return T0_MS + number * MINUTE_MS


def settle(box: Outbox, first: int, last: int, *, refused: str | None = None) -> None:
    ack = Ack(gateway=GATEWAY, boot=box.boot, stored=[(first, last)])
    if refused:
        ack = Ack(gateway=GATEWAY, boot=box.boot, refused=[RefusedRange(first, last, refused)])
    box.apply_ack(ack)


def filled(box: Outbox, rows: int = 20) -> Outbox:
    box.add_rows([sample(number) for number in range(rows)])
    settle(box, 1, rows)
    return box


def pending(box: Outbox) -> list[int]:
    parcel = box.next_batch(T0_MS + 10**10)
    return [(item.measured_at_ms - T0_MS) // MINUTE_MS for item in parcel.items] if parcel else []


def test_delivered_items_of_a_span_go_again(outbox: Outbox) -> None:
    filled(outbox)
    assert outbox.resend(stamp(5), stamp(9)) == 4
    assert pending(outbox) == [5, 6, 7, 8]
    assert outbox.counts()[:3] == (4, 16, 0)
    settle(outbox, 1, 20)
    outbox.carry_on()
    assert outbox.counts()[:3] == (0, 20, 0)


def test_refused_items_go_again_too_and_pending_ones_are_left(outbox: Outbox) -> None:
    outbox.add_rows([sample(number) for number in range(6)])
    settle(outbox, 1, 2)
    settle(outbox, 3, 4, refused="implausible")
    assert outbox.resend(T0_MS, stamp(100)) == 4
    assert outbox.counts()[:3] == (6, 0, 0)
    assert outbox.refused_ranges() == []


def test_an_empty_span_asks_for_nothing(outbox: Outbox) -> None:
    filled(outbox)
    assert outbox.resend(stamp(9), stamp(5)) == 0
    assert outbox.resend(stamp(500), stamp(600)) == 0
    assert (pending(outbox), orders(outbox._connection)) == ([], [])


def test_a_long_order_is_carried_out_in_bounded_steps(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_resend, "STEP_ITEMS", 6)
    filled(outbox)
    assert outbox.resend(T0_MS, stamp(100)) == 20
    assert pending(outbox) == list(range(6))
    outbox.carry_on()
    assert pending(outbox) == list(range(12))
    settle(outbox, 1, 20)
    for _ in range(5):
        outbox.carry_on()
    assert pending(outbox) == list(range(12, 20))


def test_while_enough_waits_an_order_waits_as_well(box_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_resend, "STEP_ITEMS", 6)
    monkeypatch.setattr(outbox, "RESEND_PENDING_MAX", 5)
    box = filled(Outbox(box_path))
    box.resend(T0_MS, stamp(100))
    box.carry_on()
    assert box.counts().pending == 6
    settle(box, 1, 6)
    box.carry_on()
    assert pending(box) == list(range(6, 12))
    box.close()


def test_an_order_survives_a_restart(box_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_resend, "STEP_ITEMS", 6)
    box = filled(Outbox(box_path))
    box.resend(T0_MS, stamp(100))
    box.close()
    again = Outbox(box_path)
    assert again.counts()[:2] == (6, 14)
    for _ in range(4):
        again.carry_on()
    assert again.counts()[:2] == (20, 0)
    again.close()


def test_orders_are_bounded_and_lose_nothing(box_path: Path) -> None:
    with closing(open_file(box_path)) as connection:
        for number in range(ORDERS_MAX + 5):
            order(connection, Order(number * 100, number * 100 + 10))
        standing = orders(connection)
        assert len(standing) == ORDERS_MAX
        assert (standing[0].from_ms, standing[-1].until_ms) == (0, (ORDERS_MAX + 4) * 100 + 10)
        carry_on(connection)
        assert len(orders(connection)) == ORDERS_MAX - 1


def put(connection: sqlite3.Connection, stamps: list[int], states: list[int]) -> None:
    connection.executemany(
        "INSERT INTO item (boot, sequence, kind, source, field, measured_at_ms, value, quality, notable, added_at_ms,"
        " state, settled_at_ms) VALUES (1, ?, 'row', ?, '', ?, 1, 0, 0, 0, ?, 5)",
        [(number, SENSOR, at_ms, state) for number, (at_ms, state) in enumerate(zip(stamps, states, strict=True))],
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_settled_item_of_the_span_goes_once_and_the_order_ends(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stamps = data.draw(st.lists(st.integers(0, 40), max_size=80))
    states = data.draw(st.lists(st.sampled_from([0, 1, 2]), min_size=len(stamps), max_size=len(stamps)))
    wanted = Order(*sorted(data.draw(st.tuples(st.integers(0, 41), st.integers(0, 41)))))
    step = data.draw(st.integers(1, 20))
    with (
        closing(open_file(tmp_path_factory.mktemp("o") / "o.db")) as connection,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(outbox_resend, "STEP_ITEMS", step)
        put(connection, stamps, states)
        items = order(connection, wanted)
        revived, steps = Revived(), 0
        while orders(connection):
            more = carry_on(connection)
            # All of one instant go together, so a step may be larger than it should by that.
            assert sum(more) <= 2 * step + max(map(stamps.count, stamps), default=0)
            revived, steps = revived.plus(more), steps + 1
        inside = [state for at_ms, state in zip(stamps, states, strict=True) if wanted[0] <= at_ms < wanted[1]]
        assert revived == Revived(inside.count(1), inside.count(2))
        assert items == sum(revived)
        assert steps <= 43
        left = connection.execute("SELECT state FROM item ORDER BY sequence").fetchall()
        assert [state for (state,) in left] == [
            0 if wanted[0] <= at_ms < wanted[1] else state for at_ms, state in zip(stamps, states, strict=True)
        ]


def test_what_seemed_to_come_from_the_future_is_tried_once_a_day(outbox: Outbox, clock: SetClock) -> None:
    outbox.add_rows([sample(0), sample(1), sample(5 * 24 * 60)])
    settle(outbox, 1, 1, refused="future_stamp")
    settle(outbox, 2, 2, refused="implausible")
    settle(outbox, 3, 3, refused="future_stamp")
    clock.at_ms += DAY_MS - 1
    outbox.prune()
    assert outbox.counts()[:3] == (0, 0, 3)
    clock.at_ms += 1
    outbox.prune()
    assert (pending(outbox), outbox.counts()[:3]) == ([0], (1, 0, 2))
    settle(outbox, 1, 1, refused="future_stamp")
    outbox.prune()
    assert outbox.counts()[:3] == (0, 0, 3)
    clock.at_ms += 5 * DAY_MS
    outbox.prune()
    assert outbox.counts()[:3] == (2, 0, 1)


@pytest.fixture
def box_path(tmp_path: Path) -> Path:
    return tmp_path / "o.db"


def test_ranges_bring_their_numbers_and_nothing_else(outbox: Outbox) -> None:
    filled(outbox)
    assert outbox.resend_ranges([Range(outbox.boot, 3, 5), Range(outbox.boot, 20, 90)]) == 4
    outbox.carry_on()
    assert pending(outbox) == [2, 3, 4, 19]


def test_a_range_counts_what_still_waits_so_that_none_means_gone(outbox: Outbox) -> None:
    outbox.add_rows([sample(number) for number in range(4)])
    settle(outbox, 1, 2)
    assert outbox.resend_ranges([Range(outbox.boot, 1, 4)]) == 4
    assert outbox.resend_ranges([Range(outbox.boot, 90, 99)]) == 0
    assert outbox.resend_ranges([Range(outbox.boot + 1, 1, 4)]) == 0


def test_a_long_range_goes_in_bounded_steps(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_resend, "STEP_ITEMS", 6)
    filled(outbox)
    outbox.resend_ranges([Range(outbox.boot, 1, 10**12)])
    assert pending(outbox) == list(range(6))
    outbox.carry_on()
    assert pending(outbox) == list(range(12))


def test_a_range_of_more_numbers_than_items_ends_soon(box_path: Path) -> None:
    filled(Outbox(box_path)).close()
    with closing(open_file(box_path)) as connection, connection:
        (boot,) = connection.execute("SELECT max(boot) FROM item").fetchone()
        outbox_resend.order_ranges(connection, [Range(boot, 1, 2**63 - 1), Range(boot + 1, 1, 2**63 - 1)])
        assert [carry_on(connection) for _ in range(2)] == [Revived(20, 0), Revived(0, 0)]
        assert outbox_resend.ranges(connection) == []


def test_too_many_ranges_are_refused_and_asked_for_again_later(outbox: Outbox) -> None:
    filled(outbox)
    with pytest.raises(ValueError, match="busy"):
        outbox.resend_ranges([Range(outbox.boot, number, number) for number in range(1, RANGES_MAX + 2)])
    assert pending(outbox) == []


def test_an_order_of_a_restore_means_what_was_settled_late(outbox: Outbox, clock: SetClock) -> None:
    outbox.add_rows([sample(number) for number in range(10)])
    clock.at_ms = T0_MS + DAY_MS
    settle(outbox, 1, 4)
    clock.at_ms = T0_MS + 2 * DAY_MS
    settle(outbox, 5, 10)
    assert outbox.resend(0, 2**53, T0_MS + 2 * DAY_MS) == 0
    assert pending(outbox) == [4, 5, 6, 7, 8, 9]


def test_orders_that_become_one_mean_all_that_either_means(outbox: Outbox) -> None:
    with outbox._transaction() as connection:
        order(connection, Order(5, 10, 7))
        for number in range(ORDERS_MAX):
            order(connection, Order(number + 20, number + 21))
        assert orders(connection)[0] == Order(5, 21, 0)
