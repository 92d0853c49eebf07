from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from ingest import ages
from sheetal.contracts.batch import AuxRow
from sheetal.ledger import telemetry_writes
from sheetal.ledger.telemetry_ages import VALUE_KEPT_MS
from sheetal.ledger.telemetry_tables import aux_value
from tests.ingest.given import NOW_MS

if TYPE_CHECKING:
    import pytest

    from tests.ingest.conftest import Stores


def fill(stores: Stores, rows: int, received_at_ms: int) -> None:
    told = [("gw-01", 7, AuxRow(number, number, f"{received_at_ms}", "TAMB", 1.0)) for number in range(rows)]
    with stores.telemetry.write() as conn:
        telemetry_writes.add_aux_values(conn, told, received_at_ms)


def left(stores: Stores) -> int:
    with stores.telemetry.read() as conn:
        return int(conn.execute(select(func.count()).select_from(aux_value)).scalar_one())


def test_what_is_old_goes_in_portions_and_the_rest_stays(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ages, "PORTION", 10)
    fill(stores, 35, NOW_MS - VALUE_KEPT_MS - 1)
    fill(stores, 5, NOW_MS - VALUE_KEPT_MS)
    gone = ages.let_go(stores.telemetry, NOW_MS, lambda: True)
    assert gone["values beside temperature"] == 35
    assert sum(gone.values()) == 35
    assert left(stores) == 5


def test_a_turn_is_bounded_and_the_next_goes_on(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ages, "PORTION", 10)
    monkeypatch.setattr(ages, "PORTIONS_A_TURN", 2)
    fill(stores, 35, 1)
    assert [ages.let_go(stores.telemetry, NOW_MS, lambda: True)["values beside temperature"] for _ in range(3)] == [
        20,
        15,
        0,
    ]


def test_whoever_is_told_to_stop_stops_between_portions(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ages, "PORTION", 10)
    fill(stores, 35, 1)
    asked = iter([True, False])
    assert ages.let_go(stores.telemetry, NOW_MS, lambda: next(asked)) == {"values beside temperature": 10}
    assert left(stores) == 25
