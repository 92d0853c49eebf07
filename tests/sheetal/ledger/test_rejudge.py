from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.disposition import RefusalReason
from sheetal.contracts.problem import NotFound
from sheetal.ledger import rejudge, stock
from sheetal.ledger.rejudge import Rejudge
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def marks_on(ledger: Ledger) -> int:
    with ledger.read() as conn:
        return stock.holding_by_id(conn, "H-1").rejudges_open


def test_marks_wait_in_order(stocked: Ledger) -> None:
    with stocked.write() as conn:
        rejudge.mark_appliance(conn, "A-1", 5, NOW_MS)
        rejudge.mark_holding(conn, "H-1", 7, NOW_MS)
        first, second = rejudge.pending(conn, 10)
        assert first == Rejudge(first.id, None, "A-1", 5, NOW_MS)
        assert second == Rejudge(second.id, "H-1", None, 7, NOW_MS)
        assert rejudge.pending(conn, 1) == [first]


def test_a_mark_on_a_holding_closes_its_gate_until_every_mark_is_cleared(stocked: Ledger) -> None:
    with stocked.write() as conn:
        rejudge.mark_holding(conn, "H-1", 1, NOW_MS)
        rejudge.mark_holding(conn, "H-1", 2, NOW_MS)
        first, second = (mark.id for mark in rejudge.pending(conn, 10))
    for waiting, cleared in ((2, [first]), (1, [second])):
        assert marks_on(stocked) == waiting
        refused = seeds.refusal(stocked)
        assert refused is not None
        assert refused.facts["reason"] is RefusalReason.NOT_REJUDGED
        with stocked.write() as conn:
            assert rejudge.clear(conn, cleared) == 1
    assert seeds.refusal(stocked) is None


def test_a_mark_on_an_appliance_closes_no_gate(stocked: Ledger) -> None:
    with stocked.write() as conn:
        rejudge.mark_appliance(conn, "A-1", 1, NOW_MS)
    assert seeds.refusal(stocked) is None


def test_clearing_twice_counts_once(stocked: Ledger) -> None:
    with stocked.write() as conn:
        rejudge.mark_holding(conn, "H-1", 1, NOW_MS)
        ids = [mark.id for mark in rejudge.pending(conn, 10)]
        assert rejudge.clear(conn, ids) == 1
        assert rejudge.clear(conn, ids) == 0
        assert rejudge.clear(conn, []) == 0
    assert marks_on(stocked) == 0


def test_nothing_unknown_is_marked(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        rejudge.mark_holding(conn, "H-404", 1, NOW_MS)
