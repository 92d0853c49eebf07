"""One scenario's hubs repeated until there are as many appliances as a load test wants (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from firmware_sim.scenario import Hub, Scenario


def multiplied(scenario: Scenario, appliances: int) -> Scenario:
    """A scenario of exactly so many appliances: its hubs over and over, every name with the number of its round.

    The last hub may have fewer than its model; a scenario that has more than wanted is cut short.
    """
    hubs: list[Hub] = []
    left = appliances
    turn = 0
    while left > 0:
        turn += 1
        for hub in scenario.hubs:
            copy = _copy(hub, turn, left)
            left -= len(copy.appliances)
            hubs += [copy] if copy.appliances else []
    return msgspec.structs.replace(scenario, hubs=hubs)


def _copy(hub: Hub, turn: int, appliances_max: int) -> Hub:
    return msgspec.structs.replace(
        hub,
        gateway=f"{hub.gateway}-{turn:04d}",
        facility=f"{hub.facility}-{turn:04d}",
        facility_name=f"{hub.facility_name} {turn}",
        facility_name_hindi=f"{hub.facility_name_hindi} {turn}",
        appliances=[
            msgspec.structs.replace(one, serial=f"{one.serial}-{turn:04d}", appliance=f"{one.appliance}-{turn:04d}")
            for one in hub.appliances[:appliances_max]
        ],
    )
