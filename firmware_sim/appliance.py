"""One appliance with its built-in logger: physics, ordinary use, planned faults, and a record each interval (pure).

Everything depends on the seed and on the minutes before now, never on the wall clock: two runs with one seed tell the
same story, whenever they are started.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, NamedTuple

from firmware_sim.cabinet import STEP_SECONDS, Heat, Surroundings, frozen_ice, step
from firmware_sim.faults import active_kinds, is_logger_off, surroundings
from firmware_sim.logger_alarms import AlarmMinutes
from firmware_sim.logger_clock import Instant, LoggerClock, logger_clock
from firmware_sim.probe import Probe, Report
from firmware_sim.scenario import Place

if TYPE_CHECKING:
    from firmware_sim.scenario import Ambient, ApplianceSpec

DAY_MINUTES = 1_440.0

DOOR_SECONDS_MIN = 15
DOOR_SECONDS_MAX = 40
BATTERY_DAYS_MAX = 14.0
PLATE_BELOW_AIR_CELSIUS = 4.0


class Logger(NamedTuple):
    """The device that records: when it was first started, and whether its probes sit on a 1-Wire bus."""

    started_ms: int = 0
    one_wire: bool = False


STANDALONE = Logger()


class Sample(NamedTuple):
    """One record of the logger, with the truth beside it; temperatures in °C, compressor in minutes.

    `reported_celsius` is what the probe says in steps of 0.1 °C (1/16 °C on a 1-Wire bus), None where it says no
    temperature; `probes` holds the same of every probe, the first one first. `door_open` and `mains_on` are as at the
    instant itself. While the logger restarts nothing is `recorded`. `faults` names what was wrong just then.
    """

    at_ms: int
    true_celsius: float
    reported_celsius: float | None
    ambient_celsius: float
    compressor_minutes: float
    door_seconds: int
    mains_seconds: int
    holdover_days: float
    battery_days: float
    alarms: tuple[str, ...]
    clock: LoggerClock
    probes: tuple[Report, ...] = ()
    door_open: bool = False
    mains_on: bool = True
    recorded: bool = True
    sequence: int = 0
    faults: tuple[str, ...] = ()
    minutes_to_now: float = 0.0


class Appliance:
    """Made from its spec, the room's day, a seed, the interval of its records and its logger.

    `advance` gives the next record.
    """

    def __init__(
        self, spec: ApplianceSpec, ambient: Ambient, seed: int, interval_seconds: int, logger: Logger = STANDALONE
    ) -> None:
        self.spec = spec
        self.cabinet = spec.cabinet
        self.heat = _settled(spec)
        self._ambient = ambient
        self._seed = seed
        self._interval_seconds = interval_seconds
        self._logger = logger
        seeds = [f"{seed}/{spec.serial}/noise", *(f"{seed}/{spec.serial}/{one.probe}" for one in spec.extra_probes)]
        faults = [spec.faults, *(one.faults for one in spec.extra_probes)]
        self._probes = [Probe(*made, one_wire=logger.one_wire) for made in zip(faults, seeds, strict=True)]
        self._sequence = 0
        self._was_off = False
        self._doors: dict[int, list[tuple[float, float]]] = {}
        self._battery_days = BATTERY_DAYS_MAX
        self._alarms = AlarmMinutes(spec.field)

    def advance(self, at_ms: int, minutes_to_now: float) -> Sample:
        """The record at `at_ms`, after simulating the interval before it."""
        running = door = mains = 0
        around = self._around(minutes_to_now)
        for left in range(self._interval_seconds, 0, -STEP_SECONDS):
            minutes = minutes_to_now + (left - STEP_SECONDS) / 60
            around = self._around(minutes)
            self._step(around, minutes)
            running += self.heat.compressor_on
            door += around.door_open
            mains += around.mains_on
        self._drain_battery(mains * STEP_SECONDS)
        recorded = not is_logger_off(self.spec.faults, minutes_to_now)
        probes = self._report(minutes_to_now, around.ambient_celsius, is_first=recorded and self._was_off)
        self._was_off = not recorded
        self._sequence += recorded
        return Sample(
            at_ms=at_ms,
            true_celsius=self.heat.air_celsius,
            reported_celsius=probes[0].celsius,
            ambient_celsius=round(around.ambient_celsius, 1),
            compressor_minutes=round(running * STEP_SECONDS / 60, 1),
            door_seconds=door * STEP_SECONDS,
            mains_seconds=mains * STEP_SECONDS,
            holdover_days=self._holdover_days(around.ambient_celsius),
            battery_days=round(self._battery_days, 1),
            alarms=self._alarms.count(self._interval_seconds, probes[0].celsius, door * STEP_SECONDS),
            clock=logger_clock(self.spec.faults, Instant(at_ms, minutes_to_now), self._logger.started_ms),
            probes=probes,
            door_open=around.door_open,
            mains_on=around.mains_on,
            recorded=recorded,
            sequence=self._sequence,
            faults=active_kinds(self.spec.faults, minutes_to_now),
            minutes_to_now=minutes_to_now,
        )

    def _step(self, around: Surroundings, minutes_to_now: float) -> None:
        self.heat = step(self.cabinet, self.spec.thermostat, self.heat, around).heat
        every = self.spec.fresh_ice_every_minutes
        if every and minutes_to_now % every < STEP_SECONDS / 60:
            self.heat = self.heat._replace(ice_joules=frozen_ice(self.cabinet, 1))

    def _around(self, minutes_to_now: float) -> Surroundings:
        return surroundings(
            self.spec.faults,
            minutes_to_now,
            room_celsius(self._ambient, minutes_to_now),
            routine_door_open=self._routine_door_open(minutes_to_now),
        )

    def _routine_door_open(self, minutes_to_now: float) -> bool:
        day = math.floor(minutes_to_now / DAY_MINUTES)
        if day not in self._doors:
            self._doors = {day: self._plan_doors(day)}
        return any(begins >= minutes_to_now > ends for begins, ends in self._doors[day])

    def _plan_doors(self, day: int) -> list[tuple[float, float]]:
        chance = random.Random(f"{self._seed}/{self.spec.serial}/doors/{day}")  # noqa: S311 a story, not a secret
        begins = [(day + chance.random()) * DAY_MINUTES for _ in range(self.spec.doors_per_day)]
        return [(start, start - chance.uniform(DOOR_SECONDS_MIN, DOOR_SECONDS_MAX) / 60) for start in begins]

    def _report(self, minutes_to_now: float, ambient_celsius: float, *, is_first: bool) -> tuple[Report, ...]:
        places = {
            Place.AIR: self.heat.air_celsius,
            Place.LOAD: self.heat.load_celsius,
            Place.PLATE: self.heat.plate_celsius,
            Place.AMBIENT: ambient_celsius,
        }
        truths = [self.heat.air_celsius, *(places[one.place] + one.offset_celsius for one in self.spec.extra_probes)]
        return tuple(
            probe.report(minutes_to_now, truth, is_first=is_first)
            for probe, truth in zip(self._probes, truths, strict=True)
        )

    def _drain_battery(self, mains_seconds: int) -> None:
        without = self._interval_seconds - mains_seconds
        charged = self._battery_days + 2 * mains_seconds / 86_400 - without / 86_400
        self._battery_days = min(BATTERY_DAYS_MAX, max(0.0, charged))

    def _holdover_days(self, ambient_celsius: float) -> float:
        watts = self.cabinet.leak_watts_per_kelvin * max(1.0, ambient_celsius - 5)
        return round(max(0.0, -self.heat.ice_joules) / watts / 86_400, 1)


def room_celsius(ambient: Ambient, minutes_to_now: float) -> float:
    """The room's temperature: warmest once a day."""
    turn = 2 * math.pi * (minutes_to_now - ambient.warmest_minutes_before_now) / DAY_MINUTES
    return ambient.mean_celsius + ambient.swing_celsius * math.cos(turn)


def _settled(spec: ApplianceSpec) -> Heat:
    """An appliance that has been running for days: the lining frozen, the air in the middle of its cycle."""
    ice = frozen_ice(spec.cabinet, 1)
    if spec.thermostat is None:
        return Heat(4.0, 4.0, 1.0, ice, compressor_on=False)
    middle = (spec.thermostat.off_below_celsius + spec.thermostat.on_above_celsius) / 2
    return Heat(middle, middle, middle - PLATE_BELOW_AIR_CELSIUS, ice, compressor_on=False)
