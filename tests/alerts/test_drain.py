"""Draining on real stores: verdict, hold, compromise, gate, late data, splits and moves."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import update

from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, audit, catalogue, holdings
from sheetal.ledger.holdings import Split
from sheetal.ledger.retention import PAST_MS
from sheetal.ledger.stock_tables import holding as holding_table
from sheetal.thermal.verdict import digest
from tests.alerts.given import FACILITY, FRIDGE, HOLDING, OTHER, TOP, World, at, product
from tests.alerts.looks import pending, refusal, release

if TYPE_CHECKING:
    from tests.alerts.conftest import MakeWorld


def test_a_received_holding_is_judged_and_its_gate_opens(world: World) -> None:
    world.receive()
    assert refusal(world, 0) is RefusalReason.NOT_REJUDGED
    world.feed((0, 30, 450))
    world.drain(30)
    assert refusal(world, 30) is None
    assert [stored.verdict.finding for stored in world.verdicts()] == [Finding.USABLE]
    assert pending(world) == (0, 0)
    judgement = world.judgement()
    assert judgement is not None
    assert (judgement.judged_through_ms, judgement.known_through_ms, judgement.state) == (at(30), at(29), "in_range")


def test_a_freeze_holds_with_verdict_compromise_audit_and_notice(world: World) -> None:
    world.receive()
    world.feed((0, 30, 450), (30, 100, -180))
    world.drain(100)
    assert world.holding().disposition is Disposition.QUARANTINED
    (stored,) = world.verdicts()
    assert (stored.verdict.finding, world.holding().held_by_verdict_id) == (Finding.HOLD, stored.id)
    (compromise,) = world.compromises()
    assert (compromise.side, compromise.compromised_from_ms, compromise.verdict_id) == ("cold", at(29), stored.id)
    (notice,) = world.notices()
    assert (notice.kind, notice.facts["holding"], notice.facts["rule"]) == ("holding_held", HOLDING, "freeze")
    with world.ledger.read() as conn:
        acts = [(entry.act, entry.actor) for entry in audit.entries(conn, FACILITY, 10)]
        assert audit.verify_chain(conn, FACILITY).broken_at is None
    assert acts[0] == ("held", "engine")
    assert refusal(world, 100) is RefusalReason.HELD
    judgement = world.judgement()
    assert judgement is not None
    assert judgement.state == "freezing"


def test_a_short_excursion_is_noted_and_holds_nothing(world: World) -> None:
    world.receive()
    world.feed((0, 30, 450), (30, 70, 910), (70, 90, 450))
    world.drain(90)
    assert world.verdicts()[0].verdict.finding is Finding.EXCURSION_NOTED
    assert refusal(world, 90) is None


def test_a_holding_at_rest_gets_one_verdict(world: World) -> None:
    world.receive()
    for minute in range(0, 200, 10):
        world.feed((minute, minute + 10, 450))
        world.drain(minute + 10)
    assert len(world.verdicts()) == 1


def test_the_verdict_of_nothing_known_gives_way_to_one_that_rests_on_readings(world: World) -> None:
    world.receive()
    world.drain(0)
    assert [stored.verdict.known_through_ms for stored in world.verdicts()] == [None]
    world.feed((0, 30, 450))
    world.drain(30)
    newest, first = world.verdicts()
    assert newest.verdict.finding is first.verdict.finding is Finding.USABLE
    assert newest.verdict.known_through_ms == at(29)
    assert [stay.readings for stay in newest.verdict.stays] == [30]


def make_past(world: World, expired_ms: int) -> None:
    """All doses are given, the lot expired then."""
    with world.ledger.write() as conn:
        conn.execute(update(holding_table).values(doses_left=0, expires_at_ms=expired_ms))


def test_what_was_measured_since_a_holding_is_past_is_not_judged_for_it(world: World) -> None:
    world.receive()
    world.feed((0, 60, 450))
    world.drain(60)
    make_past(world, at(60) - PAST_MS)
    world.feed((60, 160, -180))
    world.drain(160)
    assert [stored.verdict.finding for stored in world.verdicts()] == [Finding.USABLE]
    assert pending(world) == (0, 0)
    make_past(world, at(160))
    world.feed((160, 161, -180))
    world.drain(161)
    assert world.verdicts()[0].verdict.finding is Finding.PROPOSED_CONDEMNED
    assert [hit.rule.rule for hit in world.verdicts()[0].verdict.reached] == ["freeze"]


def test_a_freeze_that_comes_to_light_when_all_doses_are_long_given_still_opens_their_recall(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450), (100, 110, 450))
    world.drain(110)
    make_past(world, at(110) - PAST_MS - 1)
    before = world.verdicts()
    world.feed((10, 100, -180))
    world.drain(130)
    found = world.verdicts()[0].verdict
    assert (found.finding, [hit.rule.rule for hit in found.reached]) == (Finding.PROPOSED_CONDEMNED, ["freeze"])
    said = [(one.side, one.compromised_from_ms) for one in world.compromises()]
    assert said == [("cold", at(9)), ("hot", world.holding().expires_at_ms)]
    assert len(world.verdicts()) == len(before) + 1


def test_readings_that_are_gone_take_no_verdict_back_from_a_past_holding(world: World) -> None:
    world.receive()
    world.feed((0, 400, 450))
    world.drain(400)
    make_past(world, at(400) - PAST_MS)
    before, stood = world.verdicts(), world.holding()
    world.readings.expire(at(300))
    world.stores.hours.forget_all()
    world.feed((400, 401, 450), (200, 201, 450))
    world.drain(401)
    assert (world.verdicts(), world.holding()) == (before, stood)


def test_draining_twice_changes_nothing(world: World) -> None:
    world.receive()
    world.feed((0, 100, -180))
    world.drain(100)
    before = (world.verdicts(), world.compromises(), world.notices())
    world.store(world.written)
    world.drain(101)
    assert (world.verdicts(), world.compromises(), world.notices()) == before


@pytest.mark.parametrize("seed", range(4))
def test_late_duplicate_and_reordered_data_end_in_the_same_verdict(make_world: MakeWorld, seed: int) -> None:
    ordered, mixed = make_world(), make_world()
    pieces = ((0, 60, 450), (60, 125, -180), (125, 300, 450), (300, 340, 900), (340, 400, 500))
    for world in (ordered, mixed):
        world.receive()
    ordered.feed(*pieces)
    ordered.drain(400)
    rows = mixed.rows(*pieces)
    random = Random(seed)
    random.shuffle(rows)
    while rows:
        chunk, rows = rows[:80], rows[80:]
        mixed.store(chunk + random.sample(chunk, 5) if len(chunk) > 5 else chunk)
        mixed.drain(400)
    last, expected = mixed.verdicts()[0].verdict, ordered.verdicts()[0].verdict
    assert digest(last) == digest(expected)
    assert msgspec.json.encode(last.reached) == msgspec.json.encode(expected.reached)
    assert mixed.holding().disposition is Disposition.QUARANTINED
    standing = [c.compromised_from_ms for c in mixed.compromises() if c.withdrawn_at_ms is None]
    assert standing == [c.compromised_from_ms for c in ordered.compromises()]


def test_late_data_finds_the_freeze_and_dates_it_before_the_hold(world: World) -> None:
    world.receive()
    world.feed((0, 60, 450), (140, 200, 450))
    world.drain(200)
    assert world.holding().disposition is Disposition.AVAILABLE
    world.feed((60, 140, -90))
    world.drain(260)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert world.compromises()[0].compromised_from_ms == at(59)
    assert world.holding().disposition_at_ms == at(260)


def test_late_data_that_breaks_the_run_withdraws_the_compromise_but_releases_nothing(world: World) -> None:
    world.receive()
    frozen = [row for row in world.rows((0, 90, -90)) if row.measured_at_ms not in {at(30), at(60)}]
    world.store(frozen)
    world.drain(90)
    assert world.holding().disposition is Disposition.QUARANTINED
    world.feed((30, 31, 400), (60, 61, 400))
    world.drain(95)
    assert world.verdicts()[0].verdict.finding is Finding.EXCURSION_NOTED
    assert [c.withdrawn_at_ms for c in world.compromises()] == [at(95)]
    assert world.holding().disposition is Disposition.QUARANTINED


def test_what_a_person_released_is_held_again_only_for_a_new_reason(world: World) -> None:
    world.receive()
    world.feed((0, 70, -90), (70, 100, 450))
    world.drain(100)
    release(world, 100)
    world.feed((100, 130, 900), (130, 160, 450))
    world.drain(160)
    assert world.holding().disposition is Disposition.RELEASED
    world.feed((160, 230, -90))
    world.drain(230)
    assert world.holding().disposition is Disposition.QUARANTINED


def test_a_hold_covers_what_was_split_off(world: World) -> None:
    world.receive()
    world.feed((0, 40, -90))
    world.drain(40)
    with world.ledger.write() as conn:
        split = Split(
            holding_id="H-2", doses=40, appliance_id=OTHER, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(40)
        )
        holdings.split_holding(conn, HOLDING, split, at(40), "ravi")
    world.feed((40, 75, -90))
    world.drain(75)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert world.holding("H-2").disposition is Disposition.QUARANTINED
    (verdict,) = world.verdicts("H-2")
    assert [stay.appliance for stay in verdict.verdict.stays] == [FRIDGE, OTHER]


def test_a_freeze_before_a_split_holds_the_child_for_its_inherited_exposure(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450), (90, 100, 450))
    world.drain(100)
    with world.ledger.write() as conn:
        split = Split(
            holding_id="H-2", doses=40, appliance_id=OTHER, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(100)
        )
        holdings.split_holding(conn, HOLDING, split, at(100), "ravi")
    world.drain(101)
    world.feed((10, 90, -90))
    world.drain(102)
    assert {c.holding_id for c in world.compromises()} == {HOLDING, "H-2"}
    assert world.holding("H-2").disposition is Disposition.QUARANTINED


def test_a_run_survives_a_move_in_its_middle(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive()
    world.feed((0, 40, -90))
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, OTHER, EvidenceKind.TELEMETRY, at(40), at(40), "ravi")
    world.feed((40, 70, -90), sensor=TOP)
    world.drain(75)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert world.verdicts()[0].verdict.reached[0].minutes_confirmed == 69


def test_assigning_a_sensor_later_judges_its_past(world: World) -> None:
    world.receive(appliance_id=OTHER)
    world.feed((0, 90, -90), sensor=TOP)
    world.drain(90)
    assert world.holding().disposition is Disposition.AVAILABLE
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(95))
    world.drain(96)
    assert world.holding().disposition is Disposition.QUARANTINED


def test_a_new_catalogue_version_judges_again(world: World) -> None:
    world.receive()
    world.feed((0, 40, -90), (40, 60, 450))
    world.drain(60)
    assert world.holding().disposition is Disposition.AVAILABLE
    with world.ledger.write() as conn:
        catalogue.record_products(conn, [product(2, freeze_minutes=30)], at(61))
    world.drain(62)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert [stored.verdict.product_version for stored in world.verdicts()] == [2, 1]


def test_what_is_split_off_released_stock_shares_the_decision_until_there_is_news(world: World) -> None:
    world.receive()
    world.feed((0, 70, -90), (70, 100, 450))
    world.drain(100)
    release(world, 100)
    with world.ledger.write() as conn:
        split = Split(
            holding_id="H-2", doses=10, appliance_id=FRIDGE, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(100)
        )
        holdings.split_holding(conn, HOLDING, split, at(100), "ravi")
    world.feed((100, 130, 450))
    world.drain(130)
    assert world.holding("H-2").disposition is Disposition.RELEASED
    assert refusal(world, 130, "H-2") is None
    world.feed((130, 200, -90))
    world.drain(200)
    assert world.holding("H-2").disposition is Disposition.QUARANTINED


def test_what_is_split_off_released_stock_is_held_for_what_was_not_decided_on(world: World) -> None:
    world.receive()
    world.feed((0, 70, -90), (70, 100, 450))
    world.drain(100)
    release(world, 100)
    world.feed((100, 170, -90), (170, 180, 450))
    with world.ledger.write() as conn:
        split = Split(
            holding_id="H-2", doses=10, appliance_id=OTHER, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(175)
        )
        holdings.split_holding(conn, HOLDING, split, at(176), "ravi")
    world.drain(180)
    assert world.holding("H-2").disposition is Disposition.QUARANTINED
