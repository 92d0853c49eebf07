from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.faults import Fault, FaultKind, is_active, reported_celsius, surroundings


def fault(kind: FaultKind, begins: float = 60, lasts: float | None = 10, celsius: float | None = None) -> Fault:
    return Fault(kind=kind, begins_minutes_before_now=begins, lasts_minutes=lasts, celsius=celsius)


@pytest.mark.parametrize(
    ("minutes_to_now", "active"),
    [(61, False), (60.001, False), (60, True), (55, True), (50.001, True), (50, False), (0, False), (-5, False)],
)
def test_a_fault_is_on_from_its_beginning_and_off_at_its_end(minutes_to_now: float, *, active: bool) -> None:
    assert fault(FaultKind.MAINS_CUT).active(minutes_to_now) is active


def test_a_fault_without_end_outlasts_the_present() -> None:
    assert fault(FaultKind.MAINS_CUT, lasts=None).active(-100_000)


@given(st.floats(0, 500), st.floats(0.1, 500), st.floats(-500, 1_000))
def test_a_fault_lasts_exactly_its_span(begins: float, lasts: float, minutes_to_now: float) -> None:
    expected = begins - lasts < minutes_to_now <= begins
    near_an_end = min(abs(minutes_to_now - begins), abs(minutes_to_now - begins + lasts)) < 1e-6
    assert near_an_end or fault(FaultKind.SPIKE, begins, lasts).active(minutes_to_now) is expected


@pytest.mark.parametrize(
    ("kind", "mains_on", "door_open", "stuck_on"),
    [
        (FaultKind.MAINS_CUT, False, False, False),
        (FaultKind.DOOR_OPEN, True, True, False),
        (FaultKind.THERMOSTAT_STUCK_ON, True, False, True),
        (FaultKind.SPIKE, True, False, False),
        (FaultKind.OPEN_CIRCUIT, True, False, False),
    ],
)
def test_faults_of_appliance_and_room_act_on_the_cabinet(
    kind: FaultKind, *, mains_on: bool, door_open: bool, stuck_on: bool
) -> None:
    acting = surroundings([fault(kind)], 55, 30.0, routine_door_open=False)
    assert acting == (30.0, mains_on, door_open, stuck_on)


def test_ordinary_use_opens_the_door_without_any_fault() -> None:
    assert surroundings([], 55, 30.0, routine_door_open=True).door_open


def test_an_open_circuit_has_no_value() -> None:
    assert reported_celsius([fault(FaultKind.OPEN_CIRCUIT)], 55, 4.2) is None


@pytest.mark.parametrize("kind", [FaultKind.SPIKE, FaultKind.PROBE_STUCK])
def test_a_lying_probe_says_its_own_value_and_only_while_it_lies(kind: FaultKind) -> None:
    lying = [fault(kind, celsius=40.0)]
    assert reported_celsius(lying, 55, 4.2) == 40.0
    assert reported_celsius(lying, 40, 4.2) == 4.2


@pytest.mark.parametrize("kind", [FaultKind.MAINS_CUT, FaultKind.DOOR_OPEN, FaultKind.THERMOSTAT_STUCK_ON])
def test_faults_of_the_appliance_leave_the_probe_honest(kind: FaultKind) -> None:
    assert reported_celsius([fault(kind)], 55, 4.2) == 4.2


def test_several_faults_are_looked_up_by_kind() -> None:
    planned = [fault(FaultKind.SPIKE, celsius=1), fault(FaultKind.MAINS_CUT, begins=200)]
    assert is_active(planned, FaultKind.MAINS_CUT, 195)
    assert not is_active(planned, FaultKind.MAINS_CUT, 55)
    assert is_active(planned, FaultKind.SPIKE, 55)
