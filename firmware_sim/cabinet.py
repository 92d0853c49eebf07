"""The physics of one cold cabinet: air, load, evaporator plate and ice lining as coupled heat masses (pure).

    surroundings ──leak, door──► air ◄──► load (the vaccine)
                                  ▲
                                  └──► plate ◄──► ice lining
                                         │
                                     compressor ──► heat out

Heat flows by temperature difference; the compressor takes heat from the plate and is the weaker the colder the plate.
The ice lining is kept as an enthalpy, so that it holds its melting point for as long as it melts: that is the holdover.
The masses and conductances are chosen for round, plausible behaviour; they describe no maker's appliance.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

STEP_SECONDS = 10
"""Far below the shortest time constant of any cabinet here (plate over its conductances, some 200 s)."""

ICE_FUSION_JOULES_PER_KILOGRAM = 334_000.0
ICE_JOULES_PER_KILOGRAM_KELVIN = 2_100.0
WATER_JOULES_PER_KILOGRAM_KELVIN = 4_186.0


class Cabinet(msgspec.Struct, frozen=True, kw_only=True):
    """The constants of one cabinet; conductances in W/K, heat capacities in J/K.

    A cabinet without compressor has `cooling_watts_at_zero` 0; one without lining has `ice_kilograms` 0.
    """

    air_joules_per_kelvin: float
    load_joules_per_kelvin: float
    plate_joules_per_kelvin: float
    ice_kilograms: float
    leak_watts_per_kelvin: float
    load_watts_per_kelvin: float
    plate_watts_per_kelvin: float
    ice_watts_per_kelvin: float
    door_watts_per_kelvin: float
    cooling_watts_at_zero: float
    cooling_watts_per_kelvin: float


class Thermostat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hysteresis on the air: the compressor starts above one temperature and stops below the other (°C)."""

    on_above_celsius: float
    off_below_celsius: float


class Heat(NamedTuple):
    """The state of a cabinet: three temperatures (°C), the lining's enthalpy (J, 0 = all water at 0 °C), the relay."""

    air_celsius: float
    load_celsius: float
    plate_celsius: float
    ice_joules: float
    compressor_on: bool


class Surroundings(NamedTuple):
    """What acts on the cabinet during one step; `stuck_on` overrides the thermostat."""

    ambient_celsius: float
    mains_on: bool
    door_open: bool
    stuck_on: bool


class Step(NamedTuple):
    """The state after a step, and the heat that entered from outside less what the compressor took out (J)."""

    heat: Heat
    joules_in: float


def ice_celsius(cabinet: Cabinet, ice_joules: float) -> float:
    """The lining's temperature: subcooled ice, melting at 0 °C, or water."""
    if cabinet.ice_kilograms == 0:
        return 0.0
    frozen = -cabinet.ice_kilograms * ICE_FUSION_JOULES_PER_KILOGRAM
    if ice_joules < frozen:
        return (ice_joules - frozen) / (cabinet.ice_kilograms * ICE_JOULES_PER_KILOGRAM_KELVIN)
    return max(0.0, ice_joules) / (cabinet.ice_kilograms * WATER_JOULES_PER_KILOGRAM_KELVIN)


def frozen_ice(cabinet: Cabinet, fraction: float) -> float:
    """The enthalpy (J) of a lining at 0 °C of which this fraction is ice."""
    return -fraction * cabinet.ice_kilograms * ICE_FUSION_JOULES_PER_KILOGRAM


def stored_joules(cabinet: Cabinet, heat: Heat) -> float:
    """All heat in the cabinet, counted from 0 °C with the lining melted."""
    return (
        cabinet.air_joules_per_kelvin * heat.air_celsius
        + cabinet.load_joules_per_kelvin * heat.load_celsius
        + cabinet.plate_joules_per_kelvin * heat.plate_celsius
        + heat.ice_joules
    )


def switched(thermostat: Thermostat | None, heat: Heat, around: Surroundings) -> bool:
    """Whether the compressor runs in the coming step."""
    if thermostat is None or not around.mains_on:
        return False
    if around.stuck_on or heat.air_celsius > thermostat.on_above_celsius:
        return True
    return heat.compressor_on and heat.air_celsius >= thermostat.off_below_celsius


def step(cabinet: Cabinet, thermostat: Thermostat | None, heat: Heat, around: Surroundings) -> Step:
    """The cabinet `STEP_SECONDS` later; energy is conserved to rounding."""
    running = switched(thermostat, heat, around)
    door = cabinet.door_watts_per_kelvin if around.door_open else 0.0
    inward = (cabinet.leak_watts_per_kelvin + door) * (around.ambient_celsius - heat.air_celsius)
    to_load = cabinet.load_watts_per_kelvin * (heat.air_celsius - heat.load_celsius)
    to_plate = cabinet.plate_watts_per_kelvin * (heat.air_celsius - heat.plate_celsius)
    to_ice = _to_ice(cabinet, heat)
    removed = _removed(cabinet, heat.plate_celsius) if running else 0.0
    after = Heat(
        air_celsius=heat.air_celsius + (inward - to_load - to_plate) * STEP_SECONDS / cabinet.air_joules_per_kelvin,
        load_celsius=heat.load_celsius + to_load * STEP_SECONDS / cabinet.load_joules_per_kelvin,
        plate_celsius=heat.plate_celsius
        + (to_plate - to_ice - removed) * STEP_SECONDS / cabinet.plate_joules_per_kelvin,
        ice_joules=heat.ice_joules + to_ice * STEP_SECONDS,
        compressor_on=running,
    )
    return Step(after, (inward - removed) * STEP_SECONDS)


def _to_ice(cabinet: Cabinet, heat: Heat) -> float:
    if cabinet.ice_kilograms == 0:
        return 0.0
    return cabinet.ice_watts_per_kelvin * (heat.plate_celsius - ice_celsius(cabinet, heat.ice_joules))


def _removed(cabinet: Cabinet, plate_celsius: float) -> float:
    return max(0.0, cabinet.cooling_watts_at_zero + cabinet.cooling_watts_per_kelvin * plate_celsius)
