"""The verdict on one holding: a pure function of its life and its product's sourced rules.

It is recomputed from the data each time and holds no state, so late, repeated or reordered data ends in the same
verdict (DESIGN promises 3, 4 and 7). Several sensors in an appliance: the worst of those that may judge a side counts.
A run goes on through a move or a change of sensor when the readings on both sides lie within the cap.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from sheetal.contracts.limits import Measure, Side
from sheetal.contracts.verdict import Finding, Ground, Reached, Run, Verdict
from sheetal.thermal.day_runs import day_runs, order
from sheetal.thermal.life import Life
from sheetal.thermal.measures import PPM_WHOLE, budget_use, mkt_use, vvm_use
from sheetal.thermal.paths import Segment, runs_of_paths
from sheetal.thermal.proposals import proposals_of
from sheetal.thermal.reached import (
    BORDERLINE_CENTI_CELSIUS,
    HALF_MS_PER_MINUTE,
    REACHED_MAX,
    identity,
    longest_of_each,
    reached_by_rule,
)
from sheetal.thermal.runs import Limit, limit_of
from sheetal.thermal.stay_evidence import no_later, stay_evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Proposal
    from sheetal.thermal.exposure import Limits

__all__ = ["BORDERLINE_CENTI_CELSIUS", "HALF_MS_PER_MINUTE", "REACHED_MAX", "RULE_VERSION", "judge", "judge_life"]

RULE_VERSION = "sheetal-thermal/2"
NOTED_MAX = 200


def limits_of(product: Product) -> Limits:
    """Every limit that the product's exposures must be measured against: its rules' and its ranges', of all stages."""
    stages = {product.stage, *(one.stage for one in product.next_stages)}
    ranges = {limit for stage in stages for limit in range_limits(product, stage)}
    return tuple(sorted({*ranges, *(limit_of(rule) for rule in product.hold_rules)}))


def range_limits(product: Product, stage: str = "") -> Limits:
    """The ends of the labelled range of a stage, the product's first one if none is named; both ends are in range."""
    found: list[Limit] = []
    for labelled in product.ranges:
        if labelled.stage != (stage or product.stage):
            continue
        if labelled.centi_celsius_min is not None:
            found.append(Limit(Side.COLD, labelled.centi_celsius_min, inclusive=False))
        if labelled.centi_celsius_max is not None:
            found.append(Limit(Side.HOT, labelled.centi_celsius_max, inclusive=False))
    return tuple(found)


def judge(holding: str, product: Product, segments: Sequence[Segment], judged_through_ms: int) -> Verdict:
    """`judge_life` of a life of which nothing but its readings is known."""
    return judge_life(Life(holding, product, segments), judged_through_ms)


def judge_life(life: Life, judged_through_ms: int) -> Verdict:
    """The finding on a holding as of one instant.

    Every trace in its segments is an exposure beyond `limits_of(life.product)`.
    """
    product, segments = life.product, life.segments
    limits = limits_of(product)
    ruled = [(rule, limits.index(limit_of(rule)), _in_stage(life, rule.stage)) for rule in product.hold_rules]
    reached = [hit for rule, index, within in ruled for hit in reached_by_rule(rule, index, within)]
    vvm = vvm_use(life, judged_through_ms)
    proposals = proposals_of(life, reached, vvm, judged_through_ms)
    held_by = {identity(hit.run) for hit in reached if hit.run is not None}
    noted = [run for run in _noted(life, limits) if identity(run) not in held_by]
    known = [last for segment in segments if (last := segment.known_through_ms()) is not None]
    return Verdict(
        holding=life.holding,
        finding=_finding(reached, noted, proposals),
        rule_version=RULE_VERSION,
        product=product.product,
        product_version=product.version,
        judged_through_ms=judged_through_ms,
        known_through_ms=no_later(max(known, default=None), judged_through_ms),
        reached=reached,
        noted=noted,
        stays=stay_evidence(life, judged_through_ms),
        proposals=proposals,
        budgets=[budget_use(*one) for one in ruled if one[0].measure is Measure.CUMULATIVE],
        vvm=vvm,
        mkt=mkt_use(life, judged_through_ms),
    )


def _finding(reached: Sequence[Reached], noted: Sequence[Run], proposals: Sequence[Proposal]) -> Finding:
    if any(one.condemns for one in proposals):
        return Finding.PROPOSED_CONDEMNED
    if reached or proposals:
        return Finding.HOLD
    return Finding.EXCURSION_NOTED if noted else Finding.USABLE


