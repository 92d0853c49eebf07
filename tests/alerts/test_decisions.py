from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.decisions import ENGINE, decided_through
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import NotFound
from sheetal.ledger import holdings
from sheetal.ledger.holdings import Split
from tests.alerts.given import FRIDGE, HOLDING, OTHER, at

if TYPE_CHECKING:
    from tests.alerts.given import World


def decided(world: World, holding_id: str = HOLDING) -> int:
    with world.ledger.read() as conn:
        return decided_through(conn, holding_id)


def clear(world: World, minute: float, actor: str = "dr-asha", holding_id: str = HOLDING) -> None:
    with world.ledger.write() as conn:
        holdings.open_gap(conn, holding_id, at(0), ENGINE, at(minute))
        assert holdings.clear_gap(conn, holding_id, actor, "looked", at(minute))


def split(world: World, child: str, minute: float, parent: str = HOLDING) -> None:
    new = Split(holding_id=child, doses=10, appliance_id=OTHER, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(minute))
    with world.ledger.write() as conn:
        holdings.split_holding(conn, parent, new, at(minute), "ravi")


def test_nobody_answers_before_a_person_has_decided(world: World) -> None:
    world.receive()
    assert decided(world) == 0
    clear(world, 10, actor=ENGINE)
    assert decided(world) == 0


def test_the_latest_decision_counts_and_only_that_on_this_holding(world: World) -> None:
    world.receive()
    world.receive("H-9")
    clear(world, 10)
    clear(world, 30)
    assert (decided(world), decided(world, "H-9")) == (at(30), 0)


def test_what_was_split_off_shares_a_decision_on_the_past_they_share(world: World) -> None:
    world.receive()
    clear(world, 10)
    split(world, "H-2", 20)
    assert decided(world, "H-2") == at(10)
    clear(world, 50)
    assert (decided(world), decided(world, "H-2")) == (at(50), at(20))
    split(world, "H-3", 60, parent="H-2")
    assert decided(world, "H-3") == at(20)
    clear(world, 70, holding_id="H-3")
    assert (decided(world, "H-3"), decided(world, "H-2")) == (at(70), at(20))


def test_a_decision_at_a_former_place_is_remembered_after_a_move(world: World) -> None:
    world.receive()
    clear(world, 10)
    with world.ledger.write() as conn:
        for minute, place in ((20, OTHER), (30, FRIDGE)):
            holdings.move_holding(conn, HOLDING, place, EvidenceKind.TELEMETRY, at(minute), at(minute), "ravi")
    assert decided(world) == at(10)


def test_an_unknown_holding_is_said(world: World) -> None:
    with pytest.raises(NotFound):
        decided(world, "H-none")
