"""What a life adds up to over all its stays: budgets used, a monitor's life lost, the mean kinetic temperature (pure).

They are evidence beside the runs. Where several sensors speak, the one that makes the most of it counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS, Side
from sheetal.contracts.verdict import BudgetUse, VvmUse
from sheetal.thermal import histogram, mkt, vvm
from sheetal.thermal.reached import HALF_MS_PER_MINUTE, sums_of_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.verdict import MktUse
    from sheetal.thermal.histogram import Histogram
    from sheetal.thermal.life import Life
    from sheetal.thermal.paths import Segment

PPM_WHOLE = 1_000_000
YARDSTICK_MS = 100 * DAY_MS
"""Long enough that what it takes from a monitor's life is known to six digits at 5 °C."""
NOTHING = -27_315
"""Colder than anything: a sensor that has told nothing is not the warmest."""


def budget_use(rule: HoldRule, index: int, segments: Sequence[Segment]) -> BudgetUse:
    """The most minutes that any way through the sensors spent beyond a cumulative limit."""
    paths = sums_of_paths(rule, index, segments)
    return BudgetUse(
        rule=rule,
        minutes_confirmed=max(sum(run.confirmed_half_ms for run in path) for path in paths) // HALF_MS_PER_MINUTE,
        minutes_possible=max(sum(run.possible_half_ms for run in path) for path in paths) // HALF_MS_PER_MINUTE,
    )


def vvm_use(life: Life, judged_through_ms: int) -> VvmUse | None:
    """The life that the vials' monitors have computedly lost; None where no constants of their type are published."""
    kind = life.product.vvm_type
    if kind is None or kind not in vvm.TYPES:
        return None
    at = histogram.add(_warmest(segment, kind) for segment in life.segments)
    unknown = sum(segment.unknown_half_ms() for segment in life.segments)
    worst = histogram.add([at, [(at[-1][0], unknown)]]) if at else at
    readings = sorted(one for one in life.vvm_readings if one.read_at_ms <= judged_through_ms)
    return VvmUse(
        vvm_type=kind,
        ppm=vvm.life_ppm(at, kind),
        ppm_unknown_worst=vvm.life_ppm(worst, kind),
        stage=readings[-1].stage if readings else None,
        stage_read_at_ms=readings[-1].read_at_ms if readings else None,
        source=vvm.SOURCE,
    )


def vvm_spent_ms(life: Life, kind: str) -> int:
    """The instant at which a monitor's computed life was possibly spent; for a life whose `vvm_use` says that it was.

    In the segment that spent it, what was left is taken to have gone at the rate of its warmest reading, from its first
    one on: it cannot have gone faster. Later stays never move the instant.
    """
    before: Histogram = ()
    for segment in life.segments:
        after = histogram.add([before, _warmest(segment, kind)])
        if vvm.life_ppm(after, kind) >= PPM_WHOLE:
            return _begins_ms(segment) + _fastest_ms(PPM_WHOLE - vvm.life_ppm(before, kind), segment, kind)
        before = after
    return life.segments[-1].from_ms


def _fastest_ms(left_ppm: int, segment: Segment, kind: str) -> int:
    """The shortest time in which a segment can have taken so much of a monitor's life."""
    warmest = max(at[-1][0] for at in _judged(segment) if at)
    taken_ppm = vvm.life_ppm(((warmest, 2 * YARDSTICK_MS),), kind)
    return left_ppm * YARDSTICK_MS // max(taken_ppm, 1)


def _begins_ms(segment: Segment) -> int:
    firsts = [first.ms for trace in segment.traces if (first := trace.exposure.first) is not None]
    return min(firsts, default=segment.from_ms)


def mkt_use(life: Life, judged_through_ms: int) -> MktUse | None:
    """The mean kinetic temperature of the whole life; None for stock that is kept frozen, of which it says nothing."""
    if not life.segments or _is_frozen(life):
        return None
    joules = life.product.mkt_joules_per_mole
    at = histogram.add(_kinetically_warmest(segment, joules) for segment in life.segments)
    return mkt.mean_kinetic(at, judged_through_ms - life.segments[0].from_ms, joules)


def _warmest(segment: Segment, kind: str) -> Histogram:
    """What the sensor that ages a monitor most has seen."""
    return max(_judged(segment), key=lambda at: vvm.life_ppm(at, kind), default=())


def _kinetically_warmest(segment: Segment, joules: int) -> Histogram:
    """What the sensor with the highest mean has seen; one that has told nothing comes last."""

    def warmth(at: Histogram) -> int:
        mean = mkt.centi_celsius_of(at, joules)
        return NOTHING if mean is None else mean

    return max([(), *_judged(segment)], key=warmth)


def _judged(segment: Segment) -> list[Histogram]:
    return [trace.exposure.at for trace in segment.traces if Side.HOT in trace.sides]


def _is_frozen(life: Life) -> bool:
    stage = life.segments[-1].stage or life.product.stage
    tops = [one.centi_celsius_max for one in life.product.ranges if one.stage == stage]
    return any(top is not None and top <= 0 for top in tops)
