from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import judgement_writes, rejudge, retention, schema, stock
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.retention import PAST_MS, Needed
from sheetal.ledger.stock_tables import compromise, holding, stay
from sheetal.ledger.stock_tables import rejudge as rejudge_table
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import APPLIANCE, FACILITY, LOT, NOW_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.ledger.connect import Ledger

EXPIRES_MS = NOW_MS + 90 * DAY_MS
LONG_AFTER_MS = EXPIRES_MS + PAST_MS + DAY_MS
"""The lot of the seeds expires 90 days after now."""


def needed(ledger: Ledger, now_ms: int = NOW_MS) -> Needed | None:
    with ledger.read() as conn:
        return retention.needed_from(conn, now_ms)


def is_past(ledger: Ledger, now_ms: int = LONG_AFTER_MS) -> bool:
    with ledger.read() as conn:
        return retention.past(conn, ["H-1"], now_ms) == {"H-1": EXPIRES_MS + PAST_MS}


def spend(ledger: Ledger, **more: object) -> None:
    """All doses of all holdings are given, and nothing waits to be judged."""
    with ledger.write() as conn:
        rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 100)])
        conn.execute(update(holding).values(doses_left=0, **more))


def test_nothing_in_stock_needs_nothing(house: Ledger) -> None:
    assert needed(house) is None


def test_a_holding_needs_its_whole_life(house: Ledger) -> None:
    seeds.receive(house, "H-1", at_ms=NOW_MS - 3 * HOUR_MS)
    seeds.judge(house)
    seeds.move(house, "H-1", "A-2", at_ms=NOW_MS - HOUR_MS)
    assert needed(house, LONG_AFTER_MS) == Needed(NOW_MS - 3 * HOUR_MS, "H-1")


def test_what_was_split_off_needs_the_life_of_its_parent(house: Ledger) -> None:
    seeds.receive(house, "H-1", at_ms=NOW_MS - 3 * HOUR_MS)
    seeds.split(house, "H-1", "H-2", doses=10)
    spend(house)
    with house.write() as conn:
        conn.execute(update(holding).where(holding.c.id == "H-2").values(doses_left=1))
    assert needed(house, LONG_AFTER_MS) == Needed(NOW_MS - 3 * HOUR_MS, "H-1")


def test_a_spent_holding_is_past_long_after_its_lot_expired(house: Ledger) -> None:
    seeds.receive(house, "H-1")
    spend(house)
    assert not is_past(house, NOW_MS)
    assert not is_past(house, LONG_AFTER_MS - 2 * DAY_MS)
    assert is_past(house)
    assert needed(house, LONG_AFTER_MS) is None


def test_a_dose_left_keeps_it_for_ever_unless_it_was_destroyed(house: Ledger) -> None:
    seeds.receive(house, "H-1")
    seeds.judge(house)
    assert not is_past(house, LONG_AFTER_MS + 3_650 * DAY_MS)
    with house.write() as conn:
        conn.execute(update(holding).values(disposition=Disposition.DESTROYED.value))
    assert is_past(house)


@pytest.mark.parametrize("state", [Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT])
def test_what_somebody_decides_on_is_not_past(house: Ledger, state: Disposition) -> None:
    seeds.receive(house, "H-1")
    spend(house, disposition=state.value)
    assert not is_past(house)


def test_what_waits_to_be_judged_is_not_past_and_a_marked_appliance_counts(house: Ledger) -> None:
    seeds.receive(house, "H-1")
    spend(house)
    with house.write() as conn:
        rejudge.mark_holding(conn, "H-1", NOW_MS, NOW_MS)
    assert not is_past(house)
    spend(house)
    with house.write() as conn:
        rejudge.mark_appliance(conn, APPLIANCE, NOW_MS - 7 * DAY_MS, NOW_MS)
    assert is_past(house)
    assert needed(house, LONG_AFTER_MS) == Needed(NOW_MS - 7 * DAY_MS, APPLIANCE)


