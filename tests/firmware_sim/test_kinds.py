from __future__ import annotations

import msgspec
import pytest

from firmware_sim.cabinet import STEP_SECONDS
from firmware_sim.kinds import CABINETS, Kind


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_cabinet_whose_steps_are_far_below_its_time_constants(kind: Kind) -> None:
    cabinet = CABINETS[kind]
    air = cabinet.leak_watts_per_kelvin + cabinet.load_watts_per_kelvin + cabinet.plate_watts_per_kelvin
    plate = cabinet.plate_watts_per_kelvin + cabinet.ice_watts_per_kelvin + cabinet.cooling_watts_per_kelvin
    shortest_seconds = min(
        cabinet.air_joules_per_kelvin / (air + cabinet.door_watts_per_kelvin),
        cabinet.load_joules_per_kelvin / cabinet.load_watts_per_kelvin,
        cabinet.plate_joules_per_kelvin / plate,
    )
    assert shortest_seconds > 10 * STEP_SECONDS


@pytest.mark.parametrize("kind", list(Kind))
def test_no_constant_is_negative(kind: Kind) -> None:
    assert all(value >= 0 for value in msgspec.structs.astuple(CABINETS[kind]))


def test_only_the_carrier_lives_without_a_compressor() -> None:
    assert [kind for kind in Kind if CABINETS[kind].cooling_watts_at_zero == 0] == [Kind.CARRIER]
