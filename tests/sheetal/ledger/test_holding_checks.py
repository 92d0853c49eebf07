from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import Refused
from sheetal.contracts.verdict import Finding
from sheetal.ledger import holding_checks as checks
from sheetal.ledger import judgement_writes, stock
from sheetal.ledger.stock_tables import holding
from tests.sheetal.ledger import decided, seeds
from tests.sheetal.ledger.seeds import ACTOR, NOW_MS

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

    from sheetal.ledger.connect import Ledger


def row_of(conn: Connection, holding_id: str = "H-1") -> RowMapping:
    return conn.execute(select(holding).where(holding.c.id == holding_id)).mappings().one()


def test_a_possible_instant_gives_the_last_stay(stocked: Ledger) -> None:
    with stocked.read() as conn:
        last = checks.check_instant(conn, row_of(conn), NOW_MS, NOW_MS)
        assert last == stock.own_stays(conn, "H-1")[-1]


@pytest.mark.parametrize(("at_ms", "reason"), [(NOW_MS + 1, "future"), (NOW_MS - 2 * HOUR_MS, "before_stay")])
def test_an_act_lies_between_the_last_move_and_now(stocked: Ledger, at_ms: int, reason: str) -> None:
    with stocked.read() as conn, pytest.raises(Refused) as caught:
        checks.check_instant(conn, row_of(conn), at_ms, NOW_MS)
    assert caught.value.facts == {"reason": reason, "holding": "H-1", "at_ms": at_ms}


@pytest.mark.parametrize(("doses", "reason"), [(0, "no_doses"), (-1, "no_doses"), (11, "no_doses_left"), (10, None)])
def test_a_part_is_something_and_no_more_than_there_is(stocked: Ledger, doses: int, reason: str | None) -> None:
    with stocked.read() as conn:
        parent = row_of(conn)
    if reason is None:
        checks.check_split(parent, doses)
        return
    with pytest.raises(Refused) as caught:
        checks.check_split(parent, doses)
    assert caught.value.facts["reason"] == reason


def test_only_an_open_case_above_stands_in_the_way(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2")
    seeds.hold(stocked, "H-1")
    with stocked.read() as conn:
        checks.check_ancestors(conn, "H-1")
        with pytest.raises(Refused) as caught:
            checks.check_ancestors(conn, "H-2")
    assert caught.value.facts["ancestors"] == ["H-1"]
    decide(stocked, Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED)
    with stocked.read() as conn:
        checks.check_ancestors(conn, "H-2")


@pytest.mark.parametrize("target", [Disposition.RELEASED, Disposition.RELEASED_USE_FIRST])
def test_a_release_needs_the_newest_verdict_that_holds(stocked: Ledger, target: Disposition) -> None:
    older = add_verdict(stocked)
    decide(stocked, Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT)
    newer = add_verdict(stocked)
    add_verdict(stocked, Finding.USABLE)
    for seen in (None, older, newer + 1):
        with pytest.raises(Refused) as caught:
            decide(stocked, target, seen=seen)
        assert caught.value.facts == {"reason": "newer_verdict", "holding": "H-1", "verdict": newer, "seen": seen}
    decide(stocked, target, seen=newer)
    assert seeds.refusal(stocked) is None


def test_stock_that_nothing_holds_is_released_without_a_verdict(stocked: Ledger) -> None:
    add_verdict(stocked, Finding.EXCURSION_NOTED)
    decide(stocked, Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT)
    with pytest.raises(Refused, match="newer verdict"):
        decide(stocked, Disposition.RELEASED, seen=1)
    decide(stocked, Disposition.RELEASED)
    assert seeds.refusal(stocked) is None


def test_only_a_release_needs_the_newest_verdict(stocked: Ledger) -> None:
    add_verdict(stocked)
    steps = (Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED, Disposition.DESTROYED)
    decide(stocked, *steps)
    with stocked.read() as conn:
        assert stock.holding_by_id(conn, "H-1").disposition is Disposition.DESTROYED


def add_verdict(ledger: Ledger, finding: Finding = Finding.HOLD) -> int:
    with ledger.write() as conn:
        return judgement_writes.append_verdict(conn, seeds.verdict(finding=finding), NOW_MS)


def decide(ledger: Ledger, *targets: Disposition, seen: int | None = None) -> None:
    for target in targets:
        with ledger.write() as conn:
            decided.set_disposition(conn, "H-1", target, ACTOR, "decided", NOW_MS, seen_verdict_id=seen)
