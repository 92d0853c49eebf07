"""Unknown time at the gate: its mark, what covers it, who decides on it, and clocks that run ahead."""

from __future__ import annotations

import pytest

from alerts.drain import drain_once
from alerts.sweep import sweep
from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.ledger import holdings, rejudge
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from tests.alerts.given import CARRIER, FRIDGE, HOLDING, OTHER, World, at
from tests.alerts.looks import refusal


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


def test_a_gaps_mark_follows_a_move_to_a_more_patient_place(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, (), at(180))
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, CARRIER, EvidenceKind.PACKED_CARRIER, at(180), at(180), "ravi")
    world.drain(181)
    assert world.holding().gap_open_from_ms == at(9)
    assert refusal(world, 181) is RefusalReason.GAP


@pytest.mark.parametrize(("memory", "marked"), [((None, None), True), ((300, 600), False)])
def test_days_without_a_check_are_a_gap_unless_the_thermometer_remembers_them(
    world: World,
    memory: tuple[int | None, int | None],
    *,
    marked: bool,
) -> None:
    """The check that comes after three days of silence is fresh data; only a memory covers what lay before it."""
    world.receive(appliance_id=OTHER, kind=EvidenceKind.TWICE_DAILY)
    for minute in (0, 3 * 24 * 60):
        with world.ledger.write() as conn:
            add_manual_check(
                conn,
                ManualCheck(
                    appliance_id=OTHER,
                    checked_at_ms=at(minute),
                    centi_celsius=450,
                    centi_celsius_min=memory[0],
                    centi_celsius_max=memory[1],
                    actor="ravi",
                ),
                at(minute),
            )
        world.drain(minute)
    assert (world.holding().gap_open_from_ms == at(0)) is marked
    assert (refusal(world, 3 * 24 * 60) is RefusalReason.GAP) is marked


def test_a_gap_found_only_after_the_move_is_marked_too(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, CARRIER, EvidenceKind.PACKED_CARRIER, at(180), at(180), "ravi")
    world.drain(181)
    assert refusal(world, 181) is RefusalReason.GAP


def test_a_gateway_whose_clock_runs_ahead_does_not_keep_the_gate_open_after_it_falls_silent(world: World) -> None:
    world.receive()
    world.feed((0, 420, 450))
    world.tell_state(measured=419, received=60)
    world.drain(60)
    assert refusal(world, 60) is None
    assert world.verdicts()[0].verdict.known_through_ms == at(60)
    with world.ledger.write() as conn:
        rejudge.mark_appliance(conn, FRIDGE, at(115), at(115))
    world.drain(115)
    assert refusal(world, 120) is None
    assert refusal(world, 121) is RefusalReason.DATA_TOO_OLD
    sweep(world.ledger, (), at(122))
    with world.ledger.write() as conn:
        rejudge.mark_appliance(conn, FRIDGE, at(122), at(122))
    world.drain(123)
    assert world.holding().gap_open_from_ms == at(60)


def test_a_freeze_stamped_in_the_future_is_held_now(world: World) -> None:
    world.receive()
    world.feed((0, 300, 450), (300, 380, -90))
    world.tell_state(measured=379, received=60)
    world.drain(60)
    assert world.holding().disposition is Disposition.QUARANTINED


def test_a_decision_made_during_a_gap_covers_only_what_lay_before_it(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    sweep(world.ledger, (), at(100))
    with world.ledger.write() as conn:
        holdings.clear_gap(conn, HOLDING, "dr-asha", "the door was shut", at(101))
    world.feed((3000, 3010, 450))
    world.drain(3010)
    assert world.holding().gap_open_from_ms == at(101)
    assert refusal(world, 3010) is RefusalReason.GAP


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
