from __future__ import annotations

import math

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.cabinet import (
    ICE_FUSION_JOULES_PER_KILOGRAM,
    STEP_SECONDS,
    Cabinet,
    Heat,
    Surroundings,
    Thermostat,
    frozen_ice,
    ice_celsius,
    step,
    stored_joules,
    switched,
)
from firmware_sim.kinds import CABINETS, Kind

ILR = CABINETS[Kind.ILR]
THERMOSTAT = Thermostat(on_above_celsius=4.6, off_below_celsius=3.4)
ROOM = Surroundings(ambient_celsius=31, mains_on=True, door_open=False, stuck_on=False)

celsius = st.floats(-40, 60)
heats = st.builds(
    Heat,
    air_celsius=celsius,
    load_celsius=celsius,
    plate_celsius=celsius,
    ice_joules=st.floats(-3e6, 1e6),
    compressor_on=st.booleans(),
)
around = st.builds(
    Surroundings,
    ambient_celsius=st.floats(-10, 48),
    mains_on=st.booleans(),
    door_open=st.booleans(),
    stuck_on=st.booleans(),
)
kinds = st.sampled_from(list(Kind))


def play(cabinet: Cabinet, heat: Heat, surroundings: Surroundings, minutes: float) -> list[Heat]:
    heats = [heat]
    for _ in range(round(minutes * 60 / STEP_SECONDS)):
        heats.append(step(cabinet, THERMOSTAT, heats[-1], surroundings).heat)
    return heats


@given(kinds, heats, around)
def test_no_energy_appears_or_vanishes(kind: Kind, heat: Heat, surroundings: Surroundings) -> None:
    cabinet = CABINETS[kind]
    after = step(cabinet, THERMOSTAT, heat, surroundings)
    gained = stored_joules(cabinet, after.heat) - stored_joules(cabinet, heat)
    assert math.isclose(gained, after.joules_in, rel_tol=1e-9, abs_tol=1e-2)


@given(kinds, st.floats(-20, 40))
def test_a_cabinet_at_the_temperature_of_the_room_stays_there(kind: Kind, degrees: float) -> None:
    cabinet = msgspec.structs.replace(CABINETS[kind], ice_kilograms=0)
    heat = Heat(degrees, degrees, degrees, 0.0, compressor_on=False)
    off = Surroundings(ambient_celsius=degrees, mains_on=False, door_open=True, stuck_on=True)
    assert step(cabinet, THERMOSTAT, heat, off).heat == heat


@given(heats)
def test_a_warmer_room_never_makes_the_air_colder(heat: Heat) -> None:
    cool = step(ILR, THERMOSTAT, heat, ROOM._replace(ambient_celsius=20)).heat
    warm = step(ILR, THERMOSTAT, heat, ROOM._replace(ambient_celsius=40)).heat
    assert warm.air_celsius > cool.air_celsius


@given(heats)
def test_an_open_door_brings_the_air_towards_the_room(heat: Heat) -> None:
    closed = step(ILR, THERMOSTAT, heat, ROOM).heat.air_celsius
    opened = step(ILR, THERMOSTAT, heat, ROOM._replace(door_open=True)).heat.air_celsius
    assert abs(opened - ROOM.ambient_celsius) <= abs(closed - ROOM.ambient_celsius)


@given(heats)
def test_the_compressor_never_heats(heat: Heat) -> None:
    on = step(ILR, THERMOSTAT, heat, ROOM._replace(stuck_on=True))
    off = step(ILR, THERMOSTAT, heat, ROOM._replace(mains_on=False))
    assert on.joules_in <= off.joules_in


def test_the_thermostat_has_hysteresis() -> None:
    between = Heat(4.0, 4.0, 0.0, 0.0, compressor_on=False)
    assert not switched(THERMOSTAT, between, ROOM)
    assert switched(THERMOSTAT, between._replace(compressor_on=True), ROOM)
    assert switched(THERMOSTAT, between._replace(air_celsius=4.7), ROOM)
    assert not switched(THERMOSTAT, between._replace(air_celsius=3.3, compressor_on=True), ROOM)


def test_a_stuck_thermostat_cools_whatever_the_temperature_but_not_without_mains() -> None:
    cold = Heat(-3.0, -3.0, -8.0, 0.0, compressor_on=False)
    assert switched(THERMOSTAT, cold, ROOM._replace(stuck_on=True))
    assert not switched(THERMOSTAT, cold, ROOM._replace(stuck_on=True, mains_on=False))


def test_a_carrier_has_nothing_to_switch() -> None:
    assert not switched(None, Heat(20, 20, 20, 0, compressor_on=True), ROOM._replace(stuck_on=True))


def test_the_lining_stays_at_its_melting_point_while_it_melts() -> None:
    latent = ILR.ice_kilograms * ICE_FUSION_JOULES_PER_KILOGRAM
    assert ice_celsius(ILR, -latent) == 0
    assert ice_celsius(ILR, -latent / 2) == 0
    assert ice_celsius(ILR, 0) == 0
    assert ice_celsius(ILR, -latent - 8_400) == -1.0
    assert math.isclose(ice_celsius(ILR, 4 * 4_186), 1.0)


@given(st.floats(-4e6, 4e6), st.floats(-4e6, 4e6))
def test_more_heat_never_makes_the_lining_colder(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert ice_celsius(ILR, low) <= ice_celsius(ILR, high)


def test_a_cabinet_without_lining_has_no_ice_to_speak_of() -> None:
    dry = CABINETS[Kind.DEEP_FREEZER]
    assert frozen_ice(dry, 1) == 0
    after = step(dry, THERMOSTAT, Heat(-20, -20, -22, 0, compressor_on=False), ROOM).heat
    assert after.ice_joules == 0


def test_frozen_lining_holds_the_air_below_eight_degrees_for_hours_and_a_dry_one_does_not() -> None:
    start = Heat(4.0, 4.0, 0.5, frozen_ice(ILR, 1), compressor_on=False)
    cut = ROOM._replace(mains_on=False)
    lined = play(ILR, start, cut, minutes=8 * 60)
    assert max(heat.air_celsius for heat in lined) < 8.0
    dry = msgspec.structs.replace(ILR, ice_kilograms=0.3)
    bare = play(dry, start._replace(ice_joules=frozen_ice(dry, 1)), cut, minutes=8 * 60)
    assert bare[-1].air_celsius > 10.0


@settings(max_examples=20)
@given(st.floats(22, 43))
def test_a_healthy_refrigerator_stays_in_range_in_any_room(ambient: float) -> None:
    start = Heat(4.0, 4.0, 0.0, frozen_ice(ILR, 1), compressor_on=False)
    day = play(ILR, start, ROOM._replace(ambient_celsius=ambient), minutes=600)
    assert all(2.0 <= heat.air_celsius <= 8.0 for heat in day)
    assert any(heat.compressor_on for heat in day)
    assert not all(heat.compressor_on for heat in day[60:])


def test_a_stuck_thermostat_freezes_the_cabinet() -> None:
    start = Heat(4.0, 4.0, 0.0, frozen_ice(ILR, 1), compressor_on=False)
    story = play(ILR, start, ROOM._replace(stuck_on=True), minutes=8 * 60)
    assert story[-1].air_celsius < -2.0
