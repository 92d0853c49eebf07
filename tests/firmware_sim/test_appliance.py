from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from firmware_sim.appliance import BATTERY_DAYS_MAX, Appliance, Logger, Sample, room_celsius
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.scenario import Ambient, ApplianceSpec, ExtraProbe, Place, load_scenario
from tests.firmware_sim.given import DISTRICT, small

if TYPE_CHECKING:
    from pathlib import Path

AMBIENT = Ambient(mean_celsius=29, swing_celsius=4, warmest_minutes_before_now=150)


def play(spec: ApplianceSpec, minutes: int, begin: int = 300, seed: int = 1) -> list[Sample]:
    appliance = Appliance(spec, AMBIENT, seed, interval_seconds=60)
    return [appliance.advance(minute * 60_000, begin - minute) for minute in range(minutes)]


@pytest.fixture
def ilr(tmp_path: Path) -> ApplianceSpec:
    return small(tmp_path).appliances[0]


def with_fault(spec: ApplianceSpec, **changes: object) -> ApplianceSpec:
    fault = msgspec.convert({"begins_minutes_before_now": 250, "lasts_minutes": 30, **changes}, Fault)
    return msgspec.structs.replace(spec, faults=[fault])


def test_a_room_is_warmest_when_the_scenario_says_and_coolest_half_a_day_away() -> None:
    assert room_celsius(AMBIENT, 150) == pytest.approx(33)
    assert room_celsius(AMBIENT, 150 + 720) == pytest.approx(25)
    assert room_celsius(AMBIENT, 150 - 1_440) == pytest.approx(33)


def test_a_probe_reports_tenths_near_the_truth(ilr: ApplianceSpec) -> None:
    for sample in play(ilr, 120):
        assert sample.reported_celsius is not None
        assert round(sample.reported_celsius, 1) == sample.reported_celsius
        assert abs(sample.reported_celsius - sample.true_celsius) <= 0.05 + 0.03 + 1e-9


def test_a_record_tells_the_compressor_the_door_and_the_mains_of_its_period(ilr: ApplianceSpec) -> None:
    samples = play(ilr, 300)
    assert {sample.mains_seconds for sample in samples} == {60}
    assert any(sample.compressor_minutes == 1 for sample in samples)
    assert any(sample.compressor_minutes == 0 for sample in samples)
    assert all(sample.door_seconds % 10 == 0 and 0 <= sample.door_seconds <= 60 for sample in samples)


def test_doors_open_as_often_as_the_scenario_says(ilr: ApplianceSpec) -> None:
    busy = msgspec.structs.replace(ilr, doors_per_day=20)
    opened = sum(sample.door_seconds for sample in play(busy, 1_440, begin=1_439))
    assert 20 * 10 <= opened <= 20 * 50
    still = msgspec.structs.replace(ilr, doors_per_day=0)
    assert sum(sample.door_seconds for sample in play(still, 1_440, begin=1_439)) == 0


def test_a_mains_cut_stops_the_compressor_and_drains_the_battery(ilr: ApplianceSpec) -> None:
    samples = play(with_fault(ilr, kind="mains_cut", lasts_minutes=None), 800)
    cut = samples[51:]
    assert all(sample.mains_seconds == 0 for sample in cut)
    assert all(sample.compressor_minutes == 0 for sample in cut)
    assert samples[0].battery_days == BATTERY_DAYS_MAX
    assert samples[-1].battery_days == pytest.approx(BATTERY_DAYS_MAX - 750 / 1_440, abs=0.06)
    assert samples[-1].holdover_days < samples[0].holdover_days


def test_a_battery_is_charged_again_and_never_beyond_full(ilr: ApplianceSpec) -> None:
    samples = play(with_fault(ilr, kind="mains_cut", lasts_minutes=300), 900)
    assert min(sample.battery_days for sample in samples) < BATTERY_DAYS_MAX
    assert samples[-1].battery_days == BATTERY_DAYS_MAX


def test_an_open_circuit_hides_the_value_and_changes_nothing_in_the_cabinet(ilr: ApplianceSpec) -> None:
    blind, seeing = play(with_fault(ilr, kind=FaultKind.OPEN_CIRCUIT), 120), play(ilr, 120)
    assert [sample.reported_celsius is None for sample in blind] == [50 <= minute < 80 for minute in range(120)]
    assert [sample.true_celsius for sample in blind] == [sample.true_celsius for sample in seeing]


def test_a_spike_is_one_lie_of_the_probe(ilr: ApplianceSpec) -> None:
    samples = play(with_fault(ilr, kind="spike", lasts_minutes=1, celsius=42.5), 120)
    assert [minute for minute, sample in enumerate(samples) if sample.reported_celsius == 42.5] == [50]
    assert max(sample.true_celsius for sample in samples) < 8


