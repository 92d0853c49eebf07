from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.problem import NotFound
from sheetal.ledger import audit, lot_holds, lot_orders, stock
from sheetal.ledger.decision_rules import ReasonCode
from sheetal.ledger.lot_orders import Order
from tests.sheetal.ledger import deciding, seeds
from tests.sheetal.ledger.deciding import FIRST, SECOND, found, propose, reason_of, wish
from tests.sheetal.ledger.seeds import FACILITY, LOT, NOW_MS, OTHER_FACILITY
from tests.sheetal.ledger.test_hold_against_dose import race

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.lot_orders import HeldLot

ORDER = Order(authority="State drug controller", reference="SDC/2026/118", reason="particles seen in vials")
LIFTED = {"reason": ReasonCode.LOT_HOLD_LIFTED, "comment": "the order was lifted"}
TURNS = 6


def hold_lot(ledger: Ledger, order: Order = ORDER) -> HeldLot:
    with ledger.write() as conn:
        return lot_orders.hold_lot(conn, LOT, order, FIRST)


def lift(ledger: Ledger, order_id: int, reference: str = "SDC/2026/131") -> lot_holds.LotHold:
    with ledger.write() as conn:
        return lot_orders.lift_hold(conn, order_id, reference, SECOND)


def dispositions(ledger: Ledger) -> dict[str, Disposition]:
    with ledger.read() as conn:
        return {one.id: one.disposition for one in stock.holdings_of_lot(conn, LOT)}


def acts(ledger: Ledger, facility_id: str) -> list[str]:
    with ledger.read() as conn:
        assert audit.verify_chain(conn, facility_id).broken_at is None
        return [one.act for one in reversed(audit.entries(conn, facility_id, 100))]


def test_an_order_holds_the_lot_wherever_it_is(stocked: Ledger) -> None:
    seeds.receive(stocked, "H-8", appliance_id=seeds.OTHER_APPLIANCE)
    seeds.split(stocked, "H-1", "H-2", 3, appliance_id=seeds.CARRIER)
    held = hold_lot(stocked)
    assert sorted(held.holdings) == ["H-1", "H-2", "H-8"]
    assert set(dispositions(stocked).values()) == {Disposition.QUARANTINED}
    assert acts(stocked, FACILITY)[-3:] == ["held", "held", "lot_held"]
    assert acts(stocked, OTHER_FACILITY)[-2:] == ["held", "lot_held"]
    with stocked.read() as conn:
        entry = audit.entries(conn, OTHER_FACILITY, 1)[0]
    said = json.loads(entry.detail)
    assert (said["reference"], said["meaning"], said["holdings"]) == (
        "SDC/2026/118",
        f"holds lot {LOT} wherever it is",
        3,
    )


def test_what_was_held_before_is_not_held_anew(stocked: Ledger) -> None:
    seeds.hold(stocked, "H-1")
    assert hold_lot(stocked).holdings == []


def test_a_later_arrival_is_born_held(stocked: Ledger) -> None:
    order = hold_lot(stocked)
    arrived = seeds.receive(stocked, "H-8", appliance_id=seeds.OTHER_APPLIANCE)
    assert arrived.disposition is Disposition.QUARANTINED
    assert acts(stocked, OTHER_FACILITY)[-2:] == ["holding_received", "held"]
    seeds.judge(stocked)
    refused = seeds.refusal(stocked, "H-8", place=OTHER_FACILITY)
    assert refused is not None
    assert refused.facts["reason"] == "held"
    with stocked.read() as conn:
        assert lot_holds.last_held_by(conn, ["H-8"]) == order.id


def test_what_is_split_off_held_stock_is_held(stocked: Ledger) -> None:
    hold_lot(stocked)
    assert seeds.split(stocked, "H-1", "H-2", 3).disposition is Disposition.QUARANTINED


@pytest.mark.parametrize("word", ["authority", "reference", "reason"])
def test_an_order_names_who_by_what_and_why(stocked: Ledger, word: str) -> None:
    assert reason_of(lambda: hold_lot(stocked, replace(ORDER, **{word: "  "}))) == "no_reference"
    assert found(stocked).disposition is Disposition.AVAILABLE


def test_an_order_holds_a_lot_once_and_another_may_hold_it_too(stocked: Ledger) -> None:
    hold_lot(stocked)
    assert reason_of(lambda: hold_lot(stocked)) == "held_already"
    hold_lot(stocked, replace(ORDER, reference="SDC/2026/119"))
    with stocked.read() as conn:
        assert [one.reference for one in lot_holds.standing(conn, LOT)] == ["SDC/2026/118", "SDC/2026/119"]


