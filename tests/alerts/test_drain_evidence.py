"""All kinds of evidence end to end: packed carriers, vial monitors, several sensors, faulty ones, corrected stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.verdict import Finding, Ground
from sheetal.ledger import assets, holdings, stock, telemetry_writes, vvm_readings
from sheetal.ledger.asset_tables import appliance as appliance_table
from sheetal.ledger.holdings import Split
from sheetal.ledger.sensor_faults import declare_sensor_fault, end_sensor_fault
from sheetal.ledger.stay_acts import Correction, correct_stay, record_packing
from tests.alerts.given import CARRIER, FRIDGE, HOLDING, OTHER, TOP, TVC, World, at, day_summary
from tests.alerts.looks import refusal

if TYPE_CHECKING:
    from sheetal.contracts.verdict import Verdict


def found(world: World, minute: float, holding_id: str = HOLDING) -> Verdict:
    world.drain(minute)
    return world.verdicts(holding_id)[0].verdict


def packed(world: World, minute: float, ice_packs: str, vvm_stage: int | None = None) -> None:
    """H-1 stood well in the refrigerator and is packed into the carrier."""
    world.receive()
    world.feed((0, minute, 450))
    with world.ledger.write() as conn:
        kind = EvidenceKind.PACKED_CARRIER
        holdings.move_holding(conn, HOLDING, CARRIER, kind, at(minute), at(minute), "ravi")
        record_packing(conn, HOLDING, ice_packs, vvm_stage, "ravi", at(minute))


@pytest.mark.parametrize("ice_packs", ["conditioned", "cool_water"])
def test_a_well_packed_carrier_keeps_its_stock_usable(world: World, ice_packs: str) -> None:
    packed(world, 30, ice_packs, 1)
    verdict = found(world, 60)
    assert (verdict.finding, verdict.proposals) == (Finding.USABLE, [])
    assert [stay.evidence_kind for stay in verdict.stays] == ["telemetry", "packed_carrier"]
    assert refusal(world, 60) is None
    assert refusal(world, 30 + 8 * 60 + 1) is not None


def test_freeze_sensitive_stock_among_frozen_ice_packs_is_held(world: World) -> None:
    packed(world, 30, "frozen")
    verdict = found(world, 31)
    assert (verdict.finding, [one.ground for one in verdict.proposals]) == (Finding.HOLD, [Ground.PACKED_FROZEN])
    assert refusal(world, 31) is RefusalReason.HELD
    assert [(one.side, one.compromised_from_ms) for one in world.compromises()] == [("cold", at(30))]
    (notice,) = world.notices()
    assert (notice.facts["rule"], notice.facts["finding"], notice.facts["appliance"]) == (
        "packed_frozen",
        "hold",
        CARRIER,
    )


def test_a_monitor_at_its_discard_point_when_packed_is_proposed_to_be_condemned(world: World) -> None:
    packed(world, 30, "conditioned", 3)
    verdict = found(world, 31)
    assert (verdict.finding, [one.ground for one in verdict.proposals]) == (
        Finding.PROPOSED_CONDEMNED,
        [Ground.VVM_STAGE],
    )
    assert world.holding().disposition is Disposition.QUARANTINED


def test_a_monitor_read_at_its_discard_point_holds_what_is_split_off_later_too(world: World) -> None:
    world.receive()
    world.feed((0, 60, 450))
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, 1, at(10), "ravi", at(60))
    assert found(world, 60).finding is Finding.USABLE
    with world.ledger.write() as conn:
        vvm_readings.record(conn, HOLDING, 3, at(50), "ravi", at(60))
        part = Split(holding_id="H-2", doses=5, appliance_id=FRIDGE, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at(60))
        holdings.split_holding(conn, HOLDING, part, at(60), "ravi")
    for label in (HOLDING, "H-2"):
        assert [one.ground for one in found(world, 61, label).proposals] == [Ground.VVM_STAGE]
        assert world.holding(label).disposition is Disposition.QUARANTINED
    assert {(one.side, one.compromised_from_ms) for one in world.compromises()} == {("hot", at(10))}


def two_sensors(world: World, fusion: str) -> None:
    with world.ledger.write() as conn:
        conn.execute(update(appliance_table).where(appliance_table.c.id == FRIDGE).values(fusion=fusion))
        assets.assign_sensor(conn, TOP, FRIDGE, "warmest", at(-60), at(0))
    world.receive()


@pytest.mark.parametrize(("fusion", "held"), [("worst", ["heat"]), ("by_position", [])])
def test_heat_at_the_coldest_place_counts_by_the_worst_only(world: World, fusion: str, held: list[str]) -> None:
    two_sensors(world, fusion)
    world.feed((0, 700, 900))
    world.feed((0, 700, 500), sensor=TOP)
    verdict = found(world, 700)
    assert [hit.rule.rule for hit in verdict.reached] == held
    assert verdict.stays[0].fusion == fusion
    assert [voucher.position for voucher in verdict.stays[0].vouchers] == ["warmest", "coldest"]


@pytest.mark.parametrize("fusion", ["worst", "by_position"])
def test_each_side_is_held_by_the_place_that_knows_it(world: World, fusion: str) -> None:
    two_sensors(world, fusion)
    world.feed((0, 600, 300), (600, 700, -90))
    world.feed((0, 700, 900), sensor=TOP)
    verdict = found(world, 700)
    assert [(hit.rule.rule, hit.sensor) for hit in verdict.reached] == [("freeze", TVC), ("heat", TOP)]


def test_the_coldest_judges_heat_too_once_the_warmest_has_died(world: World) -> None:
    two_sensors(world, "by_position")
    world.feed((0, 800, 900))
    world.feed((0, 30, 500), sensor=TOP)
    assert [(hit.rule.rule, hit.sensor) for hit in found(world, 800).reached] == [("heat", TVC)]


def test_what_a_sensor_said_while_it_was_faulty_does_not_count_and_is_unknown(world: World) -> None:
    world.receive()
    world.feed((0, 100, 450), (100, 190, -300), (190, 240, 450))
    assert found(world, 240).finding is Finding.HOLD
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TVC, at(95), at(195), "it lay on the evaporator", "dr-asha", at(241))
    verdict = found(world, 242)
    assert (verdict.finding, verdict.reached, verdict.noted) == (Finding.USABLE, [], [])
    assert verdict.stays[0].minutes_unknown == 101
    assert verdict.stays[0].vouchers[0].faults == [(at(95), at(195))]
    assert [one.withdrawn_at_ms for one in world.compromises()] == [at(242)]
    assert world.holding().gap_open_from_ms == at(94)
    assert world.holding().disposition is Disposition.QUARANTINED


def test_a_sensor_that_is_faulty_now_proves_nothing(world: World) -> None:
    world.receive()
    world.feed((0, 100, 450))
    world.drain(100)
    assert refusal(world, 100) is None
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TVC, at(20), None, "it shows the same for ever", "dr-asha", at(100))
    world.drain(101)
    judgement = world.judgement()
    assert judgement is not None
    assert (judgement.known_through_ms, judgement.state) == (at(19), "no_data")
    assert refusal(world, 101) is RefusalReason.GAP
    with world.ledger.write() as conn:
        end_sensor_fault(conn, TVC, at(60), "dr-asha", at(102))
    world.drain(103)
    assert refusal(world, 103) is None


def test_another_sensor_speaks_for_the_time_of_a_fault(world: World) -> None:
    two_sensors(world, "worst")
    world.feed((0, 300, 450))
    world.feed((0, 300, 450), sensor=TOP)
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TVC, at(50), at(250), "it was unplugged", "dr-asha", at(300))
    verdict = found(world, 301)
    assert (verdict.finding, verdict.stays[0].minutes_unknown) == (Finding.USABLE, 0)
    assert world.holding().gap_open_from_ms is None


def test_a_sensor_goes_on_with_its_own_minutes_after_a_fault(world: World) -> None:
    two_sensors(world, "worst")
    world.feed((0, 1300, 450))
    world.feed((0, 400, 900), (400, 410, 450), (410, 1300, 900), sensor=TOP)
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TOP, at(402), at(405), "somebody held it", "dr-asha", at(1300))
    (hit,) = found(world, 1301).reached
    assert (hit.sensor, hit.minutes_confirmed) == (TOP, 889)


def test_a_day_summary_of_a_faulty_logger_is_not_heard(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "logger", at(0), at(0))
    world.receive(appliance_id=OTHER, kind=EvidenceKind.LOGGER_FILE)
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day_summary(TOP, alarm=300)], at(1500))
        telemetry_writes.mark_dirty(conn, {(TOP, at(0))})
    assert found(world, 1500).finding is Finding.HOLD
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TOP, at(200), at(400), "its battery was empty", "dr-asha", at(1501))
    verdict = found(world, 1502)
    assert (verdict.finding, verdict.reached) == (Finding.USABLE, [])
    assert world.holding().gap_open_from_ms == at(0)


def test_a_swapped_sensor_goes_on_with_the_run_of_the_one_before(world: World) -> None:
    world.receive()
    world.feed((0, 40, -90))
    with world.ledger.write() as conn:
        assets.unassign_sensor(conn, TVC, at(40), at(40))
        assets.assign_sensor(conn, TOP, FRIDGE, "coldest", at(40), at(40))
    world.feed((40, 70, -90), sensor=TOP)
    (hit,) = found(world, 75).reached
    assert (hit.minutes_confirmed, hit.compromised_from_ms) == (69, at(0))


def test_a_corrected_stay_is_judged_where_the_stock_really_stood(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive()
    world.feed((0, 200, 450))
    world.feed((0, 200, -90), sensor=TOP)
    assert found(world, 200).finding is Finding.USABLE
    with world.ledger.write() as conn:
        (only,) = stock.own_stays(conn, HOLDING)
        correct_stay(conn, only.id, Correction(appliance_id=OTHER), "it was put into the other one", "ravi", at(201))
    assert refusal(world, 201) is RefusalReason.NOT_REJUDGED
    verdict = found(world, 202)
    assert ([stay.appliance for stay in verdict.stays], verdict.finding) == ([OTHER], Finding.HOLD)
    assert refusal(world, 202) is RefusalReason.HELD


def test_a_corrected_time_of_a_move_changes_which_minutes_count(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive()
    world.feed((0, 100, 450), (100, 200, -90))
    world.feed((0, 300, 450), sensor=TOP)
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, OTHER, EvidenceKind.TELEMETRY, at(130), at(130), "ravi")
    assert found(world, 200).finding is Finding.EXCURSION_NOTED
    with world.ledger.write() as conn:
        first, _ = stock.own_stays(conn, HOLDING)
        correct_stay(conn, first.id, Correction(until_ms=at(190)), "it was moved an hour later", "ravi", at(201))
    assert [hit.rule.rule for hit in found(world, 202).reached] == ["freeze"]


def test_one_late_reading_reads_one_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.feed((0, 60 * 24 * 5, 450), every=10)
    for _ in range(3):
        world.drain(60 * 24 * 5)
    asked: list[tuple[object, ...]] = []

    def watch(name: str) -> None:
        real = getattr(type(world.readings), name)

        def read(self: object, *spans: object, **more: object) -> object:
            asked.extend(spans[0] if isinstance(spans[0], list) else [spans])
            return real(self, *spans, **more)

        monkeypatch.setattr(type(world.readings), name, read)

    watch("read")
    watch("read_many")
    late = at(60 * 24 * 2 + 5)
    world.feed((60 * 24 * 2 + 5, 60 * 24 * 2 + 6, 450))
    world.drain(60 * 24 * 5)
    hour_ms = late - late % HOUR_MS
    assert set(asked) == {(TVC, hour_ms, hour_ms + HOUR_MS)}
