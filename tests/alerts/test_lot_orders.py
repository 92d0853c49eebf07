from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import lot_orders
from alerts.lot_orders import tell_orders
from sheetal.ledger import lot_orders as acts
from sheetal.ledger import stock
from sheetal.ledger.decision_rules import Signature
from tests.alerts.given import FACILITY, HOLDING, at

if TYPE_CHECKING:
    import pytest

    from tests.alerts.given import World

BY = Signature(actor="dr-asha", role="medical_officer", facility_id=FACILITY, at_ms=at(1))


def order(world: World, reference: str = "SDC/1") -> int:
    words = acts.Order(authority="State drug controller", reference=reference, reason="particles")
    with world.ledger.write() as conn:
        return acts.hold_lot(conn, stock.holding_by_id(conn, HOLDING).lot_id, words, BY).id


def test_who_has_the_lot_is_told_once(world: World) -> None:
    world.receive()
    number = order(world)
    assert tell_orders(world.ledger, at(2)) == 1
    assert tell_orders(world.ledger, at(3)) == 0
    (told,) = world.notices()
    assert (told.kind, told.facility_id, told.deduplication_key) == (
        "lot_held",
        FACILITY,
        f"lot_held/{number}/{FACILITY}",
    )
    assert told.facts["reference"] == "SDC/1"
    assert told.facts["lot"] == world.holding().lot_id


def test_each_order_is_told_of(world: World) -> None:
    world.receive()
    order(world)
    tell_orders(world.ledger, at(2))
    order(world, "SDC/2")
    assert tell_orders(world.ledger, at(3)) == 1
    assert {told.facts["reference"] for told in world.notices()} == {"SDC/1", "SDC/2"}


def test_a_lifted_order_is_not_told_of(world: World) -> None:
    world.receive()
    number = order(world)
    with world.ledger.write() as conn:
        acts.lift_hold(conn, number, "SDC/9", BY)
    assert tell_orders(world.ledger, at(2)) == 0


def test_without_an_order_nothing_is_told(world: World) -> None:
    world.receive()
    assert tell_orders(world.ledger, at(2)) == 0


def test_many_are_told_in_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_orders, "AT_ONCE", 1)
    world.receive()
    order(world)
    order(world, "SDC/2")
    assert [tell_orders(world.ledger, at(2)) for _ in range(3)] == [1, 1, 0]
