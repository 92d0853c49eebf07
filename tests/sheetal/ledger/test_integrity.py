from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from sheetal.ledger.integrity import broken_rule
from sheetal.ledger.judgement_tables import lease, notice
from sheetal.ledger.stock_tables import holding, lot, rejudge, stay
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from sqlalchemy import Executable

    from sheetal.ledger.connect import Ledger

NOTICE = {
    "deduplication_key": "k",
    "kind": "x",
    "facility_id": "F-101",
    "facts": "{}",
    "created_at_ms": 1,
    "attempts": 0,
}
LEASE = {"name": "n", "holder": "h", "until_ms": 1}
SAME_BATCH = {
    "id": "other",
    "product_id": seeds.PRODUCT,
    "batch": "CS-2301",
    "expires_at_ms": 1,
    "recorded_at_ms": 1,
}


def rule_of(ledger: Ledger, *statements: Executable) -> str | None:
    with ledger.write() as conn:
        for statement in statements[:-1]:
            conn.execute(statement)
        with pytest.raises(IntegrityError) as caught, conn.begin_nested():
            conn.execute(statements[-1])
    return broken_rule(caught.value)


@pytest.mark.parametrize(
    ("statements", "name"),
    [
        ([update(holding).values(doses_left=-1)], "ck_holding_doses"),
        ([update(holding).values(doses_left=11)], "ck_holding_doses"),
        ([update(holding).values(disposition="FINE")], "ck_holding_disposition"),
        ([insert(rejudge).values(from_ms=1, marked_at_ms=1)], "ck_rejudge_one_subject"),
        ([insert(lease).values(**LEASE), insert(lease).values(**LEASE)], "pk_lease"),
        ([insert(notice).values(**NOTICE), insert(notice).values(**NOTICE)], "uq_notice_deduplication_key"),
        ([insert(lot).values(**SAME_BATCH)], "uq_lot_product_id_batch"),
    ],
)
def test_the_broken_rule_has_the_same_name_on_both(stocked: Ledger, statements: list[Executable], name: str) -> None:
    assert rule_of(stocked, *statements) == name


def test_a_missing_parent_has_a_name_where_the_database_tells_it(stocked: Ledger, dialect: str) -> None:
    stray = update(holding).values(lot_id="x/1")
    assert rule_of(stocked, stray) == ("fk_holding_lot_id_lot" if dialect == "postgresql" else None)


def test_a_holding_stands_in_one_place_at_a_time(stocked: Ledger) -> None:
    row = {"holding_id": "H-1", "appliance_id": "A-2", "evidence_kind": "telemetry", "from_ms": NOW_MS}
    assert rule_of(stocked, insert(stay).values(**row, known_bound_ms=1)) in {"uq_stay_open", "uq_stay_holding_id"}
