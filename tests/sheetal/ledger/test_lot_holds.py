from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sheetal.ledger import lot_holds, lot_orders
from sheetal.ledger.lot_holds import LotHold
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.deciding import FIRST
from tests.sheetal.ledger.seeds import LOT, NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

ORDER = lot_orders.Order(authority="State drug controller", reference="SDC/1", reason="particles")
ROW = LotHold(
    id=3,
    lot_id=LOT,
    authority="State drug controller",
    reference="SDC/1",
    reason="particles",
    actor="dr-asha",
    held_at_ms=NOW_MS,
    lifted_at_ms=None,
    lifted_by=None,
    lifted_reference=None,
)


def order(ledger: Ledger, reference: str = "SDC/1") -> int:
    with ledger.write() as conn:
        return lot_orders.hold_lot(conn, LOT, replace(ORDER, reference=reference), FIRST).id


def test_an_order_reads_as_it_was_written(stocked: Ledger) -> None:
    number = order(stocked)
    with stocked.read() as conn:
        assert lot_holds.holds_of(conn, LOT) == [replace(ROW, id=number)]
        assert lot_holds.holds_of(conn, "covishield/none") == []
        assert lot_holds.held_lots(conn) == {LOT}


def test_a_lifted_order_is_kept_and_stands_no_more(stocked: Ledger) -> None:
    first, second = order(stocked), order(stocked, "SDC/2")
    with stocked.write() as conn:
        lot_orders.lift_hold(conn, first, "SDC/9", FIRST)
        assert [one.id for one in lot_holds.standing(conn, LOT)] == [second]
        assert [(one.id, one.stands) for one in lot_holds.holds_of(conn, LOT)] == [(first, False), (second, True)]
        lot_orders.lift_hold(conn, second, "SDC/9", FIRST)
        assert lot_holds.held_lots(conn) == set()


def test_the_words_of_a_hold_name_every_order() -> None:
    assert lot_holds.reason_of([ROW]) == "lot held by State drug controller, SDC/1"
    assert lot_holds.reason_of([ROW, replace(ROW, reference="SDC/2")]).endswith(
        "; lot held by State drug controller, SDC/2"
    )
    assert lot_holds.born_held([ROW, replace(ROW, id=4)])["lot_order"] == 4


def test_the_last_hold_tells_who_held(stocked: Ledger) -> None:
    with stocked.read() as conn:
        assert lot_holds.last_held_by(conn, ["H-1"]) is None
    number = order(stocked)
    seeds.split(stocked, "H-1", "H-2", 3)
    with stocked.read() as conn:
        assert lot_holds.last_held_by(conn, ["H-1"]) == number
        assert lot_holds.last_held_by(conn, ["H-2", "H-1"]) == number


def test_a_persons_hold_is_no_order(stocked: Ledger) -> None:
    seeds.hold(stocked, "H-1")
    order(stocked)
    with stocked.read() as conn:
        assert lot_holds.last_held_by(conn, ["H-1"]) is None