def _in_stage(life: Life, stage: str | None) -> list[Segment]:
    first = life.product.stage
    return [segment for segment in life.segments if (segment.stage or first) == (stage or first)]


def digest(verdict: Verdict) -> str:
    """sha256 over the canonical JSON of what the verdict says, 64 hex digits.

    Left out are names, so that holdings which went through the same agree, and what grows with every ordinary reading
    and changes nothing: the two instants, counts and extremes in a stay (but not whether anything is known of it) and
    the kinetic mean; a monitor's computed life enters in tenths beside what was read on it, budgets and the minutes of
    a run that is still open as their number of binary digits, its extreme in whole degrees.
    So equal findings have equal digests in whatever order the data came, and a holding at rest gets no new verdict
    each minute, but one with its first data: nothing known is no rest.
    """
    said = msgspec.to_builtins(verdict)
    _leave_out([said], ("holding", "judged_through_ms", "known_through_ms", "mkt"))
    if verdict.vvm is not None:
        said["vvm"] = (verdict.vvm.stage, verdict.vvm.stage_read_at_ms, 10 * verdict.vvm.ppm // PPM_WHOLE)
    for stay in said["stays"]:
        stay["known_through_ms"] = stay["known_through_ms"] is not None
    _leave_out(said["stays"], ("stay", "readings", "centi_celsius_min", "centi_celsius_max"))
    _coarsen_reached(said["reached"])
    _coarsen(said["budgets"], ("minutes_confirmed", "minutes_possible"))
    for run in said["noted"]:
        _coarsen_open_run(run)
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def reasons(verdict: Verdict) -> frozenset[str]:
    """Why a verdict holds, each reason in canonical JSON; a person's decision on these covers no others.

    Left out is what makes no new reason: names, the sensor, which a run names itself, the source of a limit that stays
    the same, and when a monitor's life that is only computed came to its end.
    """
    said = msgspec.to_builtins({"reached": verdict.reached, "proposals": verdict.proposals})
    _coarsen_reached(said["reached"])
    _leave_out(said["reached"], ("sensor",))
    _leave_out([hit["rule"] for hit in said["reached"]], ("source",))
    _leave_out(said["proposals"], ("source",))
    computed = [one for one in said["proposals"] if one["ground"] == Ground.VVM_LIFE.value]
    _leave_out(computed, ("since_ms", "compromised_from_ms"))
    both = [*said["reached"], *said["proposals"]]
    return frozenset(msgspec.json.encode(one, order="deterministic").decode() for one in both)


def _coarsen_reached(said: Sequence[dict[str, Any]]) -> None:
    _leave_out(said, ("stay",))
    _coarsen(
        (hit for hit in said if hit["run"] is None or hit["run"]["open"]), ("minutes_confirmed", "minutes_possible")
    )
    for hit in said:
        if hit["run"] is not None:
            _coarsen_open_run(hit["run"])


def _coarsen_open_run(run: dict[str, int]) -> None:
    if not run["open"]:
        return
    run["confirmed_half_ms"] //= HALF_MS_PER_MINUTE
    run["possible_half_ms"] //= HALF_MS_PER_MINUTE
    run["extreme_centi_celsius"] //= 100
    _coarsen([run], ("confirmed_half_ms", "possible_half_ms", "samples"))
    del run["last_ms"]


def _coarsen(said: Iterable[dict[str, int]], names: Iterable[str]) -> None:
    for one in said:
        one.update({name: one[name].bit_length() for name in names})


def _leave_out(said: Iterable[dict[str, object]], names: Iterable[str]) -> None:
    for one in said:
        for name in names:
            del one[name]


def _noted(life: Life, limits: Limits) -> list[Run]:
    """Every run outside the range of its stage or beyond a rule's limit, the longest `NOTED_MAX` of them, in order."""
    product, found = life.product, list[Run]()
    for stage in {segment.stage or product.stage: None for segment in life.segments}:
        within = _in_stage(life, stage)
        rules = [limit_of(rule) for rule in product.hold_rules if (rule.stage or product.stage) == stage]
        for limit in {*range_limits(product, stage), *rules}:
            found += [run for path in runs_of_paths(within, limits.index(limit), Measure.RUN) for run in path]
            found += day_runs(within, limit, None)
    longest = sorted(longest_of_each(found), key=lambda run: (-run.possible_half_ms, order(run)))[:NOTED_MAX]
    return sorted(longest, key=order)
