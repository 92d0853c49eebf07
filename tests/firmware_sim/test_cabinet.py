from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.cabinet import (
    ICE_FUSION_JOULES_PER_KILOGRAM,
    STEP_SECONDS,
    WATER_JOULES_PER_KILOGRAM_KELVIN,
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
def test_an_open_door_moves_the_air_towards_the_room_and_by_no_more_than_the_difference(heat: Heat) -> None:
    closed = step(ILR, THERMOSTAT, heat, ROOM).heat.air_celsius
    opened = step(ILR, THERMOSTAT, heat, ROOM._replace(door_open=True)).heat.air_celsius
    difference = ROOM.ambient_celsius - heat.air_celsius
    assert min(0.0, difference) - 1e-9 <= opened - closed <= max(0.0, difference) + 1e-9
    assert opened != closed or abs(difference) < 1e-6


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


def hours_until(cabinet: Cabinet, start: Heat, surroundings: Surroundings, celsius: float) -> float:
    heat, hours = start, 0.0
    while heat.air_celsius < celsius and hours < 200:
        heat, hours = step(cabinet, THERMOSTAT, heat, surroundings).heat, hours + STEP_SECONDS / 3_600
    return hours


def melting_celsius(cabinet: Cabinet, ambient: float) -> float:
    """Where the air stands still while the lining melts: as much leaks in as plate and lining carry on to the ice."""
    to_ice = 1 / (1 / cabinet.plate_watts_per_kelvin + 1 / cabinet.ice_watts_per_kelvin)
    return ambient * cabinet.leak_watts_per_kelvin / (cabinet.leak_watts_per_kelvin + to_ice)


@pytest.mark.parametrize("ambient", [18, 25, 31])
@pytest.mark.parametrize("kilograms", [1, 2, 4])
def test_holdover_is_what_the_ice_can_take_up_at_the_rate_at_which_heat_leaks_in(ambient: int, kilograms: int) -> None:
    cabinet = msgspec.structs.replace(ILR, ice_kilograms=kilograms)
    still = melting_celsius(cabinet, ambient)
    assert still < 8
    start = Heat(still, still, still / 2, frozen_ice(cabinet, 1), compressor_on=False)
    hours = hours_until(cabinet, start, ROOM._replace(ambient_celsius=ambient, mains_on=False), 8.0)
    melting = -start.ice_joules / (cabinet.leak_watts_per_kelvin * (ambient - still)) / 3_600
    warm = Heat(8.0, 8.0, 8.0, 8.0 * kilograms * WATER_JOULES_PER_KILOGRAM_KELVIN, compressor_on=False)
    afterwards = stored_joules(cabinet, warm) / (cabinet.leak_watts_per_kelvin * (ambient - 8)) / 3_600
    assert melting < hours < melting + afterwards, "once the ice has melted, water and load still have to warm"


def test_where_more_leaks_in_than_the_lining_can_carry_the_ice_does_not_help() -> None:
    assert melting_celsius(ILR, 43) > 8
    start = Heat(4.0, 4.0, 0.5, frozen_ice(ILR, 1), compressor_on=False)
    assert hours_until(ILR, start, ROOM._replace(ambient_celsius=43, mains_on=False), 8.0) < 4


def test_twice_the_ice_holds_nearly_twice_as_long_and_a_hotter_room_shorter() -> None:
    def hours(kilograms: float, ambient: float) -> float:
        cabinet = msgspec.structs.replace(ILR, ice_kilograms=kilograms)
        start = Heat(4.0, 4.0, 0.5, frozen_ice(cabinet, 1), compressor_on=False)
        return hours_until(cabinet, start, ROOM._replace(ambient_celsius=ambient, mains_on=False), 8.0)

    assert 1.5 < hours(4, 30) / hours(2, 30) < 2.1
    assert hours(4, 43) < hours(4, 30) < hours(4, 22)


def test_over_a_day_the_heat_that_came_in_is_the_heat_that_is_there() -> None:
    heat = Heat(4.0, 4.0, 0.0, frozen_ice(ILR, 1), compressor_on=False)
    begun, entered = stored_joules(ILR, heat), 0.0
    for number in range(86_400 // STEP_SECONDS):
        hour = number * STEP_SECONDS / 3_600
        around = Surroundings(29 + 4 * math.cos(hour / 12 * math.pi), 6 < hour < 20, number % 97 == 0, stuck_on=False)
        after = step(ILR, THERMOSTAT, heat, around)
        heat, entered = after.heat, entered + after.joules_in
    assert math.isclose(stored_joules(ILR, heat) - begun, entered, rel_tol=1e-6, abs_tol=1.0)


def test_a_compressor_runs_longer_in_a_hotter_room() -> None:
    def share(ambient: float) -> float:
        start = Heat(4.0, 4.0, 0.0, frozen_ice(ILR, 1), compressor_on=False)
        day = play(ILR, start, ROOM._replace(ambient_celsius=ambient), minutes=1_440)
        return sum(heat.compressor_on for heat in day) / len(day)

    assert 0.02 < share(20) < share(30) < share(43) < 0.9


@given(st.floats(-5, 15), st.floats(-5, 15))
def test_the_load_follows_the_air_and_lags_behind_it(air: float, load: float) -> None:
    heat = Heat(air, load, air, 0.0, compressor_on=False)
    after = step(ILR, None, heat, ROOM._replace(mains_on=False)).heat
    assert abs(after.load_celsius - load) <= abs(air - load)
    assert (after.load_celsius - load) * (air - load) >= 0


@pytest.mark.parametrize("kind", list(Kind))
def test_a_step_is_short_enough_for_every_cabinet(kind: Kind) -> None:
    """An explicit step is stable while it is shorter than each mass's capacity over all its conductances."""
    made = CABINETS[kind]
    air = made.leak_watts_per_kelvin + made.door_watts_per_kelvin + made.load_watts_per_kelvin
    masses = [
        (made.air_joules_per_kelvin, air + made.plate_watts_per_kelvin),
        (made.load_joules_per_kelvin, made.load_watts_per_kelvin),
        (
            made.plate_joules_per_kelvin,
            made.plate_watts_per_kelvin + made.ice_watts_per_kelvin + made.cooling_watts_per_kelvin,
        ),
    ]
    assert all(STEP_SECONDS * conductance < capacity / 2 for capacity, conductance in masses)
