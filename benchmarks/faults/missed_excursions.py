"""Harm that was really done: every injected excursion must hold the stock that went through it, and no other.

Each world has ten appliances. Nine fail, each in a way that brings its cabinet beyond a limit of its stock for longer
than the rule allows; the simulator's truth is asked whether it really did. Stock is there before, is split on the way,
is carried out as soon as the rule's time is full, or is carried from one failing appliance into another. Rows come in
order, a day late, the newest first, doubled or thinned. The tenth appliance is healthy, and its stock must stay usable.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cabinets import DAY_MINUTES, INTERVALS_SECONDS, STARTED_MS, Story, play, truths
from benchmarks.faults.judged_world import JudgedWorld, empty_stores, hush, kept_in, products
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.kinds import Kind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, HoldRule, Measure, Side
from sheetal.contracts.verdict import HOLDING
from sheetal.thermal.runs import CAP_INTERVALS, Limit, find_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cabinets import Moment
    from benchmarks.faults.judged_world import Probes
    from sheetal.contracts.reading import Reading
    from sheetal.contracts.verdict import Run

WORLD = 9
WORLDS_AT_ONCE = 4
FULL = 1_000
GROUP = WORLD * WORLDS_AT_ONCE
WORKERS = 2
HOW = (
    "injected into simulated cabinets (mains cut, door open, thermostat stuck on; freeze, heat and thaw of the "
    "catalogue's products; 60 to 900 s), checked by the cabinet's truth; rows in order, a day late, newest first, "
    "doubled, thinned; stock left there, split, carried out when the rule's time is full, or carried on into an "
    "appliance that fails alike; the evaluator's own functions over real stores, a fresh world for each nine; held, "
    "children too, with a compromise no later than the truth's; a healthy appliance's stock in each stays usable"
)
MARGIN_CENTI_CELSIUS = 15
"""A probe's noise and its steps of 0.1 °C: the truth must lie this far beyond the limit to be surely seen beyond it."""
STEP_MS = 3 * HOUR_MS
HALF_MS_PER_MINUTE = 2 * MINUTE_MS
WAYS = ("in order", "late", "newest first", "doubled", "thinned")
FATES = ("left", "carried out", "carried on")
THINNED_EVERY = 4
BEFORE_MINUTES = 180


class Injury(NamedTuple):
    """A way to harm stock: what breaks, for how long, what makes it happen at all, and by which side it harms."""

    fault: FaultKind
    kind: Kind
    hours: int
    side: Side
    constants: tuple[tuple[str, float], ...]


INJURIES = (
    Injury(FaultKind.THERMOSTAT_STUCK_ON, Kind.ILR, 14, Side.COLD, (("load_joules_per_kelvin", 12_000.0),)),
    Injury(FaultKind.MAINS_CUT, Kind.ILR, 20, Side.HOT, (("ice_kilograms", 0.0),)),
    Injury(FaultKind.DOOR_OPEN, Kind.ILR, 20, Side.HOT, (("door_watts_per_kelvin", 40.0),)),
    Injury(FaultKind.MAINS_CUT, Kind.WALK_IN_COOLER, 30, Side.HOT, ()),
    Injury(FaultKind.MAINS_CUT, Kind.DEEP_FREEZER, 16, Side.HOT, ()),
)


class Harm(NamedTuple):
    """What the truth says was done: by which rule, the run beyond its limit, and when its time was full."""

    rule: HoldRule
    run: Run
    full_ms: int


class Victim(NamedTuple):
    """A failing appliance, its moments and stock, how its rows travel, and what was done to the stock.

    `twin` is another appliance that fails in the same way, to which the stock is carried in the middle of its harm.
    """

    moments: list[Moment]
    probes: Probes
    label: str
    harm: Harm
    way: str
    interval_ms: int
    is_split: bool = False
    is_carried_out: bool = False
    twin: Probes | None = None


def run(first: int, count: int) -> int:
    """Excursions number `first` and on, in worlds of nine; how many were missed, or were told wrongly."""
    worlds = [(first + done, min(WORLD, count - done)) for done in range(0, count, WORLD)]
    empty_stores()
    with ProcessPoolExecutor(min(WORKERS, len(worlds)), initializer=hush) as pool:
        found = list(pool.map(wrongs_of, *zip(*worlds, strict=True)))
    for (number, excursions), wrongs in zip(worlds, found, strict=True):
        print(f"  seed {number}: {excursions} excursions, {len(wrongs)} wrong {wrongs[:3] or ''}", flush=True)
    return sum(len(wrongs) for wrongs in found)


