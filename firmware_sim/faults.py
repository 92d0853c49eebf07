"""What can go wrong, as pure functions of the minutes until the simulated clock reaches the present.

Faults of the appliance and the room change what acts on the cabinet; faults of the probe change only what is reported;
faults of the logger change when it records and what its clock says (`logger_clock`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from firmware_sim.cabinet import Surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTES_PER_HOUR = 60


class FaultKind(StrEnum):
    """The faults a scenario may plan.

    `clock_off`, `clock_1970` and `clock_absent` spoil a logger's absolute time only. In a `reboot` the logger is off
    and begins its relative time anew; in a `brown_out` it is off and goes on, but says that its clock restarted.
    """

    THERMOSTAT_STUCK_ON = "thermostat_stuck_on"
    MAINS_CUT = "mains_cut"
    DOOR_OPEN = "door_open"
    OPEN_CIRCUIT = "open_circuit"
    SHORT_CIRCUIT = "short_circuit"
    CRC_ERROR = "crc_error"
    PROBE_STUCK = "probe_stuck"
    DRIFT = "drift"
    SPIKE = "spike"
    CLOCK_OFF = "clock_off"
    CLOCK_1970 = "clock_1970"
    CLOCK_ABSENT = "clock_absent"
    REBOOT = "reboot"
    BROWN_OUT = "brown_out"


class Trouble(StrEnum):
    """Why a probe says no temperature."""

    OPEN_CIRCUIT = "open_circuit"
    SHORT_CIRCUIT = "short_circuit"
    CRC_ERROR = "crc_error"
    POWER_ON = "power_on"


_TROUBLES = {
    FaultKind.OPEN_CIRCUIT: Trouble.OPEN_CIRCUIT,
    FaultKind.SHORT_CIRCUIT: Trouble.SHORT_CIRCUIT,
    FaultKind.CRC_ERROR: Trouble.CRC_ERROR,
}
_LOGGER_OFF = (FaultKind.REBOOT, FaultKind.BROWN_OUT)
PROBE_FAULTS = frozenset({*_TROUBLES, FaultKind.PROBE_STUCK, FaultKind.DRIFT, FaultKind.SPIKE})
"""The only ones that an extra probe may have of its own."""

_NEEDS = {
    FaultKind.SPIKE: "celsius",
    FaultKind.DRIFT: "celsius_per_hour",
    FaultKind.CLOCK_OFF: "off_seconds",
    FaultKind.REBOOT: "lasts_minutes",
    FaultKind.BROWN_OUT: "lasts_minutes",
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One planned fault; without `lasts_minutes` it never ends.

    `celsius` is what a spiking or stuck probe reports; a stuck one without it repeats the last value it said.
    `celsius_per_hour` is how fast a probe drifts, `off_seconds` how far a logger's clock is ahead (negative: behind).
    """

    kind: FaultKind
    begins_minutes_before_now: float
    lasts_minutes: float | None = None
    celsius: float | None = None
    celsius_per_hour: float | None = None
    off_seconds: int | None = None

    def active(self, minutes_to_now: float) -> bool:
        """Whether the fault is on at an instant; `minutes_to_now` is negative once the present has passed."""
        elapsed = self.begins_minutes_before_now - minutes_to_now
        return elapsed >= 0 and (self.lasts_minutes is None or elapsed < self.lasts_minutes)

    def missing(self) -> str | None:
        """The key that a fault of this kind cannot do without, if it is missing."""
        needed = _NEEDS.get(self.kind)
        return needed if needed and getattr(self, needed) is None else None


def is_active(faults: Sequence[Fault], kind: FaultKind, minutes_to_now: float) -> bool:
    """Whether any fault of this kind is on."""
    return any(fault.kind is kind and fault.active(minutes_to_now) for fault in faults)


def active_kinds(faults: Sequence[Fault], minutes_to_now: float) -> tuple[str, ...]:
    """The names of all faults that are on, each once, in the order of the alphabet."""
    return tuple(sorted({fault.kind.value for fault in faults if fault.active(minutes_to_now)}))


def surroundings(
    faults: Sequence[Fault],
    minutes_to_now: float,
    ambient_celsius: float,
    *,
    routine_door_open: bool,
) -> Surroundings:
    """What acts on the cabinet, with the planned faults laid over ordinary use."""
    if not faults:
        # Nearly every appliance of a large load, six times a minute.
        return Surroundings(ambient_celsius, mains_on=True, door_open=routine_door_open, stuck_on=False)
    return Surroundings(
        ambient_celsius=ambient_celsius,
        mains_on=not is_active(faults, FaultKind.MAINS_CUT, minutes_to_now),
        door_open=routine_door_open or is_active(faults, FaultKind.DOOR_OPEN, minutes_to_now),
        stuck_on=is_active(faults, FaultKind.THERMOSTAT_STUCK_ON, minutes_to_now),
    )


def is_logger_off(faults: Sequence[Fault], minutes_to_now: float) -> bool:
    """Whether the logger is just restarting and records nothing."""
    return any(is_active(faults, kind, minutes_to_now) for kind in _LOGGER_OFF)


def trouble(faults: Sequence[Fault], minutes_to_now: float) -> Trouble | None:
    """Why the probe says no temperature; None when it says one, true or not."""
    for fault in faults:
        if fault.kind in _TROUBLES and fault.active(minutes_to_now):
            return _TROUBLES[fault.kind]
    return None


def reported_celsius(
    faults: Sequence[Fault],
    minutes_to_now: float,
    measured_celsius: float,
    last_celsius: float | None = None,
) -> float | None:
    """What the probe says; None where it is in trouble. `last_celsius` is what it said before."""
    if trouble(faults, minutes_to_now):
        return None
    told = measured_celsius
    for fault in faults:
        if not fault.active(minutes_to_now):
            continue
        if fault.kind is FaultKind.SPIKE and fault.celsius is not None:
            return fault.celsius
        if fault.kind is FaultKind.PROBE_STUCK:
            return next((one for one in (fault.celsius, last_celsius) if one is not None), told)
        if fault.kind is FaultKind.DRIFT:
            told += _drifted_celsius(fault, minutes_to_now)
    return told


def _drifted_celsius(fault: Fault, minutes_to_now: float) -> float:
    return (fault.celsius_per_hour or 0.0) * (fault.begins_minutes_before_now - minutes_to_now) / MINUTES_PER_HOUR
