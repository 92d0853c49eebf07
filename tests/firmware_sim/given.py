"""What the simulator's tests start from: the committed district, and small scenarios of their own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_sim.clock_plan import ClockPlan, plan_clock
from firmware_sim.fleet import Fleet
from firmware_sim.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    from firmware_sim.appliance import Sample

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
