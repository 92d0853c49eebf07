from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.multiply import multiplied
from firmware_sim.scenario import load_scenario
from sheetal.contracts.topics import IDENTIFIER, SENSOR_IDENTIFIER
from tests.firmware_sim.given import DISTRICT, scenario_of

DISTRICT_SCENARIO = load_scenario(DISTRICT)


@given(st.integers(1, 300))
def test_there_are_exactly_as_many_appliances_as_asked_for_and_all_differ(wanted: int) -> None:
    scenario = multiplied(DISTRICT_SCENARIO, wanted)
    assert len(scenario.appliances) == wanted
    assert len({one.serial for one in scenario.appliances}) == wanted
    assert len({one.appliance for one in scenario.appliances}) == wanted
    gateways = [hub.gateway for hub in scenario.hubs]
    assert len(set(gateways)) == len(gateways)
    assert all(hub.appliances for hub in scenario.hubs)


def test_copies_are_like_their_model_and_named_after_it() -> None:
    twice = multiplied(DISTRICT_SCENARIO, 48)
    first, again = twice.hubs[0], twice.hubs[6]
    assert (first.gateway, again.gateway) == ("gw-01-0001", "gw-01-0002")
    assert first.appliances[0].serial == "ILR-101-1-0001"
    assert first.appliances[0].faults == again.appliances[0].faults == DISTRICT_SCENARIO.appliances[0].faults
    assert [hub.protocol for hub in twice.hubs[:6]] == [hub.protocol for hub in DISTRICT_SCENARIO.hubs]


def test_every_name_of_the_largest_load_fits_the_wire() -> None:
    scenario = multiplied(scenario_of("load"), 10_000)
    assert len(scenario.appliances) == 10_000
    assert len(scenario.hubs) == 500
    assert all(IDENTIFIER.fullmatch(hub.gateway) for hub in scenario.hubs)
    assert all(SENSOR_IDENTIFIER.fullmatch(hub.sensor(one)) for hub in scenario.hubs for one in hub.appliances)
