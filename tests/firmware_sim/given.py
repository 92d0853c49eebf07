"""What the simulator's tests start from: the committed district, and small scenarios of their own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from firmware_sim.appliance import Sample
from firmware_sim.clock_plan import ClockPlan, plan_clock
from firmware_sim.fleet import Fleet
from firmware_sim.logger_clock import LoggerClock
from firmware_sim.probe import Report
from firmware_sim.scenario import ApplianceSpec, Scenario, load_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

DISTRICT = Path(__file__).parents[2] / "firmware_sim" / "scenarios" / "district.toml"
STARTED_MS = 1_790_000_000_123

SMALL = """
seed = 7
interval_seconds = 60
history_minutes = 60
story_minutes = 10
catch_up_seconds = 2

[district]
state_id = 21
state_name = "Maharashtra"
district_id = 363
district_name = "Pune"
time_zone = "Asia/Kolkata"

[ambient]
mean_celsius = 29.0
swing_celsius = 4.0
warmest_minutes_before_now = 0

[[hubs]]
gateway = "gw-01"
facility = "F-1"
facility_name = "One"
facility_name_hindi = "एक"
facility_kind = "cold_chain_point"
latitude = 18.5
longitude = 73.6

[[hubs.appliances]]
serial = "ILR-1"
appliance = "A-1"
kind = "ilr"
name = "ILR"
model = "M"
field = "TVC"
probe = "ilr1-tvc"
thermostat = { on_above_celsius = 4.6, off_below_celsius = 3.4 }

[[hubs]]
gateway = "gw-02"
facility = "F-2"
facility_name = "Two"
facility_name_hindi = "दो"
facility_kind = "store"
latitude = 18.6
longitude = 73.7

[[hubs.appliances]]
serial = "DF-2"
appliance = "A-2"
kind = "deep_freezer"
name = "Deep freezer"
model = "M"
field = "TFRZ"
probe = "df1-tfrz"
thermostat = { on_above_celsius = -19.2, off_below_celsius = -20.8 }
"""


def small(folder: Path, text: str = SMALL) -> Scenario:
    path = folder / "small.toml"
    path.write_text(text)
    return load_scenario(path)


def appliance_spec(**changes: object) -> ApplianceSpec:
    """The refrigerator of `SMALL`, changed."""
    spec = msgspec.toml.decode(SMALL, type=Scenario).appliances[0]
    return msgspec.structs.replace(spec, **changes)


def one_sample(**changes: object) -> Sample:
    """One record in which nothing is wrong, changed; its first probe says what `reported_celsius` says."""
    usual = Sample(
        at_ms=STARTED_MS,
        true_celsius=4.31,
        reported_celsius=4.3,
        ambient_celsius=31.2,
        compressor_minutes=0.5,
        door_seconds=20,
        mains_seconds=60,
        holdover_days=0.5,
        battery_days=14.0,
        alarms=(),
        clock=LoggerClock(STARTED_MS, 60_000, 0),
    )._replace(**changes)  # type: ignore[arg-type]
    return usual if usual.probes else usual._replace(probes=(Report(usual.true_celsius, usual.reported_celsius, None),))


def scenario_of(name: str) -> Scenario:
    """One of the scenarios that come along."""
    return load_scenario(DISTRICT.with_name(f"{name}.toml"))


def samples_of(scenario: Scenario, minutes_after_now: float = 0) -> dict[str, Sequence[Sample]]:
    """Every appliance of a scenario with all its samples up to an instant."""
    plan = plan_of(scenario)
    samples: dict[str, list[Sample]] = {appliance.serial: [] for appliance in scenario.appliances}
    for produced in Fleet(scenario, plan, scenario.seed).produce_until(plan.met_ms + round(minutes_after_now * 60_000)):
        samples[produced.spec.serial].append(produced.sample)
    return dict(samples)


def plan_of(scenario: Scenario) -> ClockPlan:
    return plan_clock(STARTED_MS, scenario.history_minutes, scenario.story_minutes, scenario.catch_up_seconds)


@cache
def played(seed: int | None = None, hours_after_now: int = 0) -> dict[str, list[Sample]]:
    """Every appliance of the district with all its samples up to an instant."""
    scenario = load_scenario(DISTRICT)
    plan = plan_of(scenario)
    fleet = Fleet(scenario, plan, scenario.seed if seed is None else seed)
    samples: dict[str, list[Sample]] = {appliance.serial: [] for appliance in scenario.appliances}
    for produced in fleet.produce_until(plan.met_ms + hours_after_now * 3_600_000):
        samples[produced.spec.serial].append(produced.sample)
    return samples
