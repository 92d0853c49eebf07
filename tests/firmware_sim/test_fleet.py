from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from firmware_sim.clock_plan import plan_clock
from firmware_sim.fleet import Fleet
from firmware_sim.kinds import Kind
from firmware_sim.scenario import load_scenario
from tests.firmware_sim.given import DISTRICT, STARTED_MS, plan_of, played

if TYPE_CHECKING:
    from firmware_sim.appliance import Sample

SCENARIO = load_scenario(DISTRICT)
PLAN = plan_of(SCENARIO)
RANGES = {
    Kind.ILR: (2.0, 8.0),
    Kind.WALK_IN_COOLER: (2.0, 8.0),
    Kind.CARRIER: (2.0, 8.0),
    Kind.DEEP_FREEZER: (-22.0, -18.0),
}
SEEDS = [None, 1, 2, 3]
STORY = "ILR-101-1"
WARM = "ILR-103-2"
OPEN_CIRCUIT = "ILR-104-3"
DOOR = "ILR-102-1"


def minutes_to_now(sample: Sample) -> float:
    return PLAN.minutes_to_now(sample.at_ms)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_story_appliance_freezes_68_minutes_before_now_and_stays_frozen(seed: int | None) -> None:
    samples = played(seed)[STORY]
    frozen = [sample.reported_celsius is not None and sample.reported_celsius <= -0.5 for sample in samples]
    first = frozen.index(True)
    assert minutes_to_now(samples[first]) == pytest.approx(68, abs=3)
    assert all(frozen[first:])
    assert len(frozen[first:]) >= 65
    assert all(2.0 <= sample.true_celsius <= 8.0 for sample in samples if minutes_to_now(sample) > 120)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_true_temperature_crosses_when_the_report_does(seed: int | None) -> None:
    crossed = next(sample for sample in played(seed)[STORY] if sample.true_celsius <= -0.5)
    assert minutes_to_now(crossed) == pytest.approx(68, abs=3)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_story_appliance_reaches_three_to_five_degrees_of_frost(seed: int | None) -> None:
    deepest = min(sample.true_celsius for sample in played(seed)[STORY])
    assert -5.0 <= deepest <= -3.0


@pytest.mark.parametrize("seed", SEEDS)
def test_every_other_appliance_but_the_warm_one_stays_in_its_range(seed: int | None) -> None:
    samples = played(seed)
    for spec in SCENARIO.appliances:
        low, high = RANGES[spec.kind]
        if spec.serial in {STORY, WARM}:
            continue
        reported = [sample.reported_celsius for sample in samples[spec.serial] if sample.reported_celsius is not None]
        assert low <= min(reported), spec.serial
        assert max(reported) <= high, spec.serial


def test_healthy_appliances_stay_in_range_long_after_the_present() -> None:
    samples = played(hours_after_now=40)
    for spec in SCENARIO.appliances:
        low, high = RANGES[spec.kind]
        if spec.serial != STORY:
            after = [sample for sample in samples[spec.serial] if minutes_to_now(sample) < 0]
            assert all(low <= sample.true_celsius <= high for sample in after), spec.serial


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mains_cut_makes_one_warm_run_of_about_forty_minutes_that_ended_hours_ago(seed: int | None) -> None:
    samples = played(seed)[WARM]
    warm = [n for n, sample in enumerate(samples) if (sample.reported_celsius or 0.0) > 8.0]
    assert warm == list(range(warm[0], warm[-1] + 1))
    assert 35 <= len(warm) <= 50
    assert minutes_to_now(samples[warm[-1]]) > 120
    assert all(2.0 <= (sample.reported_celsius or 0.0) <= 8.0 for sample in samples[warm[-1] + 1 :])
    assert any(sample.mains_seconds == 0 for sample in samples)


def test_one_door_stood_open_for_ten_minutes() -> None:
    samples = played()[DOOR]
    assert sum(sample.door_seconds == 60 for sample in samples) == pytest.approx(10, abs=1)
    assert any("DOOR" in sample.alarms for sample in samples)
    others = [serial for serial, all_of_it in played().items() if any("DOOR" in one.alarms for one in all_of_it)]
    assert others == [DOOR]


def test_one_circuit_was_open_for_forty_minutes_while_its_cabinet_was_well() -> None:
    samples = played()
    missing = {serial: sum(one.reported_celsius is None for one in of_it) for serial, of_it in samples.items()}
    assert missing == {serial: 40 if serial == OPEN_CIRCUIT else 0 for serial in samples}
    assert all(2.0 <= one.true_celsius <= 8.0 for one in samples[OPEN_CIRCUIT])


def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    until_ms = PLAN.first_ms + 3 * 3_600_000
    again: dict[str, list[Sample]] = {appliance.serial: [] for appliance in SCENARIO.appliances}
    for produced in Fleet(SCENARIO, PLAN, SCENARIO.seed).produce_until(until_ms):
        again[produced.spec.serial].append(produced.sample)
    for serial, samples in played().items():
        assert again[serial] == [sample for sample in samples if sample.at_ms <= until_ms]
        assert again[serial] != played(1)[serial][: len(again[serial])]


def test_the_story_does_not_depend_on_when_it_is_told() -> None:
    tellings = []
    for started_ms in (STARTED_MS, STARTED_MS + 7 * 3_600_000 + 987):
        plan = plan_clock(started_ms, SCENARIO.history_minutes, SCENARIO.story_minutes, SCENARIO.catch_up_seconds)
        samples = [one.sample for one in Fleet(SCENARIO, plan, 1).produce_until(plan.first_ms + 3_600_000)]
        tellings.append([
            (one.at_ms - plan.met_ms, one._replace(at_ms=0, clock=one.clock._replace(absolute_ms=0)))
            for one in samples
        ])  # fmt: skip
    assert tellings[0] == tellings[1]


def test_records_come_in_the_order_of_time_at_a_steady_interval_on_whole_seconds() -> None:
    fleet = Fleet(SCENARIO, PLAN, 1)
    produced = list(fleet.produce_until(PLAN.first_ms + 600_000))
    stamps = [one.sample.at_ms for one in produced]
    assert stamps == sorted(stamps)
    assert all(stamp % 1_000 == 0 for stamp in stamps)
    one = [p.sample.at_ms for p in produced if p.spec.serial == "DF-105-2"]
    assert {later - earlier for earlier, later in itertools.pairwise(one)} == {60_000}
    assert len(set(stamps[: len(SCENARIO.appliances)])) == len(SCENARIO.appliances)


def test_nothing_is_produced_twice_nor_ahead_of_time() -> None:
    fleet = Fleet(SCENARIO, PLAN, 1)
    halfway, end = PLAN.first_ms + 300_000, PLAN.first_ms + 600_000
    first, second = list(fleet.produce_until(halfway)), list(fleet.produce_until(end))
    assert list(fleet.produce_until(end)) == []
    assert max(one.sample.at_ms for one in first) <= halfway < min(one.sample.at_ms for one in second)
    whole = list(Fleet(SCENARIO, PLAN, 1).produce_until(end))
    assert [one.sample for one in first + second] == [one.sample for one in whole]


def test_each_record_belongs_to_the_hub_of_its_appliance() -> None:
    for produced in Fleet(SCENARIO, PLAN, 1).produce_until(PLAN.first_ms + 60_000):
        assert produced.spec in SCENARIO.hubs[produced.hub].appliances