def test_an_unknown_lot_cannot_be_held(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        lot_orders.hold_lot(conn, "covishield/none", ORDER, FIRST)


def test_lifting_opens_no_gate(stocked: Ledger) -> None:
    order = hold_lot(stocked)
    lifted = lift(stocked, order.id)
    assert (lifted.lifted_by, lifted.lifted_reference, lifted.stands) == ("k-rao", "SDC/2026/131", False)
    assert found(stocked).disposition is Disposition.QUARANTINED
    assert acts(stocked, FACILITY)[-1] == "lot_hold_lifted"


def test_an_order_is_lifted_once_and_by_a_reference(stocked: Ledger) -> None:
    order = hold_lot(stocked)
    assert reason_of(lambda: lift(stocked, order.id, " ")) == "no_reference"
    lift(stocked, order.id)
    assert reason_of(lambda: lift(stocked, order.id)) == "not_standing"
    assert reason_of(lambda: lift(stocked, 404)) == "not_standing"


def test_stock_of_a_held_lot_is_released_by_nobody(stocked: Ledger) -> None:
    deciding.assess(stocked)
    deciding.attach(stocked, deciding.SEEN)
    order = hold_lot(stocked)
    assert reason_of(lambda: propose(stocked)) == "lot_held"
    lift(stocked, order.id)
    assert propose(stocked).done_at_ms == NOW_MS


def test_once_lifted_each_holding_is_released_by_its_own_signature(stocked: Ledger) -> None:
    order = hold_lot(stocked)
    deciding.assess(stocked)
    assert reason_of(lambda: propose(stocked, wish(stocked, **LIFTED))) == "lot_held"
    lift(stocked, order.id)
    assert propose(stocked, wish(stocked, **LIFTED)).done_at_ms == NOW_MS
    assert found(stocked).disposition is Disposition.RELEASED


def test_a_lifted_order_answers_nothing_else(stocked: Ledger) -> None:
    """What a person held before the order came still waits for evidence of its own."""
    deciding.assess(stocked)
    lift(stocked, hold_lot(stocked).id)
    assert reason_of(lambda: propose(stocked, wish(stocked, **LIFTED))) == "lot_not_lifted"


def while_locked(ledger: Ledger, first: Callable[[Connection], None], second: Callable[[], object]) -> list[object]:
    """`second` begins while `first`, in its own transaction, has not committed; what came of it."""
    outcome: list[object] = []
    with ledger.write() as conn:
        first(conn)
        waiting = threading.Thread(target=lambda: outcome.append(second()))
        waiting.start()
        time.sleep(0.3)
        assert outcome == [], "it must wait"
    waiting.join()
    return outcome


def test_a_receipt_that_waits_for_an_order_is_born_held(stocked: Ledger) -> None:
    def order(conn: Connection) -> None:
        lot_orders.hold_lot(conn, LOT, ORDER, FIRST)

    arrived = while_locked(stocked, order, lambda: seeds.receive(stocked, "H-8"))
    assert [one.disposition for one in arrived] == [Disposition.QUARANTINED]


def test_a_release_that_waits_for_an_order_is_refused(stocked: Ledger) -> None:
    deciding.assess(stocked)
    deciding.attach(stocked, deciding.SEEN)
    made = wish(stocked)

    def order(conn: Connection) -> None:
        lot_orders.hold_lot(conn, LOT, ORDER, FIRST)

    refused = while_locked(stocked, order, lambda: reason_of(lambda: propose(stocked, made)))
    assert refused == ["lot_held"]


@pytest.mark.parametrize("turn", range(TURNS))
def test_nothing_of_the_lot_escapes_an_order(stocked: Ledger, turn: int) -> None:
    """Receipts, splits, releases and the order at once: nothing of the lot is usable afterwards."""
    seeds.receive(stocked, "H-9")
    seeds.judge(stocked)
    deciding.assess(stocked, "H-9")
    deciding.attach(stocked, deciding.SEEN, holding_id="H-9")
    made = wish(stocked, "H-9")

    def release() -> object:
        try:
            return propose(stocked, made, holding_id="H-9")
        except Exception as refused:  # noqa: BLE001 - either side may win; what stands afterwards is looked at
            return refused

    race(
        lambda: hold_lot(stocked),
        lambda: seeds.split(stocked, "H-1", "H-2"),
        lambda: seeds.receive(stocked, "H-8"),
        release,
    )
    usable = {one for one, word in dispositions(stocked).items() if word in USABLE}
    assert usable == set(), f"turn {turn}"
    assert len(dispositions(stocked)) == 4
