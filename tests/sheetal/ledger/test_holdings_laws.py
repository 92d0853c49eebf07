"""The laws of holdings under any order of acts, on both databases."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from sheetal.contracts.disposition import USABLE, Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.problem import Refused
from sheetal.ledger import audit, holdings, rejudge, stock
from sheetal.ledger.decision_tables import decision
from sheetal.ledger.holding_checks import OPEN_CASE, SIGNED
from sheetal.ledger.stock_tables import rejudge as rejudge_table
from tests.sheetal.ledger import decided, seeds
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.stock import Holding

PLACES = st.sampled_from([seeds.APPLIANCE, seeds.SECOND_APPLIANCE, seeds.CARRIER, seeds.OTHER_APPLIANCE])
labels = iter(range(10_000_000))


class Stockroom(RuleBasedStateMachine):
    """Receives, splits, moves, holds, decides, marks and vaccinates; keeps its own books beside the ledger's."""

    ledger: Ledger
    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.root_of: dict[str, str] = {}
        self.received: dict[str, int] = {}
        self.given: Counter[str] = Counter()
        self.given_from: Counter[str] = Counter()

    @rule(target=known, doses=st.integers(1, 20))
    def receive(self, doses: int) -> str:
        label = f"L-{next(labels)}"
        seeds.receive(self.ledger, label, doses)
        self.root_of[label], self.received[label] = label, doses
        return label

    @rule(target=known, label=known, doses=st.integers(1, 20), place=PLACES)
    def split(self, label: str, doses: int, place: str) -> str:
        into = f"L-{next(labels)}"
        parent = self.look(label)
        try:
            child = seeds.split(self.ledger, label, into, doses, place)
        except Refused as refused:
            assert refused.facts["reason"] in {"no_doses_left", "destroyed"}  # noqa: PT017 - a refused split changes nothing
            return label
        self.root_of[into] = self.root_of[label]
        assert child.disposition is parent.disposition
        assert child.gap_open_from_ms == parent.gap_open_from_ms
        return into

    @rule(label=known, place=PLACES, kind=st.sampled_from(EvidenceKind))
    def move(self, label: str, place: str, kind: EvidenceKind) -> None:
        before = self.look(label)
        try:
            moved = seeds.move(self.ledger, label, place, kind)
        except Refused as refused:
            assert refused.facts["reason"] == "destroyed"  # noqa: PT017 - only what is gone cannot be moved
            return
        assert (moved.disposition, moved.gap_open_from_ms) == (before.disposition, before.gap_open_from_ms)
        assert moved.rejudges_open == before.rejudges_open + 1

    @rule(label=known)
    def hold(self, label: str) -> None:
        held = seeds.hold(self.ledger, label)
        with self.ledger.read() as conn:
            family = [label, *stock.descendants(conn, label)]
        assert held == [one for one in family if one in held]
        assert not [one for one in family if self.look(one).disposition in USABLE]

    @rule(label=known, step=st.sampled_from(Disposition))
    def decide(self, label: str, step: Disposition) -> None:
        try:
            with self.ledger.write() as conn:
                decided.set_disposition(conn, label, step, ACTOR, "drawn", NOW_MS)
        except Refused as refused:
            assert refused.facts["reason"] in {"not_allowed", "ancestor_held"}  # noqa: PT017 - no other refusal exists

    @rule(label=known, step=st.sampled_from(sorted(SIGNED)))
    def force(self, label: str, step: Disposition) -> None:
        """What a decision has not been signed for is never done, whatever stands."""
        before = self.look(label)
        with pytest.raises(Refused), self.ledger.write() as conn:
            holdings.set_disposition(conn, label, step, ACTOR, "forced", NOW_MS)
        assert self.look(label) == before

    @rule(label=known)
    def order_the_lot(self, label: str) -> None:
        with self.ledger.write() as conn:
            holdings.hold_lot(conn, self.look_in(conn, label).lot_id, 1, ACTOR, "an order", NOW_MS)
        assert not [one for one in self.root_of if self.look(one).disposition in USABLE]

    @rule(label=known, age_ms=st.integers(0, 1_000))
    def mark_gap(self, label: str, age_ms: int) -> None:
        with self.ledger.write() as conn:
            holdings.open_gap(conn, label, NOW_MS - age_ms, "engine", NOW_MS)
        gap_from_ms = self.look(label).gap_open_from_ms
        assert gap_from_ms is not None
        assert gap_from_ms <= NOW_MS - age_ms

    @rule(label=known)
    def vaccinate(self, label: str) -> None:
        before = self.look(label)
        try:
            seeds.dose(self.ledger, label, place=before.facility_id)
        except Refused as refused:
            assert refused.facts["reason"] in set(RefusalReason)  # noqa: PT017 - a refused dose changes nothing
            assert self.look(label) == before
            return
        assert before.disposition in USABLE
        assert (before.gap_open_from_ms, before.rejudges_open) == (None, 0)
        self.given[self.root_of[label]] += 1
        self.given_from[label] += 1

    @rule(label=known)
    def give_back(self, label: str) -> None:
        try:
            with self.ledger.write() as conn:
                holdings.give_back_dose(conn, label, NOW_MS)
        except Refused as refused:
            assert refused.facts["reason"] == "not_taken"  # noqa: PT017 - a refused return changes nothing
            return
        self.given[self.root_of[label]] -= 1
        self.given_from[label] -= 1
        assert self.given_from[label] >= 0

    @rule(label=consumes(known))
    def waste_all(self, label: str) -> None:
        left = self.look(label).doses_left
        if left:
            with self.ledger.write() as conn:
                holdings.waste_doses(conn, label, left, ACTOR, "drawn", NOW_MS)
            self.given[self.root_of[label]] += left
            self.given_from[label] += left

    @rule()
    def judge(self) -> None:
        seeds.judge(self.ledger)

    @invariant()
    def no_dose_is_made_or_lost(self) -> None:
        left: Counter[str] = Counter()
        for label, root in self.root_of.items():
            left[root] += self.look(label).doses_left
        assert {root: left[root] + self.given[root] for root in self.received} == self.received

    @invariant()
    def nothing_usable_descends_from_an_open_case(self) -> None:
        with self.ledger.read() as conn:
            for label in self.root_of:
                if stock.holding_by_id(conn, label).disposition in USABLE:
                    above = [stock.holding_by_id(conn, one).disposition for one in stock.ancestors(conn, label)]
                    assert not set(above) & set(OPEN_CASE)

    @invariant()
    def released_stock_was_released_by_two_signatures(self) -> None:
        released = {Disposition.RELEASED, Disposition.RELEASED_USE_FIRST}
        signed = decision.c.done_at_ms.is_not(None) & decision.c.second_signed_by.is_not(None)
        with self.ledger.read() as conn:
            done = set(conn.execute(select(decision.c.holding_id).where(signed)).scalars())
            for label in self.root_of:
                if stock.holding_by_id(conn, label).disposition in released:
                    assert done & {label, *stock.ancestors(conn, label)}

    @invariant()
    def each_holding_stands_in_one_place_at_most_without_holes(self) -> None:
        with self.ledger.read() as conn:
            for label in self.root_of:
                stays = stock.stays_of(conn, label)
                assert all(one.until_ms is not None for one in stays[:-1])
                assert all(before.until_ms == after.from_ms for before, after in pairwise(stays))

    @invariant()
    def the_row_counts_its_marks(self) -> None:
        with self.ledger.read() as conn:
            query = select(rejudge_table.c.holding_id, func.count()).group_by(rejudge_table.c.holding_id)
            marks = dict(conn.execute(query).all())
            assert all(stock.holding_by_id(conn, one).rejudges_open == marks.get(one, 0) for one in self.root_of)

    def teardown(self) -> None:
        with self.ledger.write() as conn:
            for place in (FACILITY, OTHER_FACILITY):
                assert audit.verify_chain(conn, place).broken_at is None
            rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 5_000)])

    def look(self, label: str) -> Holding:
        with self.ledger.read() as conn:
            return self.look_in(conn, label)

    def look_in(self, conn: Connection, label: str) -> Holding:
        return stock.holding_by_id(conn, label)


@pytest.mark.timeout(300)
def test_the_laws_hold_whatever_happens(house: Ledger, dialect: str) -> None:
    machine = type("StockroomHere", (Stockroom,), {"ledger": house})
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    few = settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(machine, settings=few)
    assert dialect in {"sqlite", "postgresql"}
