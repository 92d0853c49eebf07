from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.faults import (
    PROBE_FAULTS,
    Fault,
    FaultKind,
    Trouble,
    active_kinds,
    is_active,
    is_logger_off,
    reported_celsius,
    surroundings,
    trouble,
)


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


def test_a_stuck_probe_without_a_value_repeats_what_it_said_last() -> None:
    stuck = [fault(FaultKind.PROBE_STUCK)]
    assert reported_celsius(stuck, 55, 9.9, last_celsius=4.2) == 4.2
    assert reported_celsius(stuck, 55, 9.9) == 9.9, "it has said nothing yet"
    assert reported_celsius(stuck, 40, 9.9, last_celsius=4.2) == 9.9


@given(st.floats(-5, 5), st.floats(0, 10), st.floats(-30, 40))
def test_a_drift_grows_with_the_hours_since_it_began(per_hour: float, hours: float, measured: float) -> None:
    drifting = [Fault(kind=FaultKind.DRIFT, begins_minutes_before_now=600, celsius_per_hour=per_hour)]
    told = reported_celsius(drifting, 600 - hours * 60, measured)
    assert told == pytest.approx(measured + per_hour * hours, abs=1e-9)


def test_drifts_add_up_and_a_spike_hides_them() -> None:
    drifts = [Fault(kind=FaultKind.DRIFT, begins_minutes_before_now=60, celsius_per_hour=1)] * 2
    assert reported_celsius(drifts, 0, 4.0) == pytest.approx(6.0)
    assert reported_celsius([*drifts, fault(FaultKind.SPIKE, begins=5, celsius=42.0)], 0, 4.0) == 42.0


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (FaultKind.OPEN_CIRCUIT, Trouble.OPEN_CIRCUIT),
        (FaultKind.SHORT_CIRCUIT, Trouble.SHORT_CIRCUIT),
        (FaultKind.CRC_ERROR, Trouble.CRC_ERROR),
        (FaultKind.SPIKE, None),
        (FaultKind.MAINS_CUT, None),
    ],
)
def test_a_probe_in_trouble_says_no_temperature_and_why(kind: FaultKind, why: Trouble | None) -> None:
    planned = [fault(kind, celsius=40.0)]
    assert trouble(planned, 55) is why
    assert (reported_celsius(planned, 55, 4.2) is None) is (why is not None)
    assert trouble(planned, 40) is None


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_logger_is_off_only_while_it_restarts(kind: FaultKind) -> None:
    assert is_logger_off([fault(kind, celsius=1)], 55) is (kind in {FaultKind.REBOOT, FaultKind.BROWN_OUT})
    assert not is_logger_off([fault(kind, celsius=1)], 40)


def test_active_faults_are_named_once_in_order() -> None:
    planned = [fault(FaultKind.SPIKE, celsius=1), fault(FaultKind.MAINS_CUT), fault(FaultKind.SPIKE, celsius=2)]
    assert active_kinds(planned, 55) == ("mains_cut", "spike")
    assert active_kinds(planned, 40) == ()


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        (FaultKind.SPIKE, "celsius"),
        (FaultKind.DRIFT, "celsius_per_hour"),
        (FaultKind.CLOCK_OFF, "off_seconds"),
        (FaultKind.REBOOT, "lasts_minutes"),
        (FaultKind.BROWN_OUT, "lasts_minutes"),
        (FaultKind.PROBE_STUCK, None),
        (FaultKind.CLOCK_1970, None),
    ],
)
def test_a_fault_says_what_it_cannot_do_without(kind: FaultKind, needs: str | None) -> None:
    assert Fault(kind=kind, begins_minutes_before_now=5).missing() == needs
    whole = Fault(kind=kind, begins_minutes_before_now=5, lasts_minutes=1, celsius=0, celsius_per_hour=0, off_seconds=0)
    assert whole.missing() is None


def test_only_what_befalls_a_probe_alone_is_a_probes_fault() -> None:
    for kind in PROBE_FAULTS:
        assert surroundings([fault(kind, celsius=1)], 55, 30.0, routine_door_open=False) == (30.0, True, False, False)
        assert not is_logger_off([fault(kind, celsius=1)], 55)
