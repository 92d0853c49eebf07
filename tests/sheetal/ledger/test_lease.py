from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sheetal.ledger import lease

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

FOR_MS = 30_000


def take(ledger: Ledger, holder: str, now_ms: int, name: str = "evaluator") -> bool:
    with ledger.write() as conn:
        return lease.take(conn, name, holder, now_ms, FOR_MS)


def test_one_holds_it_and_prolongs_it(ledger: Ledger) -> None:
    assert take(ledger, "a", 1_000)
    assert not take(ledger, "b", 2_000)
    assert take(ledger, "a", 2_000)
    assert not take(ledger, "b", 31_999)


def test_it_runs_out_by_itself(ledger: Ledger) -> None:
    assert take(ledger, "a", 1_000)
    assert not take(ledger, "b", 30_999)
    assert take(ledger, "b", 31_000)
    assert not take(ledger, "a", 31_001)


def test_leases_have_names(ledger: Ledger) -> None:
    assert take(ledger, "a", 1_000)
    assert take(ledger, "b", 1_000, "sealer")


def test_only_the_holder_gives_it_up(ledger: Ledger) -> None:
    assert take(ledger, "a", 1_000)
    with ledger.write() as conn:
        assert not lease.give_up(conn, "evaluator", "b")
        assert lease.give_up(conn, "evaluator", "a")
        assert not lease.give_up(conn, "evaluator", "a")
    assert take(ledger, "b", 1_001)


def test_of_many_at_once_one_gets_it(ledger: Ledger) -> None:
    for turn in range(5):
        tries = [(ledger, f"h{nth}", turn * FOR_MS) for nth in range(6)]
        with ThreadPoolExecutor(6) as threads:
            taken = list(threads.map(lambda one: take(*one), tries))
        assert taken.count(True) == 1
