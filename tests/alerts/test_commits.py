"""What makes a verdict count: held once for each reason, never again for what a person has decided on."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from sqlalchemy import select, update

from alerts.commits import mark_gap
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.verdict import Ground
from sheetal.ledger import assets, audit, catalogue, holdings, judgements, rejudge, vvm_readings
from sheetal.ledger.holdings import Split
from sheetal.ledger.judgement_tables import verdict as verdict_table
from sheetal.ledger.stay_acts import record_packing
from tests.alerts.given import CARRIER, FACILITY, FRIDGE, HOLDING, appliance, at, product
from tests.alerts.looks import release
from tests.sheetal.ledger import decided

if TYPE_CHECKING:
    from tests.alerts.given import World


def packed_among(world: World, ice_packs: str, minute: float) -> None:
    with world.ledger.write() as conn:
        kind = EvidenceKind.PACKED_CARRIER
        holdings.move_holding(conn, HOLDING, CARRIER, kind, at(minute), at(minute), "ravi")
        record_packing(conn, HOLDING, ice_packs, None, "ravi", at(minute))


def unpacked(world: World, minute: float) -> None:
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, FRIDGE, EvidenceKind.TELEMETRY, at(minute), at(minute), "ravi")


def held_notices(world: World) -> list[dict[str, object]]:
    """Oldest first."""
    told = sorted(world.notices(), key=lambda notice: notice.created_at_ms)
    return [notice.facts for notice in told if notice.kind == "holding_held"]


def test_a_second_packing_among_frozen_packs_holds_again_what_was_released_after_the_first(world: World) -> None:
    world.receive()
    world.feed((0, 400, 450))
    packed_among(world, "frozen", 30)
    world.drain(31)
    assert world.holding().disposition is Disposition.QUARANTINED
    unpacked(world, 40)
    world.drain(41)
    release(world, 50)
    packed_among(world, "conditioned", 60)
    world.drain(61)
    assert world.holding().disposition is Disposition.RELEASED, "nothing new has happened"
    unpacked(world, 70)
    packed_among(world, "frozen", 80)
    world.drain(81)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert [fact["grounds"] for fact in held_notices(world)] == [["packed_frozen"], ["packed_frozen"] * 2]


def test_a_second_reading_at_the_discard_point_holds_again_what_was_released_after_the_first(world: World) -> None:
    world.receive()
    world.feed((0, 200, 450))
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, 3, at(20), "ravi", at(21))
    world.drain(22)
    release(world, 30)
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, 2, at(100), "ravi", at(101))
    world.drain(102)
    assert world.holding().disposition is Disposition.RELEASED
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, 3, at(150), "ravi", at(151))
    world.drain(152)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert {one.compromised_from_ms for one in world.compromises()} == {at(0), at(100)}


def test_who_decides_is_told_of_each_new_look_at_the_vials(world: World) -> None:
    world.receive()
    world.feed((0, 200, 450))
    for minute in (20, 60):
        with world.ledger.write() as conn:
            vvm_readings.record(conn, HOLDING, 3, at(minute), "ravi", at(minute + 1))
        world.drain(minute + 2)
    assert [(fact["held"], fact["grounds"]) for fact in held_notices(world)] == [
        ([HOLDING], ["vvm_stage"]),
        ([], ["vvm_stage"] * 2),
    ]


def test_a_limit_that_becomes_the_makers_own_is_a_new_ground(world: World) -> None:
    """A citation that is put right is none; that the maker forbids it is: the engine now proposes to condemn."""
    world.receive()
    world.feed((0, 70, -90), (70, 100, 450))
    world.drain(100)
    release(world, 101)
    freeze, heat = product().hold_rules
    for version, default_of in ((2, freeze.source.default_of), (3, None)):
        source = replace(freeze.source, citation="another page", default_of=default_of)
        rules = [replace(freeze, source=source), heat]
        assert world.holding().disposition is Disposition.RELEASED
        with world.ledger.write() as conn:
            catalogue.record_products(conn, [replace(product(version), hold_rules=rules)], at(100 + version))
        world.drain(105)
        assert world.verdicts()[0].verdict.product_version == version
    assert [one.ground for one in world.verdicts()[0].verdict.proposals] == [Ground.FROZEN]
    assert world.holding().disposition is Disposition.QUARANTINED


def test_what_was_released_under_the_first_rules_is_not_held_again_by_the_second(world: World) -> None:
    """Their verdicts named the sensor in the run alone; that it is named beside it too is no new reason."""
    world.receive()
    world.feed((0, 70, -90), (70, 100, 450))
    world.drain(100)
    with world.ledger.write() as conn:
        row = verdict_table.c.holding_id == HOLDING
        said = json.loads(conn.execute(select(verdict_table.c.evidence).where(row)).scalar_one())
        for name in ("proposals", "budgets", "vvm", "mkt"):
            said.pop(name, None)
        for hit in said["reached"]:
            del hit["sensor"]
        said["rule_version"] = "sheetal-thermal/1"
        first = {"evidence": json.dumps(said), "digest": "0" * 64, "rule_version": said["rule_version"]}
        conn.execute(update(verdict_table).where(row).values(**first))
    release(world, 101)
    with world.ledger.write() as conn:
        rejudge.mark_holding(conn, HOLDING, at(0), at(102))
    world.drain(102)
    assert [one.verdict.rule_version[-2:] for one in world.verdicts()] == ["/2", "/1"]
    assert world.holding().disposition is Disposition.RELEASED


def test_fewer_reasons_hold_nothing_again(world: World) -> None:
    """Two packings were decided on together; that one of them was written down wrongly is no news."""
    world.receive()
    world.feed((0, 300, 450))
    packed_among(world, "frozen", 30)
    unpacked(world, 40)
    packed_among(world, "frozen", 50)
    world.drain(51)
    with world.ledger.write() as conn:
        seen = judgements.latest_hold_id(conn, HOLDING)
        for target in (Disposition.UNDER_ASSESSMENT, Disposition.RELEASED):
            decided.set_disposition(conn, HOLDING, target, "dr-asha", "shake test", at(52), seen_verdict_id=seen)
        record_packing(conn, HOLDING, "conditioned", None, "ravi", at(53))
    world.drain(54)
    newest = world.verdicts()[0].verdict
    assert [(one.ground, one.since_ms) for one in newest.proposals] == [(Ground.PACKED_FROZEN, at(30))]
    assert world.holding().disposition is Disposition.RELEASED


def test_the_audit_entry_of_a_hold_names_the_verdict_and_its_digest(world: World) -> None:
    world.receive()
    world.feed((0, 20, 450), (20, 140, -100))
    world.drain(140)
    (stored,) = world.verdicts()
    with world.ledger.read() as conn:
        (detail,) = [json.loads(one.detail) for one in audit.entries(conn, FACILITY, 9) if one.act == "held"]
    assert (detail["verdict"], detail["digest"]) == (stored.id, stored.digest)


@pytest.mark.parametrize("stage", [3, 4])
def test_a_hold_says_in_words_why(world: World, stage: int) -> None:
    world.receive()
    world.feed((0, 60, 450))
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, stage, at(20), "ravi", at(21))
    world.drain(22)
    (fact,) = held_notices(world)
    assert fact["reason"] == "a vial monitor was read at its discard point"


def split_elsewhere(world: World, minute: float) -> None:
    """H-2 goes to the health post next door."""
    there = assets.Facility(
        id="F-102",
        name="Next door",
        name_hindi="पास में",
        kind="cold_chain_point",
        state_id=9,
        state_name="Delhi",
        district_id=141,
        district_name="Shahdara",
    )
    with world.ledger.write() as conn:
        assets.add_facility(conn, there, at(0))
        assets.add_appliance(conn, dataclasses.replace(appliance("A-102-1"), facility_id="F-102"), at(0))
        part = Split(
            holding_id="H-2", doses=10, appliance_id="A-102-1", evidence_kind=EvidenceKind.TWICE_DAILY, at_ms=at(minute)
        )
        holdings.split_holding(conn, HOLDING, part, at(minute), "ravi")


def test_who_has_what_was_split_off_is_told_that_it_is_held(world: World) -> None:
    world.receive()
    world.feed((0, 30, 450))
    split_elsewhere(world, 20)
    world.drain(30)
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, 3, at(25), "ravi", at(31))
    world.drain(32)
    assert world.holding("H-2").disposition is Disposition.QUARANTINED
    told = {(one.facility_id, one.facts["holding"], one.facts["doses_left"]) for one in world.notices()}
    assert told == {("F-101", HOLDING, 90), ("F-102", "H-2", 10)}


def test_who_has_what_was_split_off_is_told_of_its_gap(world: World) -> None:
    world.receive()
    world.feed((0, 30, 450))
    split_elsewhere(world, 20)
    with world.ledger.write() as conn:
        assert mark_gap(conn, "F-101", HOLDING, at(10), at(30))
        assert not mark_gap(conn, "F-101", HOLDING, at(10), at(30))
    assert {(one.facility_id, one.facts["holding"]) for one in world.notices()} == {
        ("F-101", HOLDING),
        ("F-102", "H-2"),
    }
