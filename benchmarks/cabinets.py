"""Simulated appliances for long stretches of days: the cabinet's truth and what its logger said, sample by sample.

Each is made from a seed: kind, size, thermostat, room and doors differ, so that a thousand of them are a thousand
appliances and not one. What goes wrong in it is given.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from firmware_sim.appliance import Appliance
from firmware_sim.cabinet import Thermostat
from firmware_sim.kinds import CABINETS, Kind
from firmware_sim.scenario import Ambient, ApplianceSpec, ExtraProbe, Place
from sheetal.contracts.limits import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware_sim.faults import Fault

STARTED_MS = 1_790_000_000_000 - 1_790_000_000_000 % DAY_MS
DAY_MINUTES = DAY_MS // MINUTE_MS
WARMER_CORNER_CELSIUS = 0.4
KINDS = (Kind.ILR,) * 6 + (Kind.DEEP_FREEZER,) * 2 + (Kind.WALK_IN_COOLER,)
"""The mix of a district's cold chain, roughly: for every walk-in cooler there are many small appliances."""
INTERVALS_SECONDS = (60, 300, 600, 900)
"""A chatty probe's, a Fridge-tag 2 L's, a shipment logger's, and a DS01 record's."""


class Story(NamedTuple):
    """What is played: whose appliance it is, how often it records, for how long, and what goes wrong.

    Its faults say their minutes before the end of the story. `is_second_probe` hangs one more in a warmer corner.
    """

    seed: str
    kind: Kind
    interval_seconds: int
    minutes: int
    faults: tuple[Fault, ...] = ()
    constants: tuple[tuple[str, float], ...] = ()
    room_celsius: float | None = None
    is_second_probe: bool = False


class Moment(NamedTuple):
    """One record: when, the cabinet's true temperature and what each probe said of it, None where it said nothing."""

    at_ms: int
    true_centi_celsius: int
    said_centi_celsius: tuple[int | None, ...]


def play(story: Story, started_ms: int = STARTED_MS) -> list[Moment]:
    """Every record of a story, the first one interval after `started_ms`; what a restarting logger misses is absent."""
    rng = Random(story.seed)
    appliance = Appliance(_spec(story, rng), _room(story, rng), rng.randrange(2**31), story.interval_seconds)
    step_ms = story.interval_seconds * 1_000
    moments: list[Moment] = []
    for at_ms in range(started_ms + step_ms, started_ms + story.minutes * MINUTE_MS + 1, step_ms):
        left = story.minutes - (at_ms - started_ms) / MINUTE_MS
        sample = appliance.advance(at_ms, left)
        if sample.recorded:
            said = tuple(None if one.celsius is None else round(100 * one.celsius) for one in sample.probes)
            moments.append(Moment(at_ms, round(100 * sample.true_celsius), said))
    return moments


def _room(story: Story, rng: Random) -> Ambient:
    """A room between a cool hill station and a hot shed, warmest at some hour of the day."""
    mean = rng.uniform(18.0, 36.0) if story.room_celsius is None else story.room_celsius
    return Ambient(
        mean_celsius=mean,
        swing_celsius=rng.uniform(1.0, 6.0),
        warmest_minutes_before_now=rng.uniform(0, DAY_MINUTES),
    )


def _spec(story: Story, rng: Random) -> ApplianceSpec:
    second = ExtraProbe(probe="top", field="TVC2", place=Place.LOAD, offset_celsius=WARMER_CORNER_CELSIUS)
    return ApplianceSpec(
        serial=story.seed,
        appliance=story.seed,
        kind=story.kind,
        name=story.seed,
        model="simulated",
        field="TFRZ" if story.kind is Kind.DEEP_FREEZER else "TVC",
        probe="tvc",
        thermostat=_thermostat(story.kind, rng),
        constants={**_sizes(story.kind, rng), **dict(story.constants)},
        doors_per_day=rng.randrange(2, 16),
        fresh_ice_every_minutes=DAY_MINUTES if story.kind is Kind.CARRIER else None,
        faults=list(story.faults),
        extra_probes=[second] if story.is_second_probe else [],
    )


def _thermostat(kind: Kind, rng: Random) -> Thermostat | None:
    if kind is Kind.CARRIER:
        return None
    middle = rng.uniform(-21.5, -19.5) if kind is Kind.DEEP_FREEZER else rng.uniform(3.8, 5.0)
    half = rng.uniform(0.5, 1.2)
    return Thermostat(on_above_celsius=middle + half, off_below_celsius=middle - half)


def _sizes(kind: Kind, rng: Random) -> dict[str, float]:
    """Another load and another insulation for each."""
    typical = CABINETS[kind]
    return {
        "load_joules_per_kelvin": typical.load_joules_per_kelvin * rng.uniform(0.3, 2.0),
        "leak_watts_per_kelvin": typical.leak_watts_per_kelvin * rng.uniform(0.8, 1.2),
    }


def truths(moments: Sequence[Moment]) -> list[tuple[int, int]]:
    """The cabinet's own temperatures."""
    return [(moment.at_ms, moment.true_centi_celsius) for moment in moments]


def said(moments: Sequence[Moment], probe: int = 0) -> list[tuple[int, int]]:
    """What one probe said, faults left out."""
    told = ((moment.at_ms, moment.said_centi_celsius[probe]) for moment in moments)
    return [(at_ms, value) for at_ms, value in told if value is not None]