def test_a_recall_rests_on_a_compromise_that_stands(house: Ledger) -> None:
    seeds.receive(house, "H-1")
    with house.write() as conn:
        verdict_id = judgement_writes.append_verdict(conn, seeds.verdict(), NOW_MS)
        told = {"holding_id": "H-1", "verdict_id": verdict_id, "side": "cold"}
        conn.execute(insert(compromise).values(**told, compromised_from_ms=NOW_MS, found_at_ms=NOW_MS))
    spend(house)
    assert not is_past(house)
    with house.write() as conn:
        conn.execute(update(compromise).values(withdrawn_at_ms=NOW_MS))
    assert is_past(house)


class Made(NamedTuple):
    """One holding of a made-up history: its parent's place in the list, what is left, and its stays."""

    parent: int | None
    doses_left: int
    disposition: Disposition
    expired: bool
    waits: bool
    stays: list[tuple[int, int]]


@st.composite
def histories(draw: st.DrawFn) -> list[Made]:
    found: list[Made] = []
    for number in range(draw(st.integers(1, 7))):
        parent = draw(st.one_of(st.none(), st.integers(0, number - 1))) if number else None
        stays: list[tuple[int, int]] = []
        at_ms = draw(st.integers(1, 400)) * DAY_MS
        for _ in range(draw(st.integers(1, 3))):
            until_ms = at_ms + draw(st.integers(1, 50)) * DAY_MS
            stays.append((at_ms, until_ms))
            at_ms = until_ms
        found.append(
            Made(
                parent,
                draw(st.integers(0, 2)),
                draw(st.sampled_from(list(Disposition))),
                draw(st.booleans()),
                draw(st.booleans()),
                stays,
            )
        )
    return found


@pytest.fixture(scope="module")
def one_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    folder = tmp_path_factory.mktemp("laws")
    schema.upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db")
    with closing(open_ledger(f"sqlite:///{folder}/ledger.db")) as ledger:
        seeds.furnish(ledger)
        yield ledger


def write(ledger: Ledger, history: list[Made]) -> None:
    with ledger.write() as conn:
        for table in (rejudge_table, stay):
            conn.execute(delete(table))
        parents = select(holding.c.parent_id).where(holding.c.parent_id.is_not(None))
        # Children first, since they name their parents.
        while conn.execute(delete(holding).where(holding.c.id.not_in(parents))).rowcount:
            pass
        for number, one in enumerate(history):
            conn.execute(
                insert(holding).values(
                    id=f"H-{number}",
                    lot_id=LOT,
                    facility_id=FACILITY,
                    parent_id=None if one.parent is None else f"H-{one.parent}",
                    doses_received=5,
                    doses_left=one.doses_left,
                    disposition=one.disposition.value,
                    disposition_at_ms=NOW_MS,
                    expires_at_ms=NOW_MS - PAST_MS - DAY_MS if one.expired else NOW_MS,
                    created_at_ms=NOW_MS,
                )
            )
            words = {"holding_id": f"H-{number}", "appliance_id": APPLIANCE, "evidence_kind": "telemetry"}
            for from_ms, until_ms in one.stays:
                conn.execute(insert(stay).values(**words, from_ms=from_ms, until_ms=until_ms, known_bound_ms=1))
            if one.waits:
                rejudge.mark_holding(conn, f"H-{number}", max(from_ms for from_ms, _ in one.stays), NOW_MS)


@given(history=histories())
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_instant_that_an_open_holding_rests_on_is_ever_let_go(one_ledger: Ledger, history: list[Made]) -> None:
    """By another way: every holding that may be judged, by the stays that its verdict is made of."""
    write(one_ledger, history)
    with one_ledger.read() as conn:
        found = retention.needed_from(conn, NOW_MS)
        gone = retention.past(conn, [f"H-{number}" for number in range(len(history))], NOW_MS)
        for number, one in enumerate(history):
            first_ms = min(each.from_ms for each in stock.stays_of(conn, f"H-{number}"))
            may_be_judged = (
                not one.expired
                or (one.doses_left > 0 and one.disposition is not Disposition.DESTROYED)
                or one.waits
                or one.disposition in {Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT}
            )
            assert may_be_judged == (f"H-{number}" not in gone)
            if may_be_judged:
                assert found is not None
                assert found.from_ms <= first_ms
