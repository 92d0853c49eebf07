from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.appliances import look, place_of
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound
from sheetal.ledger import assets, judgement_writes, telemetry_writes
from sheetal.ledger.sensor_faults import declare_sensor_fault
from tests.alerts.given import FRIDGE, OTHER, TOP, TVC, appliance, at, day_summary

if TYPE_CHECKING:
    from sheetal.ledger.judgements import ApplianceJudgement
    from tests.alerts.given import World


def look_at(world: World, minute: float, *, is_judged: bool = True) -> ApplianceJudgement | None:
    found = look(world.stores, [FRIDGE], at(minute), unfinished=() if is_judged else {FRIDGE, OTHER})
    with world.ledger.write() as conn:
        for one in found:
            judgement_writes.put_appliance_judgement(conn, one)
    return found[0] if found else None


def known(world: World, minute: float) -> tuple[int | None, str]:
    found = look_at(world, minute)
    assert found is not None
    return found.known_through_ms, found.state


def test_the_newest_of_all_its_sensors_counts(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, FRIDGE, "top", at(0), at(0))
    world.feed((0, 10, 450))
    world.feed((0, 20, 900), sensor=TOP)
    assert known(world, 21) == (at(19), "warm")


def test_a_fault_is_no_news(world: World) -> None:
    world.feed((0, 10, 450))
    faults = [row._replace(centi_celsius=None, quality=1) for row in world.rows((10, 20, 0))]
    world.store(faults)
    assert known(world, 21) == (at(9), "in_range")


def test_the_future_is_not_known_yet(world: World) -> None:
    world.feed((0, 600, 450))
    assert known(world, 30) == (at(30), "in_range")


def test_a_clock_that_runs_ahead_makes_nothing_known_after_the_receipt(world: World) -> None:
    world.feed((0, 420, 450))
    world.tell_state(measured=419, received=60)
    assert known(world, 60) == (at(60), "in_range")
    assert known(world, 360) == (at(60), "no_data")
    assert known(world, 500) == (at(60), "no_data")


def test_a_clock_that_runs_ahead_still_shows_its_newest_value(world: World) -> None:
    world.feed((0, 400, 450), (400, 420, -300))
    world.tell_state(measured=419, received=60)
    assert known(world, 60) == (at(60), "freezing")


def test_a_state_that_lags_behind_its_rows_costs_nothing(world: World) -> None:
    world.feed((0, 30, 450))
    world.tell_state(measured=10, received=10.1)
    assert known(world, 30) == (at(29), "in_range")


def test_back_filled_rows_are_known_as_far_as_they_reach(world: World) -> None:
    world.feed((0, 30, 450))
    world.tell_state(measured=29, received=50)
    assert known(world, 51) == (at(29), "in_range")


def test_a_day_that_ends_after_its_receipt_is_known_to_its_receipt(world: World) -> None:
    day = DaySummary(1, TVC, at(0), at(0) + DAY_MS, 300, 700, -50, 60, 800, 600, 0, 0, 0)
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day], at(600))
    assert known(world, 610)[0] == at(600)
    assert known(world, 1200)[0] == at(600)


def test_a_day_that_begins_after_its_receipt_never_makes_anything_known(world: World) -> None:
    day = DaySummary(1, TVC, at(600), at(600) + DAY_MS, 300, 700, -50, 60, 800, 600, 0, 0, 0)
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day], at(300))
    assert known(world, 310)[0] is None
    assert known(world, 700)[0] is None


def test_what_turns_out_to_be_another_places_data_is_not_known_here(world: World) -> None:
    world.feed((0, 300, 450))
    assert known(world, 300)[0] == at(299)
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TVC, OTHER, "coldest", at(20), at(300))
    assert known(world, 301)[0] == at(19)


def test_a_removed_sensor_stops_speaking_but_what_it_said_stays_known(world: World) -> None:
    world.feed((0, 10, 100))
    with world.ledger.write() as conn:
        assets.unassign_sensor(conn, TVC, at(5), at(10))
    assert known(world, 12) == (at(4), "in_range")


def test_what_was_known_stays_known_when_the_look_back_ends(world: World) -> None:
    world.feed((0, 10, 450))
    look_at(world, 10)
    assert known(world, 3000) == (at(9), "no_data")


def test_with_work_left_the_engine_does_not_claim_to_have_judged(world: World) -> None:
    world.feed((0, 30, 450))
    assert look_at(world, 10, is_judged=False) is None
    look_at(world, 12)
    found = look_at(world, 20, is_judged=False)
    assert found is not None
    assert (found.judged_through_ms, found.known_through_ms) == (at(12), at(20))


def test_an_unknown_appliance_is_said(world: World) -> None:
    with pytest.raises(NotFound):
        look(world.stores, ["A-none"], at(0))


def test_a_place_allows_silence_up_to_its_sourced_holdover() -> None:
    assert place_of(appliance("A")).silence_ms_max == 60 * 60_000
    assert place_of(appliance("A", holdover_minutes=90)).silence_ms_max == 90 * 60_000
    assert place_of(appliance("A", holdover_minutes=9000)).silence_ms_max == 240 * 60_000


def test_what_a_faulty_sensor_says_proves_nothing_and_is_no_state(world: World) -> None:
    world.feed((0, 100, -300))
    assert known(world, 100) == (at(99), "freezing")
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TVC, at(30), at(60), "it lay on the ice", "dr-asha", at(100))
        declare_sensor_fault(conn, TVC, at(80), None, "it lay on the ice", "dr-asha", at(100))
    assert known(world, 100) == (at(79), "freezing")
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TVC, at(60), at(80), "it lay on the ice", "dr-asha", at(101))
    assert known(world, 101)[0] == at(29)


def test_the_day_of_a_faulty_logger_proves_nothing(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "logger", at(0), at(0))
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day_summary(TOP, alarm=None)], at(1500))
    (found,) = look(world.stores, [OTHER], at(1500))
    assert found.known_through_ms == at(24 * 60)
    with world.ledger.write() as conn:
        declare_sensor_fault(conn, TOP, at(700), at(710), "its battery was empty", "dr-asha", at(1500))
    (found,) = look(world.stores, [OTHER], at(1500))
    assert found.known_through_ms is None
