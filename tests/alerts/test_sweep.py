from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts import sweep as sweep_module
from alerts.sweep import sweep
from sheetal.contracts.disposition import EvidenceKind, RefusalReason
from sheetal.contracts.problem import Refused, Unavailable
from sheetal.ledger import assets, holdings
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from tests.alerts.given import CARRIER, FACILITY, FRIDGE, HOLDING, OTHER, TOP, at

if TYPE_CHECKING:
    from tests.alerts.given import World


def refusal(world: World, minute: float) -> RefusalReason | None:
    try:
        with world.ledger.read() as conn:
            holdings.check_gate(conn, HOLDING, FACILITY, at(minute))
    except Refused as refused:
        return RefusalReason(str(refused.facts["reason"]))
    return None


def instants(world: World, appliance_id: str = FRIDGE) -> tuple[int, int | None, str]:
    found = world.judgement(appliance_id)
    assert found is not None
    return found.judged_through_ms, found.known_through_ms, found.state


def test_silence_stops_what_is_known_but_not_the_judging(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, (), at(60))
    assert instants(world) == (at(60), at(9), "in_range")
    assert refusal(world, 60) is None


def test_past_the_bound_the_gate_refuses_and_stock_carries_the_mark(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    assert sweep(world.ledger, (), at(69)) == 0
    assert refusal(world, 69) is None
    assert refusal(world, 69.1) is RefusalReason.DATA_TOO_OLD
    assert sweep(world.ledger, (), at(70)) == 1
    assert world.holding().gap_open_from_ms == at(9)
    assert instants(world) == (at(70), at(9), "no_data")
    assert refusal(world, 70) is RefusalReason.GAP
    assert sweep(world.ledger, (), at(80)) == 0
    assert [notice.kind for notice in world.notices()] == ["holding_gap"]


def test_fresh_data_alone_does_not_take_the_mark_off(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, (), at(100))
    world.feed((120, 150, 450))
    world.drain(150)
    assert instants(world)[2] == "in_range"
    assert refusal(world, 150) is RefusalReason.GAP
    world.feed((10, 120, 450))
    world.drain(160)
    assert refusal(world, 160) is None


def test_a_persons_check_makes_nothing_known_for_stock_that_rests_on_readings(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    read_by_eye(world, 60)
    world.drain(60)
    assert instants(world)[1] == at(9)
    assert refusal(world, 69.1) is RefusalReason.DATA_TOO_OLD
    assert sweep(world.ledger, (), at(70)) == 1
    assert world.holding().gap_open_from_ms == at(9)


@pytest.mark.parametrize("others_stock", [False, True])
def test_a_persons_check_is_what_recorded_stock_rests_on(world: World, *, others_stock: bool) -> None:
    world.receive(kind=EvidenceKind.TWICE_DAILY)
    if others_stock:
        world.receive("H-2", minute=0)
        with world.ledger.write() as conn:
            holdings.move_holding(conn, "H-2", OTHER, EvidenceKind.TELEMETRY, at(20), at(20), "ravi")
    read_by_eye(world, 60)
    world.drain(60)
    assert instants(world)[1] == at(60)
    assert refusal(world, 62) is None


def read_by_eye(world: World, minute: float) -> None:
    new = ManualCheck(
        appliance_id=FRIDGE,
        checked_at_ms=at(minute),
        centi_celsius=450,
        centi_celsius_min=400,
        centi_celsius_max=500,
        actor="ravi",
    )
    with world.ledger.write() as conn:
        add_manual_check(conn, new, at(minute))


def test_a_mark_that_a_person_took_off_is_not_put_back_by_the_same_silence(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, (), at(100))
    with world.ledger.write() as conn:
        holdings.clear_gap(conn, HOLDING, "dr-asha", "read the dial every hour", at(101))
    assert sweep(world.ledger, (), at(110)) == 0
    assert world.holding().gap_open_from_ms is None
    assert refusal(world, 110) is RefusalReason.DATA_TOO_OLD


def test_a_persons_decision_covers_no_silence_that_goes_on_after_it(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, (), at(100))
    with world.ledger.write() as conn:
        holdings.clear_gap(conn, HOLDING, "dr-asha", "read the dial every hour", at(101))
    assert sweep(world.ledger, (), at(161)) == 0
    assert sweep(world.ledger, (), at(162)) == 1
    assert world.holding().gap_open_from_ms == at(101)


def test_a_mark_that_data_took_off_is_put_back_when_the_data_was_not_its_own(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, FRIDGE, "top", at(0), at(0))
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, (), at(100))
    world.feed((9, 110, 450), sensor=TOP)
    world.drain(110)
    assert world.holding().gap_open_from_ms is None
    with world.ledger.write() as conn:
        assets.unassign_sensor(conn, TOP, at(5), at(110))
    world.drain(111)
    assert world.holding().gap_open_from_ms == at(9)
    assert refusal(world, 111) is RefusalReason.GAP


def test_a_process_overtaken_sweeps_nothing(world: World) -> None:
    def overtaken(_conn: object) -> None:
        raise Unavailable("another process judges now")

    with pytest.raises(Unavailable):
        sweep(world.ledger, (), at(60), overtaken)
    assert world.judgement() is None


def test_the_sourced_holdover_is_the_bound(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive(appliance_id=OTHER)
    world.feed((0, 10, 450), sensor=TOP)
    world.drain(10)
    assert sweep(world.ledger, (), at(128)) == 0
    assert instants(world, OTHER)[2] == "in_range"
    assert sweep(world.ledger, (), at(130)) == 1


def test_a_sensor_that_never_spoke_counts_from_the_stay(world: World) -> None:
    world.receive(minute=5)
    world.drain(6)
    assert sweep(world.ledger, (), at(64)) == 0
    assert sweep(world.ledger, (), at(66)) == 1
    assert world.holding().gap_open_from_ms == at(5)


def test_a_packed_carrier_has_its_own_bound(world: World) -> None:
    world.receive(appliance_id=CARRIER, kind=EvidenceKind.PACKED_CARRIER)
    world.drain(1)
    assert sweep(world.ledger, (), at(479)) == 0
    assert refusal(world, 479) is None
    assert sweep(world.ledger, (), at(481)) == 1
    assert refusal(world, 481) is RefusalReason.GAP


def test_an_appliance_with_pending_work_stays_where_it_was(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, {FRIDGE}, at(60))
    assert instants(world)[0] == at(10)
    assert instants(world, OTHER)[0] == at(60)


def test_an_older_look_never_moves_the_instants_back(world: World) -> None:
    world.receive()
    sweep(world.ledger, (), at(60))
    sweep(world.ledger, (), at(60) - 30_000)
    assert instants(world)[0] == at(60)


def test_a_clock_that_was_put_back_wins_over_an_instant_far_ahead(world: World) -> None:
    world.receive()
    sweep(world.ledger, (), at(60))
    sweep(world.ledger, (), at(50))
    assert instants(world)[0] == at(50)


@pytest.mark.parametrize("minutes", [11, 30])
def test_without_a_sweep_the_gate_takes_the_engine_for_dead(world: World, minutes: int) -> None:
    world.receive()
    world.feed((0, 60, 450))
    world.drain(10)
    assert refusal(world, 10 + minutes) is RefusalReason.ENGINE_SILENT


def test_much_silent_stock_is_marked_in_short_transactions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "MARKED_AT_ONCE", 2)
    labels = [f"H-{number}" for number in range(5)]
    for label in labels:
        world.receive(label)
    world.feed((0, 10, 450))
    world.drain(10)
    fenced: list[int] = []
    assert sweep(world.ledger, (), at(100), lambda _: fenced.append(1)) == 5
    assert len(fenced) == 1 + 3
    assert {world.holding(label).gap_open_from_ms for label in labels} == {at(9)}
