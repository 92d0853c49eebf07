"""The scenarios that come along do what their comments say."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from firmware_sim.faults import FaultKind, Trouble
from firmware_sim.logger_clock import MINUTE_MS
from tests.firmware_sim.given import plan_of, samples_of, scenario_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware_sim.appliance import Sample

FAULTS = scenario_of("faults")
PRESENT_MS = plan_of(FAULTS).met_ms


@cache
def told() -> dict[str, Sequence[Sample]]:
    return samples_of(FAULTS, minutes_after_now=5)


def between(serial: str, begins: float, ends: float) -> list[Sample]:
    """The records from so many minutes before now until so many."""
    return [one for one in told()[serial] if begins >= one.minutes_to_now > ends]


def test_every_fault_is_there() -> None:
    planned = [fault.kind for appliance in FAULTS.appliances for fault in appliance.faults]
    assert set(planned) == set(FaultKind)


def test_what_befalls_the_appliance_really_warms_or_freezes_it() -> None:
    assert min(one.true_celsius for one in told()["STUCK-ON"]) < 0
    assert max(one.true_celsius for one in told()["MAINS"]) > 8
    assert max(one.true_celsius for one in between("DOOR", 300, 260)) > 5.5
    assert {one.mains_on for one in between("MAINS", 399, 201)} == {False}


@pytest.mark.parametrize("serial", ["OPEN", "FROZEN", "STUCK-AT", "DRIFT", "SPIKE", "CLOCK-AHEAD", "REBOOT", "GONE"])
def test_what_befalls_a_probe_or_a_logger_leaves_the_cabinet_well(serial: str) -> None:
    assert all(2 <= one.true_celsius <= 8 for one in told()[serial])


def test_lying_probes_lie_as_planned() -> None:
    assert {one.reported_celsius for one in between("OPEN", 300, 260)} == {None}
    assert len({one.reported_celsius for one in between("FROZEN", 500, 100)}) == 1
    assert len({one.reported_celsius for one in between("FROZEN", 100, 0)}) > 3
    assert {one.reported_celsius for one in between("STUCK-AT", 300, 240)} == {4.9}
    last = told()["DRIFT"][-1]
    assert (last.reported_celsius or 0) - last.true_celsius == pytest.approx(0.4 * 605 / 60, abs=0.1)
    spikes = [one.reported_celsius for one in told()["SPIKE"] if not 2 <= (one.reported_celsius or 0) <= 8]
    assert spikes == [42.5, -30.0, -30.0]


def test_wrong_clocks_are_wrong_as_planned_and_relative_time_stays_right() -> None:
    def off_ms(serial: str, begins: int, ends: int) -> set[int | None]:
        return {
            None if one.clock.absolute_ms is None else one.clock.absolute_ms - one.at_ms
            for one in between(serial, begins, ends)
        }

    assert off_ms("CLOCK-AHEAD", 300, 180) == {86_400_000}
    assert off_ms("CLOCK-AHEAD", 180, 0) == {0}
    assert off_ms("CLOCK-STEPS", 300, 240) == {-7_200_000}
    assert off_ms("CLOCK-STEPS", 240, 180) == {5_400_000}
    assert off_ms("CLOCK-1970", 300, 180) == {300 * MINUTE_MS - PRESENT_MS}
    assert off_ms("CLOCK-ABSENT", 300, 180) == {None}
    for serial in ("CLOCK-AHEAD", "CLOCK-STEPS", "CLOCK-1970", "CLOCK-ABSENT"):
        assert {one.at_ms - one.clock.relative_ms for one in told()[serial]} == {plan_of(FAULTS).first_ms}


def test_loggers_that_restart_leave_a_gap_and_say_what_became_of_their_time() -> None:
    for serial in ("REBOOT", "BROWN-OUT"):
        assert not any(one.recorded for one in between(serial, 300, 295))
    after = between("REBOOT", 295, 294)[0]
    assert (after.clock.relative_ms, after.clock.restarted_ms) == (pytest.approx(0, abs=MINUTE_MS), 0)
    browned = between("BROWN-OUT", 295, 294)[0].clock
    assert 0 <= browned.relative_ms - browned.restarted_ms < MINUTE_MS
    assert browned.restarted_ms > 0


@pytest.mark.parametrize(
    ("serial", "trouble"),
    [
        ("GONE", Trouble.OPEN_CIRCUIT),
        ("SHORTED", Trouble.SHORT_CIRCUIT),
        ("GARBLED", Trouble.CRC_ERROR),
        ("POWER-ON", Trouble.POWER_ON),
    ],
)
def test_each_trouble_of_a_bus_comes_once_and_goes(serial: str, trouble: Trouble) -> None:
    assert [one.probes[0].trouble for one in told()[serial] if one.probes[0].trouble and one.recorded] == [trouble]


@pytest.mark.parametrize("name", ["quiet", "modbus", "one_wire", "load"])
def test_where_nothing_is_planned_nothing_leaves_its_range(name: str) -> None:
    scenario = scenario_of(name)
    for serial, samples in samples_of(scenario, minutes_after_now=20).items():
        low, high = (-22, -18) if serial.startswith("DF") else (2, 8)
        assert all(low <= one.true_celsius <= high for one in samples), serial
        assert all(one.reported_celsius is not None for one in samples), serial


def test_nobody_opens_a_door_where_all_is_quiet_and_one_is_open_for_a_minute_on_the_bus() -> None:
    assert not any(one.door_seconds for samples in samples_of(scenario_of("quiet")).values() for one in samples)
    opened = samples_of(scenario_of("one_wire"), minutes_after_now=5)["ILR-121-2"]
    minute = [one for one in opened if -1 >= one.minutes_to_now > -2]
    assert len(minute) == 6
    assert all(one.door_open for one in minute)