def test_an_open_door_warms_the_cabinet_and_shows_in_the_record(ilr: ApplianceSpec) -> None:
    opened, closed = play(with_fault(ilr, kind="door_open", lasts_minutes=10), 120), play(ilr, 120)
    assert sum(sample.door_seconds for sample in opened[50:61]) == 600
    assert opened[59].true_celsius > closed[59].true_celsius + 1


def test_a_carrier_lives_on_fresh_ice() -> None:
    carrier = next(spec for spec in load_scenario(DISTRICT).appliances if spec.fresh_ice_every_minutes)
    packed = play(carrier, 4 * 1_440, begin=4 * 1_440)
    assert all(2 <= sample.true_celsius <= 8 for sample in packed)
    forgotten = play(msgspec.structs.replace(carrier, fresh_ice_every_minutes=None), 4 * 1_440, begin=4 * 1_440)
    assert max(sample.true_celsius for sample in forgotten) > 15


def test_a_seed_changes_doors_and_noise_only(ilr: ApplianceSpec) -> None:
    still = msgspec.structs.replace(ilr, doors_per_day=0)
    one, other = play(still, 120, seed=1), play(still, 120, seed=2)
    assert [sample.true_celsius for sample in one] == [sample.true_celsius for sample in other]
    assert [sample.reported_celsius for sample in one] != [sample.reported_celsius for sample in other]
    assert one == play(still, 120, seed=1)


def test_records_are_counted_from_one_and_a_restarting_logger_makes_none(ilr: ApplianceSpec) -> None:
    samples = play(with_fault(ilr, kind="reboot", lasts_minutes=5), 120)
    off = [minute for minute, sample in enumerate(samples) if not sample.recorded]
    assert off == [50, 51, 52, 53, 54]
    assert [sample.sequence for sample in samples if sample.recorded] == list(range(1, 116))
    assert samples[55].clock.relative_ms == 0
    assert [one.true_celsius for one in samples] == [one.true_celsius for one in play(ilr, 120)]


def test_a_bus_says_85_degrees_once_after_a_restart_and_a_logger_of_its_own_never(ilr: ApplianceSpec) -> None:
    def troubles(logger: Logger) -> list[int]:
        appliance = Appliance(with_fault(ilr, kind="reboot", lasts_minutes=5), AMBIENT, 1, 60, logger)
        samples = [appliance.advance(minute * 60_000, 300 - minute) for minute in range(120)]
        return [minute for minute, one in enumerate(samples) if one.recorded and one.probes[0].trouble]

    assert troubles(Logger(0, one_wire=True)) == [55]
    assert troubles(Logger(0)) == []


def test_each_probe_tells_of_its_own_place(ilr: ApplianceSpec) -> None:
    places = [ExtraProbe(probe=f"p-{place}", field=f"T{n}", place=place) for n, place in enumerate(Place)][1:]
    basket = ExtraProbe(probe="basket", field="TVC2", offset_celsius=0.7)
    samples = play(msgspec.structs.replace(ilr, extra_probes=[*places[:2], basket]), 60)
    alone = play(ilr, 60)
    assert [sample.probes[0] for sample in samples] == [sample.probes[0] for sample in alone], (
        "the others change nothing"
    )
    for sample in samples:
        _, load, plate, corner = (report.true_celsius for report in sample.probes)
        assert plate < sample.true_celsius
        assert abs(load - sample.true_celsius) < 2
        assert corner == pytest.approx(sample.true_celsius + 0.7)


def test_an_extra_probes_fault_is_its_own(ilr: ApplianceSpec) -> None:
    broken = Fault(kind=FaultKind.OPEN_CIRCUIT, begins_minutes_before_now=250)
    spec = msgspec.structs.replace(ilr, extra_probes=[ExtraProbe(probe="basket", field="TVC2", faults=[broken])])
    samples = play(spec, 60)
    assert [one.probes[1].celsius is None for one in samples] == [minute >= 50 for minute in range(60)]
    assert all(one.reported_celsius is not None for one in samples)


def test_door_and_mains_are_told_as_they_are_at_the_instant_itself(ilr: ApplianceSpec) -> None:
    opened = play(with_fault(ilr, kind="door_open", lasts_minutes=10), 120)
    assert [minute for minute, one in enumerate(opened[45:65], 45) if one.door_open] == list(range(50, 60))
    cut = play(with_fault(ilr, kind="mains_cut", lasts_minutes=10), 120)
    assert [minute for minute, one in enumerate(cut) if not one.mains_on] == list(range(50, 60))
    assert {one.faults for one in cut} == {(), ("mains_cut",)}
