from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, holdings, rejudge, stock
from sheetal.ledger.stock_tables import holding
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import FACILITY, LOT, NOW_MS, OTHER_FACILITY, REFRIGERATOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.ledger.connect import Ledger

BEGIN_MS = NOW_MS - HOUR_MS


def spans(ledger: Ledger, holding_id: str) -> list[tuple[str, str, int, int | None]]:
    with ledger.read() as conn:
        return [
            (one.holding_id, one.appliance_id, one.from_ms, one.until_ms) for one in stock.stays_of(conn, holding_id)
        ]


def test_a_lot_belongs_to_a_known_product_and_is_recorded_once(house: Ledger) -> None:
    with house.write() as conn:
        assert stock.lot_by_id(conn, LOT) == seeds.lot()
        with pytest.raises(Refused) as caught:
            stock.add_lot(conn, seeds.lot(), NOW_MS)
        assert caught.value.facts["reason"] == "exists"
        with pytest.raises(Refused):
            stock.add_lot(conn, replace(seeds.lot(), id="covishield/other"), NOW_MS)
        with pytest.raises(NotFound):
            stock.add_lot(conn, replace(seeds.lot(), id="x/1", product_id="x"), NOW_MS)
        with pytest.raises(NotFound):
            stock.lot_by_id(conn, "x/1")
        stock.add_lot(conn, seeds.lot("covishield/A"), NOW_MS)
        assert [one.id for one in stock.lots(conn)] == ["covishield/A", LOT]
        assert stock.lots(conn, "covaxin") == []


def test_a_received_holding_is_available_but_not_judged_yet(house: Ledger) -> None:
    received = seeds.receive(house, "H-1", 25)
    assert received == stock.Holding(
        id="H-1",
        lot_id=LOT,
        product_id="covishield",
        batch="CS-2301",
        facility_id=FACILITY,
        parent_id=None,
        doses_received=25,
        doses_left=25,
        disposition=Disposition.AVAILABLE,
        disposition_at_ms=NOW_MS,
        held_by_verdict_id=None,
        expires_at_ms=seeds.lot().expires_at_ms,
        gap_open_from_ms=None,
        thawed_at_ms=None,
        rejudges_open=1,
        created_at_ms=NOW_MS,
    )
    with house.read() as conn:
        (mark,) = rejudge.pending(conn, 10)
        assert (mark.holding_id, mark.from_ms, mark.marked_at_ms) == ("H-1", BEGIN_MS, NOW_MS)
        (entry,) = audit.entries(conn, FACILITY, 10)
        assert (entry.act, entry.subject, entry.actor) == ("holding_received", "H-1", seeds.ACTOR)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"doses": 0}, "no_doses"),
        ({"doses": -5}, "no_doses"),
        ({"at_ms": NOW_MS + 1}, "future"),
        ({"facility_id": OTHER_FACILITY}, "other_facility"),
        ({"holding_id": "H-0"}, "exists"),
    ],
)
def test_a_receipt_is_checked(house: Ledger, changes: dict[str, object], reason: str) -> None:
    seeds.receive(house, "H-0")
    with house.write() as conn, pytest.raises(Refused) as caught:
        stock.receive_holding(conn, **{**receipt(), **changes})
    assert caught.value.facts["reason"] == reason


@pytest.mark.parametrize("changes", [{"lot_id": "x/1"}, {"appliance_id": "A-404"}])
def test_a_receipt_names_what_exists(house: Ledger, changes: dict[str, object]) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        stock.receive_holding(conn, **{**receipt(), **changes})


def receipt() -> dict[str, object]:
    return {
        "holding_id": "H-1",
        "lot_id": LOT,
        "facility_id": FACILITY,
        "doses": 10,
        "appliance_id": "A-1",
        "evidence_kind": EvidenceKind.TELEMETRY,
        "at_ms": BEGIN_MS,
        "now_ms": NOW_MS,
        "actor": seeds.ACTOR,
    }


@pytest.mark.parametrize(
    ("kind", "holdover", "cold_life", "bound_ms"),
    [
        (EvidenceKind.TELEMETRY, None, None, 60 * MINUTE_MS),
        (EvidenceKind.TELEMETRY, 30, None, 30 * MINUTE_MS),
        (EvidenceKind.TELEMETRY, 240, None, 4 * HOUR_MS),
        (EvidenceKind.TELEMETRY, 3_000, None, 4 * HOUR_MS),
        (EvidenceKind.LOGGER_FILE, 30, None, 16 * HOUR_MS),
        (EvidenceKind.TWICE_DAILY, 30, None, 16 * HOUR_MS),
        (EvidenceKind.PACKED_CARRIER, 30, None, 8 * HOUR_MS),
        (EvidenceKind.PACKED_CARRIER, None, 1_200, 20 * HOUR_MS),
    ],
)
def test_each_kind_of_evidence_has_its_bound(
    kind: EvidenceKind, holdover: int | None, cold_life: int | None, bound_ms: int
) -> None:
    place = replace(REFRIGERATOR, holdover_minutes=holdover, cold_life_minutes=cold_life)
    assert stock.known_bound_ms(place, kind) == bound_ms


@pytest.mark.parametrize("change", [str.lower, str.title, lambda batch: f" {batch} ", " ".join])
def test_a_lot_that_differs_by_case_or_blanks_alone_is_the_same(house: Ledger, change: Callable[[str], str]) -> None:
    batch = change(seeds.lot().batch)
    assert batch != seeds.lot().batch
    with house.write() as conn:
        with pytest.raises(Refused) as caught:
            stock.add_lot(conn, replace(seeds.lot(), id=f"covishield/{batch}", batch=batch), NOW_MS)
        assert (caught.value.facts["reason"], caught.value.facts["like"]) == ("look_alike", LOT)
        assert [one.id for one in stock.lots(conn)] == [LOT]


