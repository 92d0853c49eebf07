from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import split_hold_race
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import holdings, lot_holds
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger


def test_nothing_escapes_a_hold() -> None:
    assert split_hold_race.run(0, plain(split_hold_race.FULL), split_hold_race.FILES) == 0


@pytest.mark.stack
def test_nothing_escapes_a_hold_on_postgresql() -> None:
    assert split_hold_race.run(5_000, stack(split_hold_race.FULL)) == 0


def raced(ledger: Ledger, number: int) -> bool:
    with ThreadPoolExecutor(4) as threads:
        return split_hold_race.holds(ledger, threads, number)


def test_a_split_that_frees_its_child_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    born = holdings._child

    def free(*args: object) -> dict[str, object]:
        return born(*args) | {"disposition": Disposition.AVAILABLE.value}

    monkeypatch.setattr(holdings, "_child", free)
    with split_hold_race.furnished(split_hold_race.FILES) as ledger:
        assert not all(raced(ledger, 5 * number) for number in range(6))


def test_an_arrival_that_is_born_free_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_holds, "standing", lambda _conn, _lot: [])
    with split_hold_race.furnished(split_hold_race.FILES) as ledger:
        made = split_hold_race.prepared(ledger, 2)
        split_hold_race.attempt(ledger, lambda conn: no_order(conn, made.lot))
        split_hold_race.attempt(ledger, made.acts[1])
        assert "H-2-R is AVAILABLE" in split_hold_race.wrong(ledger, made)


def no_order(conn: Connection, lot: str) -> None:
    holdings.hold_lot(conn, lot, 1, "dr-asha", "an order", split_hold_race.NOW_MS)


def test_a_hold_that_holds_nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_hold_race, "hold", lambda _conn, _root: None)
    with split_hold_race.furnished(split_hold_race.FILES) as ledger:
        assert not raced(ledger, 0)


def test_a_dose_made_up_is_caught() -> None:
    with split_hold_race.furnished(split_hold_race.FILES) as ledger:
        made = split_hold_race.prepared(ledger, 0)
        split_hold_race.attempt(ledger, made.acts[0])
        assert split_hold_race.wrong(ledger, made) == []
        assert split_hold_race.wrong(ledger, made._replace(received=11)) == ["11 doses became 10"]


def test_a_server_that_cannot_serve_now_is_asked_again() -> None:
    with split_hold_race.furnished(split_hold_race.FILES) as ledger:

        def away(_conn: Connection) -> None:
            raise Unavailable("deadlock")

        assert not split_hold_race.attempt(ledger, away)
