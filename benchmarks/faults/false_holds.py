"""Healthy days: nothing that happens in an ordinary cold chain may close the gate of good stock.

Each world has twenty appliances of all kinds for five simulated days, with what is ordinary in them: doors, hot and
cool rooms, mains cuts shorter than the cold lasts, probes that fail for a while or say one absurd value, loggers that
restart, rows that come late, twice and in the wrong order, stock that is moved and split. The simulator's truth decides
that the days were healthy: an appliance whose cabinet did reach a rule is played again without its mains cuts.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cabinets import DAY_MINUTES, INTERVALS_SECONDS, KINDS, STARTED_MS, Story, play, truths
from benchmarks.faults.judged_world import JudgedWorld, empty_stores, hush, kept_in, products
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.kinds import Kind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, Measure
from sheetal.contracts.verdict import HOLDING
from sheetal.thermal.runs import CAP_INTERVALS, find_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cabinets import Moment
    from benchmarks.faults.judged_world import Probes
    from sheetal.contracts.reading import Reading

DAYS = 5
APPLIANCES = 20
WORLD = DAYS * APPLIANCES
WORLDS_AT_ONCE = 4
FULL = 10_000
GROUP = WORLD * WORLDS_AT_ONCE
WORKERS = 2
HOW = (
    "simulated appliance-days (ice-lined refrigerators, deep freezers, walk-in coolers; 60 to 900 s) of ordinary life: "
    "doors, mains cuts within holdover, failing and lying probes, restarts, late, doubled and shuffled rows, moves and "
    "splits; the evaluator's own functions over real stores, a fresh world for each 100; no holding held, each one "
    "judged at last as it stands"
)
STEP_MS = 6 * HOUR_MS
SHARE_LATE, SHARE_DOUBLED, SHARE_MOVED, SHARE_SPLIT, SHARE_TROUBLED = 0.2, 0.2, 0.15, 0.15, 0.5
HALF_MS_PER_MINUTE = 2 * MINUTE_MS


class Unit(NamedTuple):
    """An appliance with its story told, the stock in it, and how its rows travel."""

    story: Story
    moments: list[Moment]
    probes: Probes
    label: str
    is_late: bool
    is_doubled: bool


def run(first: int, count: int) -> int:
    """Appliance-days number `first` and on, in worlds of a hundred; how many holdings were held or not well judged."""
    worlds = [(first + done, min(WORLD, count - done)) for done in range(0, count, WORLD)]
    empty_stores()
    with ProcessPoolExecutor(min(WORKERS, len(worlds)), initializer=hush) as pool:
        found = list(pool.map(wrongs_of, *zip(*worlds, strict=True)))
    for (number, days), wrongs in zip(worlds, found, strict=True):
        print(f"  seed {number}: {days} appliance-days, {len(wrongs)} wrong {wrongs[:3] or ''}", flush=True)
    return sum(len(wrongs) for wrongs in found)


def wrongs_of(number: int, appliance_days: int) -> list[str]:
    """Play one world; what was held, or not judged by all that is known of it."""
    rng = Random(f"healthy world {number}")
    with JudgedWorld(STARTED_MS) as world:
        units = [_unit(world, rng, f"{number}-{place}") for place in range(max(1, appliance_days // DAYS))]
        for step in range(1, DAYS * DAY_MS // STEP_MS + 1):
            now_ms = STARTED_MS + step * STEP_MS
            for unit in units:
                for delivery in _deliveries(world, unit, now_ms, rng):
                    world.store(delivery)
            _act(world, units, rng, now_ms)
            world.drain(now_ms)
        end_ms = STARTED_MS + DAYS * DAY_MS + 2 * STEP_MS
        for unit in units:
            world.store(world.rows(unit.probes, [one for one in unit.moments if unit.is_late]))
        world.drain(end_ms)
        return [wrong for label in world.labels() for wrong in _wrongs_of_holding(world, label, end_ms)]


def story_of(rng: Random, seed: str) -> tuple[Story, list[Moment]]:
    """Five ordinary days of one appliance; no cabinet in it reaches a rule of its stock, by the truth."""
    story = Story(
        seed=seed,
        kind=rng.choice(KINDS),
        interval_seconds=rng.choice(INTERVALS_SECONDS),
        minutes=DAYS * DAY_MINUTES,
        is_second_probe=rng.random() < SHARE_TROUBLED,
        room_celsius=rng.uniform(18.0, 34.0),
    )
    story = story._replace(faults=tuple(_troubles(rng, story)))
    while True:
        moments = play(story)
        if not _is_harmed(story, moments):
            return story, moments
        kept = tuple(fault for fault in story.faults if fault.kind is not FaultKind.MAINS_CUT)
        if kept == story.faults:
            raise RuntimeError(f"{seed} reaches a rule without any mains cut")
        story = story._replace(faults=kept)


def _troubles(rng: Random, story: Story) -> list[Fault]:
    """What befalls an ordinary appliance in five days."""
    if rng.random() > SHARE_TROUBLED:
        return []

    def sometime() -> float:
        return rng.uniform(60, story.minutes - 60)

    found = [
        Fault(kind=kind, begins_minutes_before_now=sometime(), lasts_minutes=rng.uniform(2, most))
        for kind, most in (
            (FaultKind.MAINS_CUT, 90),
            (FaultKind.MAINS_CUT, 30),
            (FaultKind.CRC_ERROR, 10),
            (FaultKind.OPEN_CIRCUIT, 120),
            (FaultKind.REBOOT, 60),
            (FaultKind.PROBE_STUCK, 300),
        )
        if rng.random() < SHARE_TROUBLED
    ]
    absurd = rng.choice((60.0, 25.0, 12.5))
    spike = Fault(
        kind=FaultKind.SPIKE,
        begins_minutes_before_now=sometime(),
        lasts_minutes=story.interval_seconds / 60,
        celsius=absurd,
    )
    return [*found, spike]


def _is_harmed(story: Story, moments: Sequence[Moment]) -> bool:
    """Whether the cabinet itself may have reached a rule of any product that stands in such an appliance."""
    cap_ms = CAP_INTERVALS * story.interval_seconds * 1_000
    rules = [rule for product in kept_in(story.kind) for rule in products()[product].hold_rules]
    return any(
        run.possible_half_ms >= rule.minutes * HALF_MS_PER_MINUTE
        for rule in rules
        if rule.measure is Measure.RUN and rule.stage in {None, products()[kept_in(story.kind)[0]].stage}
        for run in find_runs("truth", truths(moments), rule, cap_ms)
    )


def _unit(world: JudgedWorld, rng: Random, name: str) -> Unit:
    story, moments = story_of(rng, name)
    appliance = f"A-{name}"
    probes = world.add_appliance(appliance, story.kind, story.interval_seconds, 1 + story.is_second_probe)
    label = f"H-{name}"
    world.receive(label, rng.choice(kept_in(story.kind)), appliance, STARTED_MS)
    return Unit(story, moments, probes, label, rng.random() < SHARE_LATE, rng.random() < SHARE_DOUBLED)


def _deliveries(world: JudgedWorld, unit: Unit, now_ms: int, rng: Random) -> list[list[Reading]]:
    """What arrives of an appliance in one step: in order, in pieces and shuffled, or nothing until the end."""
    if unit.is_late:
        return []
    rows = world.rows(unit.probes, [one for one in unit.moments if now_ms - STEP_MS < one.at_ms <= now_ms])
    if not unit.is_doubled:
        return [rows]
    pieces = [rows[start : start + 40] for start in range(0, len(rows), 40)]
    again = rng.sample(pieces, len(pieces) // 3)
    return rng.sample([*pieces, *again], len(pieces) + len(again))


def _act(world: JudgedWorld, units: Sequence[Unit], rng: Random, now_ms: int) -> None:
    """Stock is carried about and split, between appliances of one kind."""
    for unit in units:
        others = [one for one in units if _is_alike(one.story.kind, unit.story.kind)]
        to = rng.choice(others).probes.appliance
        if rng.random() < SHARE_MOVED / DAYS:
            world.move(unit.label, to, now_ms - HOUR_MS, now_ms)
        if rng.random() < SHARE_SPLIT / DAYS:
            world.split(unit.label, f"{unit.label}-{now_ms // HOUR_MS}", to, now_ms, now_ms)


def _is_alike(one: Kind, other: Kind) -> bool:
    return (one is Kind.DEEP_FREEZER) == (other is Kind.DEEP_FREEZER)


def _wrongs_of_holding(world: JudgedWorld, label: str, now_ms: int) -> list[str]:
    """A gate that closed, a verdict that holds, or one that was found by nothing."""
    wrongs = [] if world.is_usable(label) else [f"{label} is held"]
    verdicts = world.verdicts(label)
    wrongs += [f"{label} was found {one.finding.value}" for one in verdicts if one.finding in HOLDING][:1]
    now = world.judged_now(label, now_ms)
    if not verdicts or verdicts[0].finding is not now.finding:
        wrongs.append(f"{label} is not judged as it stands")
    if sum(stay.readings for stay in now.stays) == 0:
        wrongs.append(f"{label} was judged without readings")
    return wrongs
