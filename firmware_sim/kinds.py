"""The kinds of appliance and the constants of a typical one; a scenario may override any constant (pure).

Loads are given as heat capacities: 4.2 kJ/K is one litre of vaccine taken as water.
"""

from __future__ import annotations

from enum import StrEnum

from firmware_sim.cabinet import Cabinet


class Kind(StrEnum):
    """The kinds that a scenario knows, named as in the ledger."""

    ILR = "ilr"
    DEEP_FREEZER = "deep_freezer"
    WALK_IN_COOLER = "walk_in_cooler"
    CARRIER = "carrier"


CABINETS: dict[Kind, Cabinet] = {
    Kind.ILR: Cabinet(
        air_joules_per_kelvin=14_000,
        load_joules_per_kelvin=40_000,
        plate_joules_per_kelvin=5_000,
        ice_kilograms=4,
        leak_watts_per_kelvin=1,
        load_watts_per_kelvin=8,
        plate_watts_per_kelvin=6.5,
        ice_watts_per_kelvin=6,
        door_watts_per_kelvin=5,
        cooling_watts_at_zero=122,
        cooling_watts_per_kelvin=8,
    ),
    Kind.DEEP_FREEZER: Cabinet(
        air_joules_per_kelvin=20_000,
        load_joules_per_kelvin=80_000,
        plate_joules_per_kelvin=8_000,
        ice_kilograms=0,
        leak_watts_per_kelvin=0.8,
        load_watts_per_kelvin=10,
        plate_watts_per_kelvin=15,
        ice_watts_per_kelvin=0,
        door_watts_per_kelvin=5,
        cooling_watts_at_zero=260,
        cooling_watts_per_kelvin=5,
    ),
    Kind.WALK_IN_COOLER: Cabinet(
        air_joules_per_kelvin=400_000,
        load_joules_per_kelvin=2_000_000,
        plate_joules_per_kelvin=60_000,
        ice_kilograms=0,
        leak_watts_per_kelvin=25,
        load_watts_per_kelvin=150,
        plate_watts_per_kelvin=200,
        ice_watts_per_kelvin=0,
        door_watts_per_kelvin=250,
        cooling_watts_at_zero=2_400,
        cooling_watts_per_kelvin=60,
    ),
    Kind.CARRIER: Cabinet(
        air_joules_per_kelvin=800,
        load_joules_per_kelvin=4_000,
        plate_joules_per_kelvin=900,
        ice_kilograms=2.4,
        leak_watts_per_kelvin=0.22,
        load_watts_per_kelvin=1.5,
        plate_watts_per_kelvin=2,
        ice_watts_per_kelvin=5,
        door_watts_per_kelvin=0.5,
        cooling_watts_at_zero=0,
        cooling_watts_per_kelvin=0,
    ),
}
