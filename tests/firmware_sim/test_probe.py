from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.faults import Fault, FaultKind, Trouble
from firmware_sim.probe import NOISE_CELSIUS, Probe, Report


def probe(*faults: Fault, one_wire: bool = False, seed: str = "7/ILR-1/noise") -> Probe:
    return Probe(faults, seed, one_wire=one_wire)


def fault(kind: FaultKind, celsius: float | None = None) -> Fault:
    return Fault(kind=kind, begins_minutes_before_now=60, lasts_minutes=10, celsius=celsius)


def say(one: Probe, minutes: int, true_celsius: float = 4.26, *, is_first: bool = False) -> Report:
    return one.report(minutes, true_celsius, is_first=is_first)


@given(st.floats(-55, 60))
def test_a_healthy_probe_says_the_truth_in_tenths_within_its_noise(celsius: float) -> None:
    report = say(probe(), 0, celsius)
    assert report.celsius is not None
    assert report.true_celsius == celsius
    assert round(report.celsius, 1) == report.celsius
    assert abs(report.celsius - celsius) <= NOISE_CELSIUS + 0.05 + 1e-9


@given(st.floats(-55, 60))
def test_a_probe_on_a_bus_counts_in_sixteenths(celsius: float) -> None:
    report = say(probe(one_wire=True), 0, celsius)
    assert report.celsius is not None
    assert report.celsius * 16 == round(report.celsius * 16)
    assert abs(report.celsius - celsius) <= NOISE_CELSIUS + 1 / 32 + 1e-9


def test_a_stuck_probe_repeats_its_last_word_to_the_end_and_then_follows_again() -> None:
    stuck = probe(fault(FaultKind.PROBE_STUCK))
    last = say(stuck, 61, 4.2).celsius
    assert {say(stuck, minute, 9.0).celsius for minute in range(60, 50, -1)} == {last}
    assert say(stuck, 50, 9.0).celsius != last


def test_what_it_said_before_a_trouble_is_what_it_sticks_to_afterwards() -> None:
    stuck = probe(fault(FaultKind.PROBE_STUCK), Fault(
        kind=FaultKind.OPEN_CIRCUIT, begins_minutes_before_now=60, lasts_minutes=5
    ))  # fmt: skip
    last = say(stuck, 61, 4.2).celsius
    assert say(stuck, 58, 9.0) == Report(9.0, None, Trouble.OPEN_CIRCUIT)
    assert say(stuck, 52, 9.0).celsius == last


def test_the_first_word_after_power_on_is_no_temperature_on_a_bus_only() -> None:
    assert say(probe(one_wire=True), 0, is_first=True) == Report(4.26, None, Trouble.POWER_ON)
    assert say(probe(), 0, is_first=True).celsius is not None
    broken = probe(fault(FaultKind.OPEN_CIRCUIT), one_wire=True)
    assert say(broken, 55, is_first=True).trouble is Trouble.OPEN_CIRCUIT


def test_a_fault_changes_nothing_in_what_comes_after_it() -> None:
    healthy, spiking = probe(), probe(fault(FaultKind.SPIKE, 42.0))
    told = [(say(healthy, minute), say(spiking, minute)) for minute in range(70, 40, -1)]
    assert [pair[1].celsius for pair in told[10:20]] == [42.0] * 10
    assert all(one == other for one, other in told[:10] + told[20:])


def test_a_seed_makes_the_noise() -> None:
    assert [say(probe(), 0, n / 7) for n in range(20)] == [say(probe(), 0, n / 7) for n in range(20)]
    one, other = probe(seed="1"), probe(seed="2")
    assert [say(one, 0, n / 7) for n in range(50)] != [say(other, 0, n / 7) for n in range(50)]
