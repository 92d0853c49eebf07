"""A verdict that the engine found is found again, to the byte, from the bundle that the portal makes of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import update

from portal.cold_chain import evidence
from portal.cold_chain.evidence import Stores
from portal.identity.service import Role, Staff
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, HoldRule, Measure, Side, StorageRange
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.product import NextStage, OpenVial
from sheetal.contracts.verdict import Finding, Ground
from sheetal.ledger import assets, catalogue, holdings, sensor_faults, stay_acts, telemetry_writes, vvm_readings
from sheetal.ledger.asset_tables import appliance
from sheetal.ledger.holdings import Split
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from sheetal.thermal import bundle as bundles
from tests.alerts.given import (
    CARRIER,
    FACILITY,
    FRIDGE,
    HOLDING,
    OTHER,
    SOURCE,
    TOP,
    TVC,
    Addresses,
    World,
    at,
    close_world,
    found_world,
    open_world,
    product,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sheetal.ledger.judgements import StoredVerdict
    from sheetal.thermal.bundle import Bundle

OFFICER = Staff("s-1", "Officer", Role.COLD_CHAIN_OFFICER, "F-999", "en")
HANDLER = Staff("s-2", "Handler", Role.HANDLER, "F-999", "en")


@pytest.fixture
def world(tmp_path: Path, migrated: Path) -> Iterator[World]:
    for name in ("ledger.db", "telemetry.db"):
        shutil.copy(migrated / name, tmp_path / name)
    (tmp_path / "field.key").write_text("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    made = open_world(Addresses.in_folder(tmp_path))
    found_world(made)
    yield made
    close_world(made)


def stores(world: World) -> Stores:
    return Stores(world.ledger, world.telemetry, world.readings)


def bundle_of(world: World, stored: StoredVerdict, minute: float = 5_000) -> Bundle:
    return evidence.bundle_of(stores(world), OFFICER, stored.id, at(minute))


def frozen(world: World) -> None:
    world.receive()
    world.feed((0, 30, 400), (30, 105, -180), (105, 200, 400))


def moved(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive()
    world.feed((0, 40, -180))
    world.feed((40, 120, -180), sensor=TOP)
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, OTHER, EvidenceKind.TELEMETRY, at(40), at(40), "ravi")


def split(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive()
    world.feed((0, 100, -180))
    world.feed((50, 100, 400), sensor=TOP)
    with world.ledger.write() as conn:
        part = Split(holding_id="H-2", doses=10, appliance_id=OTHER, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(50))
        holdings.split_holding(conn, HOLDING, part, at(50), "ravi")


def swapped(world: World) -> None:
    world.receive()
    world.feed((0, 50, -180))
    world.feed((50, 120, -180), sensor=TOP)
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, FRIDGE, "coldest", at(50), at(50))
        assets.unassign_sensor(conn, TVC, at(50), at(50))


def faulty(world: World) -> None:
    world.receive()
    world.feed((0, 60, 400), (60, 140, -1800), (140, 200, 400))
    with world.ledger.write() as conn:
        sensor_faults.declare_sensor_fault(conn, TVC, at(60), at(140), "water in the plug", "ravi", at(190))


def recorded(world: World) -> None:
    world.receive(kind=EvidenceKind.TWICE_DAILY)
    for minute, value, low, high in ((0, 400, None, None), (180, 500, -200, 900), (190, 450, None, None)):
        with world.ledger.write() as conn:
            new = ManualCheck(
                appliance_id=FRIDGE,
                checked_at_ms=at(minute),
                centi_celsius=value,
                centi_celsius_min=low,
                centi_celsius_max=high,
                actor="ravi",
            )
            add_manual_check(conn, new, at(minute))


def carried(world: World) -> None:
    world.receive()
    world.feed((0, 100, 450))
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, CARRIER, EvidenceKind.PACKED_CARRIER, at(100), at(100), "ravi")
        stay_acts.record_packing(conn, HOLDING, "frozen", 2, "ravi", at(110))


def staged(world: World) -> None:
    opened = NextStage(stage="in_use", after="open", minutes_max=100, source=SOURCE)
    warm = HoldRule(
        rule="in-use-heat",
        side=Side.HOT,
        limit_centi_celsius=800,
        inclusive=False,
        measure=Measure.CUMULATIVE,
        minutes=30,
        source=SOURCE,
        stage="in_use",
    )
    known = product(version=2)
    new = msgspec.structs.replace(
        known,
        next_stages=[opened],
        open_vials=[OpenVial(programme="IN", minutes=60, source=SOURCE)],
        ranges=[
            *known.ranges,
            StorageRange(stage="in_use", centi_celsius_min=200, centi_celsius_max=800, source=SOURCE),
        ],
        hold_rules=[*known.hold_rules, warm],
        vvm_type="14",
    )
    with world.ledger.write() as conn:
        catalogue.record_products(conn, [new], at(0))
    world.receive()
    world.feed((0, 60, 450), (60, 200, 900))
    with world.ledger.write() as conn:
        stay_acts.open_vial(conn, HOLDING, at(80), "ravi", at(80))
        vvm_readings.record(conn, HOLDING, 2, at(90), "ravi", at(95))


def summarised(world: World) -> None:
    world.receive(kind=EvidenceKind.LOGGER_FILE)
    day = DaySummary(0, TVC, at(0), at(1440), -300, 900, -50, 60, 800, 600, 100, 30, 5, at(180))
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day], at(195))
        telemetry_writes.mark_dirty(conn, {(TVC, at(0) // HOUR_MS * HOUR_MS)})


def placed(world: World) -> None:
    with world.ledger.write() as conn:
        conn.execute(update(appliance).where(appliance.c.id == FRIDGE).values(fusion="by_position"))
        assets.assign_sensor(conn, TOP, FRIDGE, "warmest", at(-30), at(-30))
        done = assets.Calibration(
            sensor_id=TVC,
            certificate_number="CAL-1",
            uncertainty_centi_celsius=30,
            calibrated_at_ms=at(-100),
            due_at_ms=at(90_000),
        )
        assets.record_calibration(conn, done, at(-90))
    world.receive()
    world.feed((0, 200, 400))
    world.feed((0, 90, -180), (90, 200, 820), sensor=TOP)


HISTORIES: tuple[Callable[[World], None], ...] = (
    frozen,
    moved,
    split,
    swapped,
    faulty,
    recorded,
    carried,
    staged,
    summarised,
    placed,
)


@pytest.mark.parametrize("history", HISTORIES, ids=lambda one: one.__name__)
def test_what_the_engine_found_is_found_again_to_the_byte(world: World, history: Callable[[World], None]) -> None:
    history(world)
    world.drain(200)
    every = [one for holding in (HOLDING, "H-2") for one in world.verdicts(holding)]
    assert every, "nothing was judged"
    for stored in every:
        bundle = bundle_of(world, stored)
        found = bundles.compare(bundles.decode(bundles.encode(bundle)))
        assert found.differences == []
        assert found.is_same
        assert bundle.digest == stored.digest
        assert msgspec.json.encode(found.verdict) == msgspec.json.encode(stored.verdict)


def test_the_histories_are_not_all_the_same(world: World) -> None:
    staged(world)
    world.drain(200)
    (stored,) = world.verdicts()
    found = stored.verdict
    assert {one.ground for one in found.proposals} >= {Ground.OPEN_TOO_LONG, Ground.STAGE_TOO_LONG}
    assert found.budgets[0].minutes_confirmed > 100
    assert found.vvm is not None
    assert (found.vvm.stage, found.finding) == (2, Finding.PROPOSED_CONDEMNED)


def test_an_old_verdict_is_found_again_although_life_went_on(world: World) -> None:
    frozen(world)
    world.drain(200)
    (first,) = world.verdicts()
    world.feed((200, 300, 400), (300, 950, 1200))
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, OTHER, EvidenceKind.TELEMETRY, at(950), at(950), "ravi")
        vvm_readings.record(conn, HOLDING, 1, at(150), "ravi", at(951))
        sensor_faults.declare_sensor_fault(conn, TVC, at(20), at(110), "doubted", "ravi", at(952))
        check = assets.Calibration(
            sensor_id=TVC,
            certificate_number="LATER",
            uncertainty_centi_celsius=10,
            calibrated_at_ms=at(900),
            due_at_ms=at(9_000),
        )
        assets.record_calibration(conn, check, at(953))
    world.drain(960)
    assert len(world.verdicts()) > 1
    found = bundles.compare(bundle_of(world, first))
    assert found.differences == []
    assert found.is_same


def test_an_old_verdict_is_found_by_the_fusion_that_it_was_found_by(world: World) -> None:
    """The rule that is declared later judges again; what was said before was said by the one before."""
    placed(world)
    with world.ledger.write() as conn:
        assets.declare_fusion(conn, FRIDGE, "worst", at(0))
    world.drain(200)
    with world.ledger.write() as conn:
        assets.declare_fusion(conn, FRIDGE, "by_position", at(201))
    world.drain(202)
    newest, first = world.verdicts()
    assert (first.verdict.finding, newest.verdict.finding) == (Finding.HOLD, Finding.EXCURSION_NOTED)
    for stored in (first, newest):
        found = bundles.compare(bundle_of(world, stored))
        assert (found.differences, found.is_same) == ([], True)


def test_readings_of_a_clock_that_ran_ahead_count_and_what_came_since_does_not(world: World) -> None:
    world.receive()
    world.feed((0, 60, 400), (200, 280, -180))
    world.drain(61)
    first = world.verdicts()[-1]
    assert first.verdict.finding is Finding.HOLD
    assert first.verdict.known_through_ms == first.verdict.judged_through_ms
    world.feed((280, 400, 400))
    found = bundles.compare(bundle_of(world, first))
    assert found.differences == []
    assert found.is_same


def test_late_readings_change_what_an_old_verdict_would_say(world: World) -> None:
    world.receive()
    world.feed((0, 20, 400), (100, 200, 400))
    world.drain(200)
    first = world.verdicts()[-1]
    world.feed((20, 100, -180))
    found = bundles.compare(bundle_of(world, first))
    assert not found.is_same
    assert found.verdict.finding is Finding.HOLD
    assert first.verdict.finding is Finding.USABLE


def test_a_bundle_names_no_person(world: World) -> None:
    faulty(world)
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, 1, at(150), "ravi-the-store-keeper", at(151))
    world.drain(200)
    data = bundles.encode(bundle_of(world, world.verdicts()[0]))
    assert b"ravi" not in data
    assert b"made up for tests" in data


def test_others_verdicts_are_not_found(world: World) -> None:
    frozen(world)
    world.drain(200)
    (stored,) = world.verdicts()
    with pytest.raises(NotFound):
        evidence.bundle_of(stores(world), HANDLER, stored.id, at(200))
    with pytest.raises(NotFound):
        evidence.bundle_of(stores(world), OFFICER, stored.id + 1, at(200))
    own = Staff("s-3", "Own", Role.HANDLER, FACILITY, "en")
    assert evidence.bundle_of(stores(world), own, stored.id, at(200)).readings == 200


def test_too_long_a_history_is_refused_and_not_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen(world)
    world.drain(200)
    monkeypatch.setattr(evidence, "ROWS_MAX", 199)
    with pytest.raises(Refused) as refused:
        bundle_of(world, world.verdicts()[0])
    assert refused.value.facts["reason"] == "rows"


def test_a_holding_that_was_never_known_has_an_empty_bundle(world: World) -> None:
    world.receive()
    world.drain(1)
    (stored,) = world.verdicts()
    bundle = bundle_of(world, stored)
    assert (bundle.readings, [one.samples for one in bundle.stays]) == (0, [{}])
    assert bundle.expires_at_ms == at(1_000_000)
    assert bundles.compare(bundle).is_same
    assert bundle.made_at_ms - bundle.found_at_ms < 5 * DAY_MS
