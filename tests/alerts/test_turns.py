from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from alerts import appliances, turns
from alerts.evaluate import Judge
from alerts.known import Known
from alerts.turns import PROBLEM_CHARACTERS_MAX, judged_in_turn, named
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import assets, catalogue, histories, holdings, stock, telemetry_writes
from sheetal.ledger.stock_tables import holding
from sheetal.ledger.stock_tables import product as product_table
from sheetal.ledger.telemetry_tables import day_summary as day_table
from tests.alerts.given import FRIDGE, HOLDING, OTHER, TOP, at, day_summary, product

if TYPE_CHECKING:
    from collections.abc import Collection

    from alerts.evaluate import Judged
    from sheetal.ledger.histories import History
    from tests.alerts.given import World

THREE = [HOLDING, "H-2", "H-3"]


@pytest.fixture
def stocked(world: World) -> World:
    for label in THREE:
        world.receive(label)
    world.feed((0, 30, 450))
    return world


def judged(world: World, *labels: str) -> tuple[list[str], set[str]]:
    failed: set[str] = set()
    found = [one.verdict.holding for one in judged_in_turn(world.stores, labels or THREE, at(30), failed)]
    return found, failed


def test_each_is_judged_in_order_of_its_name(stocked: World) -> None:
    assert judged(stocked, "H-3", HOLDING, "H-2") == (THREE, set())
    assert judged(stocked, "H-2", "H-none") == (["H-2"], set())


@pytest.mark.parametrize("at_once", [1, 2])
def test_many_go_in_parts(stocked: World, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(histories, "IDS_A_QUERY", at_once)
    assert judged(stocked) == (THREE, set())


def test_one_that_cannot_be_judged_keeps_no_other_from_its_turn(
    stocked: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Judge.judge

    def judge(self: Judge, history: History) -> Judged:
        if history.holding.id == "H-2":
            raise ValueError("a fault in the data")
        return real(self, history)

    monkeypatch.setattr(Judge, "judge", judge)
    assert judged(stocked) == ([HOLDING, "H-3"], {"H-2"})


def test_one_of_which_nothing_can_be_learnt_keeps_no_other_from_being_learnt_of(
    stocked: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Known.learn

    def learn(self: Known, about: Collection[History]) -> None:
        if "H-2" in {one.holding.id for one in about}:
            raise TypeError("nobody thought of this")
        real(self, about)

    monkeypatch.setattr(Known, "learn", learn)
    assert judged(stocked) == ([HOLDING, "H-3"], {"H-2"})


def test_a_product_that_cannot_be_read_keeps_no_other_stock_from_being_judged(stocked: World) -> None:
    with stocked.ledger.write() as conn:
        catalogue.record_products(conn, [replace(product(), product="covaxin")], at(0))
        stock.add_lot(conn, stock.Lot(id="covaxin/C", product_id="covaxin", batch="C", expires_at_ms=at(9_000)), at(0))
        moved = update(holding).where(holding.c.id == "H-2").values(lot_id="covaxin/C")
        conn.execute(moved)
        conn.execute(update(product_table).where(product_table.c.id == "covaxin").values(definition='{"product":'))
    assert judged(stocked) == ([HOLDING, "H-3"], {"H-2"})


def test_a_loggers_day_that_cannot_be_read_keeps_no_other_stock_from_being_judged(stocked: World) -> None:
    with stocked.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "logger", at(0), at(0))
        holdings.move_holding(conn, "H-2", OTHER, EvidenceKind.LOGGER_FILE, at(1), at(1), "ravi")
    with stocked.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day_summary(TOP, alarm=None)], at(1500))
        conn.execute(update(day_table).values(summary="{"))
    assert judged(stocked) == ([HOLDING, "H-3"], {"H-2"})
    looked = appliances.look(stocked.stores, [FRIDGE, OTHER], at(30))
    assert [(one.appliance_id, one.known_through_ms) for one in looked] == [(FRIDGE, at(29)), (OTHER, None)]


@pytest.mark.parametrize("step", ["learn", "judge"])
def test_a_store_that_is_away_ends_the_round(stocked: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def away(*_: object) -> None:
        raise Unavailable("the ledger does not answer")

    monkeypatch.setattr(Judge, step, away)
    with pytest.raises(Unavailable):
        judged(stocked)


def test_a_store_that_goes_away_while_each_is_read_alone_ends_the_round(
    stocked: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def learn(self: Known, about: Collection[History]) -> None:
        del self
        if len(about) > 1:
            raise TypeError("nobody thought of this")
        raise Unavailable("the ledger does not answer")

    monkeypatch.setattr(Known, "learn", learn)
    with pytest.raises(Unavailable):
        judged(stocked)


def test_a_problem_is_named_in_one_bounded_line() -> None:
    assert named(ValueError("too cold")) == "ValueError: too cold"
    assert len(named(ValueError("x" * 10_000))) == PROBLEM_CHARACTERS_MAX
    assert turns.PROBLEM_CHARACTERS_MAX == 500
