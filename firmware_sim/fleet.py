"""Many appliances in one process, played in the order of simulated time (pure).

Ten thousand of them at a record a minute run some eighty times faster than real time on one core, encoding and truth
log included (`sim.appliances_realtime_ratio` in docs/figures.md); what their hubs remember is bounded by the
scenario's `backlog_minutes`.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from firmware_sim.appliance import Appliance, Logger, Sample
from firmware_sim.clock_plan import SECOND_MS, ClockPlan
from firmware_sim.scenario import HubProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firmware_sim.scenario import ApplianceSpec, Scenario


class Produced(NamedTuple):
    """One record and where it belongs; `hub` is the position of its hub in the scenario."""

    hub: int
    spec: ApplianceSpec
    sample: Sample


class Fleet:
    """All appliances of a scenario; their records are spread over the interval, on whole seconds."""

    def __init__(self, scenario: Scenario, plan: ClockPlan, seed: int) -> None:
        self._plan = plan
        self._interval_ms = scenario.interval_seconds * SECOND_MS
        self._members = [
            (number, spec, Appliance(spec, scenario.ambient, seed, scenario.interval_seconds, logger))
            for number, hub in enumerate(scenario.hubs)
            for logger in [Logger(plan.first_ms, one_wire=hub.protocol is HubProtocol.ONE_WIRE)]
            for spec in hub.appliances
        ]
        self._due = [(plan.first_ms + self._phase_ms(position), position) for position in range(len(self._members))]
        heapq.heapify(self._due)

    def produce_until(self, simulated_ms: int) -> Iterator[Produced]:
        """Every record that is due at or before an instant and was not yet given, oldest first."""
        while self._due and self._due[0][0] <= simulated_ms:
            at_ms, position = self._due[0]
            hub, spec, appliance = self._members[position]
            yield Produced(hub, spec, appliance.advance(at_ms, self._plan.minutes_to_now(at_ms)))
            heapq.heapreplace(self._due, (at_ms + self._interval_ms, position))

    def _phase_ms(self, position: int) -> int:
        return position * self._interval_ms // len(self._members) // SECOND_MS * SECOND_MS
