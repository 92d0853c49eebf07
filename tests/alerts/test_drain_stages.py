"""Thaw and opening end to end: which stage's range, rules and longest time judge which part of a holding's life."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import Side, StorageRange
from sheetal.contracts.product import NextStage
from sheetal.contracts.verdict import Finding, Ground
from sheetal.ledger import catalogue, holdings
from sheetal.ledger.holdings import Split
from sheetal.ledger.stay_acts import open_vial
from tests.alerts.given import FRIDGE, HOLDING, OTHER, SOURCE, at, product, rule

if TYPE_CHECKING:
    from sheetal.contracts.verdict import Verdict
    from tests.alerts.given import World

FROZEN = replace(
    product(2),
    stage="frozen",
    ranges=[
        StorageRange(stage="frozen", centi_celsius_min=None, centi_celsius_max=-1500, source=SOURCE),
        StorageRange(stage="thawed", centi_celsius_min=200, centi_celsius_max=800, source=SOURCE),
        StorageRange(stage="in_use", centi_celsius_min=200, centi_celsius_max=3000, source=SOURCE),
    ],
    hold_rules=[
        rule("too warm for frozen", -1500, 60, Side.HOT, inclusive=False),
        replace(rule("warm after thaw", 800, 120, Side.HOT, inclusive=False), stage="thawed"),
        replace(rule("frozen again", -50, 60, Side.COLD, inclusive=True), stage="thawed"),
        replace(rule("hot in use", 3000, 30, Side.HOT, inclusive=False), stage="in_use"),
    ],
    next_stages=[
        NextStage(stage="thawed", after="thaw", minutes_max=600, source=SOURCE),
        NextStage(stage="in_use", after="open", minutes_max=None, source=SOURCE),
    ],
)


@pytest.fixture
def frozen(world: World) -> World:
    """Stock received deep frozen at minute 0."""
    with world.ledger.write() as conn:
        catalogue.record_products(conn, [FROZEN], at(0))
    world.receive()
    return world


def thaw(world: World, minute: float) -> None:
    with world.ledger.write() as conn:
        holdings.thaw_holding(conn, HOLDING, "ravi", at(minute), at(minute))


def found(world: World, minute: float, holding_id: str = HOLDING) -> Verdict:
    world.drain(minute)
    return world.verdicts(holding_id)[0].verdict


def test_frozen_stock_is_judged_by_the_frozen_stage(frozen: World) -> None:
    frozen.feed((0, 100, -2000), (100, 165, -1400))
    verdict = found(frozen, 165)
    assert [hit.rule.rule for hit in verdict.reached] == ["too warm for frozen"]
    assert verdict.stays[0].stage == "frozen"
    assert frozen.holding().disposition is Disposition.QUARANTINED


def test_after_thaw_the_next_stage_judges_and_frozen_limits_no_more(frozen: World) -> None:
    frozen.feed((0, 100, -2000))
    thaw(frozen, 100)
    frozen.feed((100, 400, 450))
    verdict = found(frozen, 400)
    assert (verdict.finding, verdict.reached, verdict.proposals) == (Finding.USABLE, [], [])
    assert verdict.stays[0].stage == "thawed"


def test_a_thaw_that_nobody_recorded_holds(frozen: World) -> None:
    frozen.feed((0, 100, -2000), (100, 400, 450))
    assert [hit.rule.rule for hit in found(frozen, 400).reached] == ["too warm for frozen"]


def test_thawed_stock_must_neither_be_warm_nor_frozen_again(frozen: World) -> None:
    frozen.feed((0, 100, -2000))
    thaw(frozen, 100)
    frozen.feed((100, 200, 450), (200, 265, -200), (265, 400, 900))
    assert [hit.rule.rule for hit in found(frozen, 400).reached] == ["warm after thaw", "frozen again"]


def test_minutes_before_the_thaw_count_for_no_rule_after_it(frozen: World) -> None:
    frozen.feed((0, 50, -2000), (50, 100, 900))
    thaw(frozen, 100)
    frozen.feed((100, 200, 900), (200, 210, 450))
    verdict = found(frozen, 210)
    assert (verdict.finding, verdict.reached) == (Finding.EXCURSION_NOTED, [])
    assert [(run.limit_centi_celsius, run.first_ms) for run in verdict.noted] == [(-1500, at(50)), (800, at(100))]


def test_a_thaw_stays_with_what_is_split_off_later_and_not_earlier(frozen: World) -> None:
    frozen.feed((0, 100, -2000))
    early = Split(holding_id="H-2", doses=5, appliance_id=OTHER, evidence_kind=EvidenceKind.LOGGER_FILE, at_ms=at(90))
    late = Split(holding_id="H-3", doses=5, appliance_id=FRIDGE, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(120))
    with frozen.ledger.write() as conn:
        holdings.split_holding(conn, HOLDING, early, at(90), "ravi")
    thaw(frozen, 100)
    with frozen.ledger.write() as conn:
        holdings.split_holding(conn, HOLDING, late, at(120), "ravi")
    frozen.feed((100, 130, 450))
    assert [stay.stage for stay in found(frozen, 130, "H-2").stays] == ["frozen", "frozen"]
    assert [stay.stage for stay in found(frozen, 130, "H-3").stays] == ["thawed", "thawed"]


def test_the_longest_time_after_a_thaw_holds(frozen: World) -> None:
    frozen.feed((0, 100, -2000))
    thaw(frozen, 100)
    frozen.feed((100, 700, 450))
    assert found(frozen, 699).proposals == []
    with frozen.ledger.write() as conn:
        open_vial(conn, HOLDING, at(699), "ravi", at(699))
    frozen.feed((700, 760, 2500))
    verdict = found(frozen, 760)
    assert (verdict.finding, verdict.proposals) == (Finding.USABLE, [])


def test_opened_vials_are_judged_in_use(frozen: World) -> None:
    frozen.feed((0, 100, -2000))
    thaw(frozen, 100)
    frozen.feed((100, 200, 450))
    with frozen.ledger.write() as conn:
        open_vial(conn, HOLDING, at(200), "ravi", at(200))
    frozen.feed((200, 500, 2500))
    assert found(frozen, 500).finding is Finding.USABLE
    frozen.feed((500, 535, 3100))
    verdict = found(frozen, 535)
    assert ([hit.rule.rule for hit in verdict.reached], verdict.stays[0].stage) == (["hot in use"], "in_use")


def test_stock_that_stays_too_long_after_its_thaw_is_proposed_to_be_condemned(frozen: World) -> None:
    thaw(frozen, 100)
    frozen.feed((0, 100, -2000), (100, 720, 450))
    verdict = found(frozen, 720)
    assert [(one.ground, one.since_ms) for one in verdict.proposals] == [(Ground.STAGE_TOO_LONG, at(700))]
    assert (verdict.finding, frozen.holding().disposition) == (Finding.PROPOSED_CONDEMNED, Disposition.QUARANTINED)