def wrongs_of(number: int, excursions: int) -> list[str]:
    """Play one world; what was not held, held too late, or held without cause."""
    rng = Random(f"injured world {number}")
    with JudgedWorld(STARTED_MS) as world:
        refuge, calm = _healthy(world, f"{number}-refuge")
        victims = [_victim(world, rng, f"{number}-{place}") for place in range(excursions)]
        last_ms = max(victim.moments[-1].at_ms for victim in victims)
        for now_ms in range(STARTED_MS + STEP_MS, last_ms + 2 * DAY_MS, STEP_MS):
            for rows in [*_arriving(world, victims, now_ms, rng), world.rows(refuge, _between(calm, now_ms))]:
                world.store(rows)
            for victim in victims:
                _act(world, victim, refuge, now_ms)
            world.drain(now_ms)
        wrongs = [wrong for victim in victims for wrong in wrongs_of_victim(world, victim)]
        return [*wrongs, *([] if world.is_usable("H-refuge") else ["healthy stock is held"])]


def harm_of(story: Story, moments: Sequence[Moment], product: str, side: Side) -> Harm | None:
    """The first time that the truth surely reached a rule of this product on this side; None where it never did."""
    cap_ms = CAP_INTERVALS * story.interval_seconds * 1_000
    of = products()[product]
    for rule in of.hold_rules:
        if rule.side is not side or rule.measure is not Measure.RUN or (rule.stage or of.stage) != of.stage:
            continue
        needed_half_ms = rule.minutes * HALF_MS_PER_MINUTE + 4 * 2 * story.interval_seconds * 1_000
        for found in find_runs("truth", truths(moments), _surely(rule), cap_ms):
            if found.confirmed_half_ms >= needed_half_ms:
                return Harm(rule, found, found.first_ms + needed_half_ms // 2)
    return None


def wrongs_of_victim(world: JudgedWorld, victim: Victim) -> list[str]:
    """What is wrong with what was found of one excursion; at most one line, because it is one excursion."""
    labels = _labels_of(world, victim)
    wrongs = [wrong for label in labels for wrong in _wrongs_of_label(world, label, victim)]
    if len(labels) != 1 + victim.is_split:
        wrongs.append(f"{victim.label} was not split")
    return wrongs[:1]


def _wrongs_of_label(world: JudgedWorld, label: str, victim: Victim) -> list[str]:
    told = f"{label} ({victim.way}, {victim.harm.rule.rule}, every {victim.interval_ms // 1_000} s)"
    verdicts = world.verdicts(label)
    if world.is_usable(label):
        return [f"{told} is usable"]
    if not verdicts or verdicts[0].finding not in HOLDING:
        return [f"{told} is held without a verdict that says so"]
    if not any(hit.rule.side is victim.harm.rule.side for hit in verdicts[0].reached):
        return [f"{told} is held by another rule"]
    since_ms = world.compromised_from_ms(label)
    latest_ms = _doubted_from_ms(victim)
    if since_ms is None or since_ms > latest_ms:
        return [f"{told} is doubted only from {since_ms} on, not from {latest_ms}"]
    return []


def _doubted_from_ms(victim: Victim) -> int:
    """The latest instant from which doses must be doubted: the start of a freeze, the rule's full time of a warming."""
    is_cold = victim.harm.rule.side is Side.COLD
    return victim.harm.run.first_ms + victim.interval_ms if is_cold else victim.harm.full_ms


def _surely(rule: HoldRule) -> Limit:
    """The limit, moved outward by what a probe may err within its own steps and noise."""
    way = -1 if rule.side is Side.COLD else 1
    return Limit(rule.side, rule.limit_centi_celsius + way * MARGIN_CENTI_CELSIUS, rule.inclusive)


def _victim(world: JudgedWorld, rng: Random, name: str) -> Victim:
    story, moments, product, harm = _injured(rng, name)
    appliance, label = f"A-{name}", f"H-{name}"
    probes = world.add_appliance(appliance, story.kind, story.interval_seconds, 1)
    world.receive(label, product, appliance, STARTED_MS)
    fate = rng.choice(FATES)
    is_carried_on = fate == "carried on"
    return Victim(
        moments=moments,
        probes=probes,
        label=label,
        harm=harm,
        way=rng.choice(WAYS),
        interval_ms=1_000 * story.interval_seconds,
        is_split=rng.random() < 1 / 3,
        is_carried_out=fate == "carried out",
        twin=world.add_appliance(f"{appliance}-twin", story.kind, story.interval_seconds, 1) if is_carried_on else None,
    )


def _injured(rng: Random, name: str) -> tuple[Story, list[Moment], str, Harm]:
    """A story that really did harm; a plan that did none (a cool room, much load) is made anew."""
    for attempt in range(20):
        injury = rng.choice(INJURIES)
        minutes = 60 * injury.hours
        story = Story(
            seed=f"{name}/{attempt}",
            kind=injury.kind,
            interval_seconds=rng.choice(INTERVALS_SECONDS),
            minutes=BEFORE_MINUTES + minutes,
            faults=(Fault(kind=injury.fault, begins_minutes_before_now=minutes),),
            constants=injury.constants,
            room_celsius=rng.uniform(28.0, 38.0),
        )
        moments = play(story)
        product = rng.choice(_products_at_risk(injury))
        harm = harm_of(story, moments, product, injury.side)
        if harm is not None:
            return story, moments, product, harm
    raise RuntimeError(f"{name}: no plan did any harm")


def _products_at_risk(injury: Injury) -> list[str]:
    """What stands in such an appliance and has a rule on this side."""
    return [
        product
        for product in kept_in(injury.kind)
        if any(rule.side is injury.side and rule.measure is Measure.RUN for rule in products()[product].hold_rules)
    ]


def _healthy(world: JudgedWorld, name: str) -> tuple[Probes, list[Moment]]:
    """An appliance that works all the time, with stock of its own."""
    probes = world.add_appliance(f"A-{name}", Kind.ILR, 300, 1)
    world.receive("H-refuge", kept_in(Kind.ILR)[0], probes.appliance, STARTED_MS)
    return probes, play(Story(seed=name, kind=Kind.ILR, interval_seconds=300, minutes=4 * DAY_MINUTES))


def _between(moments: Sequence[Moment], now_ms: int) -> list[Moment]:
    """What was said in the step that ends now."""
    return [moment for moment in moments if now_ms - STEP_MS < moment.at_ms <= now_ms]


def _arriving(world: JudgedWorld, victims: Sequence[Victim], now_ms: int, rng: Random) -> list[list[Reading]]:
    """The deliveries of one step, victim by victim, each with its twin's."""
    twins = [one._replace(probes=one.twin) for one in victims if one.twin is not None]
    return [rows for victim in (*victims, *twins) for rows in _arriving_of(world, victim, now_ms, rng)]


def _arriving_of(world: JudgedWorld, victim: Victim, now_ms: int, rng: Random) -> list[list[Reading]]:
    """What arrives in one step, by the way that its rows travel."""
    new = _between(victim.moments, now_ms)
    match victim.way:
        case "late":
            return [world.rows(victim.probes, _between(victim.moments, now_ms - DAY_MS))]
        case "newest first":
            late = [one for one in _between(victim.moments, now_ms - DAY_MS) if one.at_ms % (2 * HOUR_MS) < HOUR_MS]
            fresh = [one for one in new if one.at_ms % (2 * HOUR_MS) >= HOUR_MS]
            return [world.rows(victim.probes, fresh), world.rows(victim.probes, late)]
        case "doubled":
            rows = world.rows(victim.probes, new)
            return [rng.sample(rows, len(rows)), rows]
        case "thinned":
            kept = [one for one in new if one.at_ms // victim.interval_ms % THINNED_EVERY]
            return [world.rows(victim.probes, kept)]
    return [world.rows(victim.probes, new)]


def _act(world: JudgedWorld, victim: Victim, refuge: Probes, now_ms: int) -> None:
    """Split stock in the middle of its harm, carry it on to a twin then, or out when the rule's time is full."""
    middle_ms, out_ms = (victim.harm.run.first_ms + victim.harm.full_ms) // 2, victim.harm.full_ms
    if victim.is_split and now_ms - STEP_MS < middle_ms <= now_ms:
        world.split(victim.label, f"{victim.label}-child", victim.probes.appliance, middle_ms, now_ms)
    if victim.twin is not None and now_ms - STEP_MS < middle_ms <= now_ms:
        for label in _labels_of(world, victim):
            world.move(label, victim.twin.appliance, middle_ms, now_ms)
    if victim.is_carried_out and now_ms - STEP_MS < out_ms <= now_ms:
        for label in _labels_of(world, victim):
            world.move(label, refuge.appliance, out_ms, now_ms)


def _labels_of(world: JudgedWorld, victim: Victim) -> list[str]:
    """The victim's stock and what was split off it."""
    return [label for label in world.labels() if label == victim.label or label.startswith(f"{victim.label}-child")]
