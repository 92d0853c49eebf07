from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import NotFound
from sheetal.ledger import holding_locks, stock
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import LOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

LOCKS: dict[str, Callable[[Connection], object]] = {
    "lot": lambda conn: holding_locks.lock_lot(conn, LOT),
    "holding": lambda conn: holding_locks.lock_holding(conn, "H-1"),
    "family": lambda conn: holding_locks.lock_family(conn, "H-1", list),
}


def test_a_lock_gives_the_row_as_it_stands(stocked: Ledger) -> None:
    with stocked.write() as conn:
        row = holding_locks.lock_holding(conn, "H-1")
    assert (row["id"], row["doses_left"], row["lot_id"]) == ("H-1", 10, LOT)


def test_a_family_is_locked_parents_first(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-3", 3)
    seeds.split(stocked, "H-3", "H-2", 1)
    with stocked.write() as conn:
        assert holding_locks.lock_family(conn, "H-1", lambda: stock.descendants(conn, "H-1")) == ["H-1", "H-3", "H-2"]


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_not_there_cannot_be_locked(house: Ledger, lock: str) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        holding_locks.lock_lot(conn, "none") if lock == "lot" else LOCKS[lock](conn)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_second_lock_waits_for_the_first(stocked: Ledger, lock: str) -> None:
    got: list[object] = []

    def second() -> None:
        with stocked.write() as conn:
            got.append(LOCKS[lock](conn))

    with stocked.write() as conn:
        LOCKS[lock](conn)
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        assert got == []
    waiting.join()
    assert len(got) == 1
