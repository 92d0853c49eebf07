from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.recall import lot_list
from sheetal.contracts.problem import NotFound
from sheetal.ledger import lot_orders
from sheetal.ledger.decision_rules import Signature

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic

LOT = "covishield/CS-2301"
ORDER = lot_orders.Order(authority="State drug controller", reference="SDC/1", reason="particles")


def hold(clinic: Clinic, at_ms: int) -> None:
    by = Signature(actor="doctor", role="medical_officer", facility_id="F-101", at_ms=at_ms)
    with clinic.ledger.write() as conn:
        lot_orders.hold_lot(conn, LOT, ORDER, by)


def test_every_dose_of_the_lot_is_listed_wherever_it_came_from(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2")
    clinic.receive("H-3", "CS-2302")
    given = [clinic.dose_from(one, clinic.now_ms + at) for at, one in enumerate(("H-2", "H-1", "H-2", "H-3"))]
    found = lot_list.doses_of_lot(clinic.ledger, LOT)
    assert [one.dose for one in found.doses] == given[:3]
    assert [one.holding for one in found.doses] == ["H-2", "H-1", "H-2"]
    assert (found.total, found.since_order, found.orders, found.pages) == (3, 0, [], 1)
    assert all(len(one.reference_last_four) == 4 and not one.has_advisory for one in found.doses)


def test_doses_given_after_the_order_are_counted_apart(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.dose_from("H-1", clinic.now_ms)
    clinic.dose_from("H-1", clinic.now_ms + 2)
    hold(clinic, clinic.now_ms + 1)
    found = lot_list.doses_of_lot(clinic.ledger, LOT)
    assert (found.total, found.since_order) == (2, 1)
    assert [one.reference for one in found.orders] == ["SDC/1"]


def test_a_lot_without_stock_or_doses_is_an_empty_list(clinic: Clinic) -> None:
    assert lot_list.doses_of_lot(clinic.ledger, LOT).doses == []
    clinic.receive("H-1")
    assert lot_list.doses_of_lot(clinic.ledger, LOT).total == 0


def test_many_doses_come_in_pages_oldest_first(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_list, "PAGE_SIZE", 2)
    monkeypatch.setattr(lot_list, "LOOK_AT_ONCE", 3)
    clinic.receive("H-1")
    given = [clinic.dose_from("H-1", clinic.now_ms + at) for at in range(5)]
    pages = [lot_list.doses_of_lot(clinic.ledger, LOT, page) for page in (1, 2, 3)]
    assert [[one.dose for one in page.doses] for page in pages] == [given[:2], given[2:4], given[4:]]
    with pytest.raises(NotFound):
        lot_list.doses_of_lot(clinic.ledger, LOT, 4)


def test_an_unknown_lot_is_not_found(clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        lot_list.doses_of_lot(clinic.ledger, "covishield/none")
