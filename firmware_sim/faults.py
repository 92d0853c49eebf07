"""What can go wrong, as pure functions of the minutes until the simulated clock reaches the present.

Faults of the appliance and the room change what acts on the cabinet; faults of the probe change only what is reported.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from firmware_sim.cabinet import Surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence


class FaultKind(StrEnum):
    """The faults a scenario may plan."""

    THERMOSTAT_STUCK_ON = "thermostat_stuck_on"
    MAINS_CUT = "mains_cut"
    DOOR_OPEN = "door_open"
    OPEN_CIRCUIT = "open_circuit"
    PROBE_STUCK = "probe_stuck"
    SPIKE = "spike"


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One planned fault; without `lasts_minutes` it never ends.

    `celsius` is what a spiking or stuck probe reports.
    """

    kind: FaultKind
    begins_minutes_before_now: float
    lasts_minutes: float | None = None
    celsius: float | None = None

    def active(self, minutes_to_now: float) -> bool:
        """Whether the fault is on at an instant; `minutes_to_now` is negative once the present has passed."""
        elapsed = self.begins_minutes_before_now - minutes_to_now
        return elapsed >= 0 and (self.lasts_minutes is None or elapsed < self.lasts_minutes)


def is_active(faults: Sequence[Fault], kind: FaultKind, minutes_to_now: float) -> bool:
    """Whether any fault of this kind is on."""
    return any(fault.kind is kind and fault.active(minutes_to_now) for fault in faults)


def surroundings(
    faults: Sequence[Fault],
    minutes_to_now: float,
    ambient_celsius: float,
    *,
    routine_door_open: bool,
) -> Surroundings:
    """What acts on the cabinet, with the planned faults laid over ordinary use."""
    return Surroundings(
        ambient_celsius=ambient_celsius,
        mains_on=not is_active(faults, FaultKind.MAINS_CUT, minutes_to_now),
        door_open=routine_door_open or is_active(faults, FaultKind.DOOR_OPEN, minutes_to_now),
        stuck_on=is_active(faults, FaultKind.THERMOSTAT_STUCK_ON, minutes_to_now),
    )


def reported_celsius(faults: Sequence[Fault], minutes_to_now: float, measured_celsius: float) -> float | None:
    """What the probe says; None for an open circuit."""
    for fault in faults:
        if not fault.active(minutes_to_now):
            continue
        if fault.kind is FaultKind.OPEN_CIRCUIT:
            return None
        if fault.kind in {FaultKind.SPIKE, FaultKind.PROBE_STUCK} and fault.celsius is not None:
            return fault.celsius
    return measured_celsius