def test_holdings_are_found_by_place_and_by_lot(house: Ledger) -> None:
    seeds.receive(house, "H-2")
    seeds.receive(house, "H-1")
    seeds.receive(house, "H-3", appliance_id=seeds.OTHER_APPLIANCE)
    with house.read() as conn:
        assert [one.id for one in stock.holdings_at(conn, FACILITY)] == ["H-1", "H-2"]
        assert [one.id for one in stock.holdings_of_lot(conn, LOT)] == ["H-1", "H-2", "H-3"]
        assert stock.holdings_of_lot(conn, "x/1") == []
        assert [stay.holding_id for stay in stock.open_stays_in(conn, "A-1")] == ["H-2", "H-1"]
        with pytest.raises(NotFound):
            stock.holding_by_id(conn, "H-404")


def test_a_childs_past_is_its_ancestors_past_up_to_each_split(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", "A-2", at_ms=BEGIN_MS + 10)
    seeds.split(stocked, "H-1", "H-2", appliance_id="C-1", at_ms=BEGIN_MS + 20)
    seeds.move(stocked, "H-1", "A-1", at_ms=BEGIN_MS + 30)
    seeds.split(stocked, "H-2", "H-3", doses=1, appliance_id="A-9", at_ms=BEGIN_MS + 40)
    past = [("H-1", "A-1", BEGIN_MS, BEGIN_MS + 10)]
    split_off = [*past, ("H-1", "A-2", BEGIN_MS + 10, BEGIN_MS + 20)]
    assert spans(stocked, "H-1") == [
        *past,
        ("H-1", "A-2", BEGIN_MS + 10, BEGIN_MS + 30),
        ("H-1", "A-1", BEGIN_MS + 30, None),
    ]
    assert spans(stocked, "H-2") == [*split_off, ("H-2", "C-1", BEGIN_MS + 20, None)]
    assert spans(stocked, "H-3") == [
        *split_off,
        ("H-2", "C-1", BEGIN_MS + 20, BEGIN_MS + 40),
        ("H-3", "A-9", BEGIN_MS + 40, None),
    ]


def test_a_past_has_no_hole_and_no_overlap(stocked: Ledger) -> None:
    for number in range(1, 6):
        seeds.split(stocked, f"H-{number}", f"H-{number + 1}", doses=10 - number, at_ms=BEGIN_MS + number)
        seeds.move(stocked, f"H-{number + 1}", "A-2", at_ms=BEGIN_MS + number)
    past = spans(stocked, "H-6")
    assert past[0][2] == BEGIN_MS
    assert all(before[3] == after[2] for before, after in pairwise(past))


def test_an_hour_of_an_appliance_touches_who_stood_there_and_whom_they_became(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2", appliance_id="A-2", at_ms=BEGIN_MS + 10)
    seeds.split(stocked, "H-1", "H-3", appliance_id="A-2", at_ms=BEGIN_MS + 30)
    seeds.split(stocked, "H-3", "H-4", doses=1, appliance_id="C-1", at_ms=BEGIN_MS + 40)
    seeds.receive(stocked, "H-5", at_ms=BEGIN_MS + 50)

    def touched(appliance_id: str, from_ms: int, until_ms: int | None = None) -> list[str]:
        with stocked.read() as conn:
            return [one.id for one in stock.holdings_in(conn, appliance_id, BEGIN_MS + from_ms, until_ms)]

    assert touched("A-1", 20) == ["H-1", "H-3", "H-4", "H-5"]
    assert touched("A-1", 0, BEGIN_MS + 5) == ["H-1", "H-2", "H-3", "H-4"]
    assert touched("A-1", 35) == ["H-1", "H-5"]
    assert touched("A-2", 0) == ["H-2", "H-3", "H-4"]
    assert touched("A-9", 0) == []


def test_families_are_known_upwards_and_downwards(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-9")
    seeds.split(stocked, "H-1", "H-2")
    seeds.split(stocked, "H-9", "H-0", doses=1)
    with stocked.read() as conn:
        assert stock.descendants(conn, "H-1") == ["H-2", "H-9", "H-0"]
        assert stock.descendants(conn, "H-0") == []
        assert [stock.doses_split_off(conn, one) for one in ("H-1", "H-9", "H-0")] == [6, 1, 0]
        assert stock.ancestors(conn, "H-0") == ["H-9", "H-1"]
        assert stock.ancestors(conn, "H-1") == []
        assert stock.born_after(conn, "H-1", NOW_MS - 1) == ["H-2", "H-9", "H-0"]
        assert stock.born_after(conn, "H-1", NOW_MS) == []


def test_stock_that_is_marked_or_destroyed_is_not_to_be_marked(stocked: Ledger) -> None:
    for label in ("H-2", "H-3", "H-4"):
        seeds.receive(stocked, label)
    with stocked.write() as conn:
        holdings.open_gap(conn, "H-2", seeds.NOW_MS, "engine", seeds.NOW_MS)
        conn.execute(update(holding).where(holding.c.id == "H-3").values(disposition="DESTROYED"))
        left = [one.holding_id for one in stock.unmarked_stays_in(conn, seeds.APPLIANCE)]
        assert stock.unmarked_stays_in(conn, seeds.SECOND_APPLIANCE) == []
        assert len(stock.open_stays_in(conn, seeds.APPLIANCE)) == 4
    assert left == ["H-1", "H-4"]
