"""Draining on real SQLite stores: verdict, hold, compromise, gap, gate, late data, a crash before the clearing."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts import drain as drain_module
from alerts.drain import drain_once, take_work
from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.problem import Refused, Unavailable
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, audit, catalogue, holdings, judgement_writes, rejudge, telemetry, telemetry_writes
from sheetal.ledger.holdings import Split
from sheetal.thermal.verdict import digest
from tests.alerts.given import CARRIER, FACILITY, FRIDGE, HOLDING, OTHER, TOP, TVC, World, at, product

if TYPE_CHECKING:
    from tests.alerts.conftest import MakeWorld


def pending(world: World) -> tuple[int, int]:
    with world.telemetry.read() as conn:
        hours = len(telemetry.dirty_hours(conn, 5000))
    with world.ledger.read() as conn:
        return hours, len(rejudge.pending(conn, 5000))


def refusal(world: World, minute: float, holding: str = HOLDING) -> RefusalReason | None:
    try:
        with world.ledger.read() as conn:
            holdings.check_gate(conn, holding, FACILITY, at(minute))
    except Refused as refused:
        return RefusalReason(str(refused.facts["reason"]))
    return None


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


def release(world: World, minute: float) -> None:
    with world.ledger.write() as conn:
        for target in (Disposition.UNDER_ASSESSMENT, Disposition.RELEASED):
            holdings.set_disposition(conn, HOLDING, target, "dr-asha", "shake test passed", at(minute))


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


def test_a_crash_between_commit_and_clearing_is_judged_again_harmlessly(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.receive()
    world.feed((0, 90, -90))

    def crash(*_: object) -> int:
        raise Unavailable("the process died here")

    with monkeypatch.context() as broken:
        broken.setattr(judgement_writes, "clear_dirty", crash)
        with pytest.raises(Unavailable):
            world.drain(90)
    assert pending(world)[0] == 2
    before = (world.verdicts(), world.compromises(), world.notices())
    world.drain(91)
    assert pending(world) == (0, 0)
    assert (world.verdicts(), world.compromises(), world.notices()) == before


def test_an_hour_marked_again_while_it_is_judged_stays_marked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.feed((0, 10, 450))
    real = drain_module.judge_holding

    def judge_while_rows_come(*arguments: object) -> object:
        with world.telemetry.write() as conn:
            telemetry_writes.mark_dirty(conn, {(TVC, at(0))})
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(drain_module, "judge_holding", judge_while_rows_come)
    world.drain(10)
    assert pending(world) == (1, 0)


def test_a_holding_that_cannot_be_judged_closes_its_own_gate_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.receive()
    world.receive("H-9")
    world.feed((0, 10, 450))
    world.drain(10)
    real = drain_module.judge_holding

    def judge(stores: object, holding_id: str, now_ms: int) -> object:
        if holding_id == "H-9":
            raise ValueError("a fault in the data")
        return real(stores, holding_id, now_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(drain_module, "judge_holding", judge)
    world.feed((10, 20, 450))
    world.drain(20)
    world.drain(20)
    assert refusal(world, 20) is None
    assert refusal(world, 20, "H-9") is RefusalReason.NOT_REJUDGED
    assert pending(world) == (0, 1)
    monkeypatch.undo()
    world.drain(21)
    assert refusal(world, 21, "H-9") is None


def test_rows_of_an_unassigned_sensor_are_cleared_without_a_verdict(world: World) -> None:
    world.feed((0, 10, -400), sensor=TOP)
    work = world.drain(10)
    assert (work.holdings, work.appliances & {OTHER}) == (set(), set())
    assert pending(world) == (0, 0)


def test_a_backlog_of_many_hours_is_taken_in_bounded_rounds_and_judged_through_waits(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    with world.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(TVC, at(60 * k)) for k in range(-600, 1)})
    assert world.drain(20).is_full
    judgement = world.judgement()
    assert judgement is not None
    assert judgement.judged_through_ms == at(10)
    assert not world.drain(21).is_full
    assert pending(world) == (0, 0)


def test_work_names_all_that_is_touched(world: World) -> None:
    world.receive()
    world.feed((0, 1, 450))
    work = take_work(world.stores)
    assert work.holdings == {HOLDING}
    assert work.appliances == {FRIDGE}


def test_a_gap_that_was_missed_is_marked_and_cleared_by_what_covers_it(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    world.feed((200, 210, 450))
    world.drain(210)
    assert world.holding().gap_open_from_ms == at(9)
    assert refusal(world, 210) is RefusalReason.GAP
    world.feed((10, 100, 450))
    world.drain(215)
    assert world.holding().gap_open_from_ms == at(9)
    world.feed((100, 200, 450), (210, 220, 450))
    world.drain(220)
    assert world.holding().gap_open_from_ms is None
    assert refusal(world, 220) is None


def test_a_gap_that_a_person_decided_on_is_not_marked_again(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450), (200, 210, 450))
    world.drain(210)
    with world.ledger.write() as conn:
        holdings.clear_gap(conn, HOLDING, "dr-asha", "the door was shut and the ice packs frozen", at(211))
    world.feed((10, 60, 450), (210, 230, 450))
    world.drain(230)
    assert world.holding().gap_open_from_ms is None


def test_a_packed_carrier_is_believed_for_its_cold_life(world: World) -> None:
    world.receive(appliance_id=CARRIER, kind=EvidenceKind.PACKED_CARRIER)
    drain_once(world.stores, at(1))
    world.drain(470)
    assert refusal(world, 1) is None
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, FRIDGE, EvidenceKind.TELEMETRY, at(470), at(470), "ravi")
    world.feed((470, 500, 450))
    world.drain(500)
    assert world.holding().gap_open_from_ms is None
    assert world.verdicts()[0].verdict.stays[0].minutes_unknown == 470


def test_the_readings_store_away_clears_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.feed((0, 90, -90))

    def away(*_: object, **__: object) -> list[object]:
        raise Unavailable("the readings store does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(world.readings, "read", away)
        with pytest.raises(Unavailable):
            world.drain(90)
    assert pending(world)[0] == 2
    world.drain(95)
    assert world.holding().disposition is Disposition.QUARANTINED
