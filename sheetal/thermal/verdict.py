"""The verdict on one holding: a pure function of its stays, their exposures and its product's sourced rules.

It is recomputed from the data each time and holds no state, so late, repeated or reordered data ends in the same
verdict (DESIGN promises 3, 4 and 7). Several sensors in an appliance: the worst counts. A run goes on through a move or
a change of sensor when the readings on both sides lie within the cap.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.limits import MINUTE_MS, HoldRule, Measure, Side
from sheetal.contracts.verdict import Finding, Reached, Run, StayEvidence, Verdict
from sheetal.thermal.day_evidence import run_of_day
from sheetal.thermal.paths import Segment, runs_of_paths
from sheetal.thermal.runs import Limit, limit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.contracts.product import Product
    from sheetal.thermal.exposure import Limits

RULE_VERSION = "sheetal-thermal/1"
BORDERLINE_CENTI_CELSIUS = 50
"""Accuracy of a PQS logger is ±0.5 °C (WHO PQS E006/TR05.1): an extreme this close to the limit is borderline."""
NOTED_MAX = 200
REACHED_MAX = 100
HALF_MS_PER_MINUTE = 2 * MINUTE_MS


def limits_of(product: Product) -> Limits:
    """Every limit that the product's exposures must be measured against: its rules' and its labelled range's."""
    return tuple(sorted({*range_limits(product), *(limit_of(rule) for rule in product.hold_rules)}))


def range_limits(product: Product) -> Limits:
    """The ends of the labelled range of the product's stage; both ends are in range."""
    found: list[Limit] = []
    for labelled in product.ranges:
        if labelled.stage != product.stage:
            continue
        if labelled.centi_celsius_min is not None:
            found.append(Limit(Side.COLD, labelled.centi_celsius_min, inclusive=False))
        if labelled.centi_celsius_max is not None:
            found.append(Limit(Side.HOT, labelled.centi_celsius_max, inclusive=False))
    return tuple(found)


def judge(holding: str, product: Product, segments: Sequence[Segment], judged_through_ms: int) -> Verdict:
    """The finding on a holding whose life is `segments`, in order of time.

    Every trace in them is an exposure beyond `limits_of(product)`.
    """
    reached = [hit for rule in product.hold_rules for hit in _judge_rule(rule, product, segments)]
    held_by = {_identity(hit.run) for hit in reached if hit.run is not None}
    noted = [run for run in _noted(product, segments) if _identity(run) not in held_by]
    unheld = Finding.EXCURSION_NOTED if noted else Finding.USABLE
    known = [last for segment in segments if (last := segment.known_through_ms()) is not None]
    return Verdict(
        holding=holding,
        finding=Finding.HOLD if reached else unheld,
        rule_version=RULE_VERSION,
        product=product.product,
        product_version=product.version,
        judged_through_ms=judged_through_ms,
        known_through_ms=_no_later(max(known, default=None), judged_through_ms),
        reached=reached,
        noted=noted,
        stays=_stay_evidence(segments, judged_through_ms),
    )


def digest(verdict: Verdict) -> str:
    """sha256 over the canonical JSON of what the verdict says, 64 hex digits.

    Left out is what grows with every ordinary reading and changes nothing: the two instants, counts, extremes in a
    stay; the minutes of a run that is still open enter as their number of binary digits, its extreme in whole degrees.
    So equal findings have equal digests in whatever order the data came, and a holding at rest gets no new verdict
    each minute.
    """
    said = msgspec.to_builtins(verdict)
    for name in ("judged_through_ms", "known_through_ms"):
        del said[name]
    for stay in said["stays"]:
        for name in ("known_through_ms", "readings", "centi_celsius_min", "centi_celsius_max"):
            del stay[name]
    for hit in said["reached"]:
        run = hit["run"]
        if run is None or run["open"]:
            _coarsen(hit, ("minutes_confirmed", "minutes_possible"))
    for run in [*said["noted"], *(hit["run"] for hit in said["reached"])]:
        if run is not None and run["open"]:
            run["confirmed_half_ms"] //= HALF_MS_PER_MINUTE
            run["possible_half_ms"] //= HALF_MS_PER_MINUTE
            run["extreme_centi_celsius"] //= 100
            _coarsen(run, ("confirmed_half_ms", "possible_half_ms", "samples"))
            del run["last_ms"]
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def digest_of_reached(verdict: Verdict) -> str:
    """The digest of the verdict's reasons to hold alone; a person's decision on these covers no others."""
    return digest(msgspec.structs.replace(verdict, noted=[], stays=[], product_version=0))


def _coarsen(said: dict[str, int], names: Iterable[str]) -> None:
    for name in names:
        said[name] = said[name].bit_length()


def _judge_rule(rule: HoldRule, product: Product, segments: Sequence[Segment]) -> list[Reached]:
    """Every run that reached a run rule, or the earliest way to have reached a cumulative one; in order of time."""
    index = limits_of(product).index(limit_of(rule))
    paths = runs_of_paths(segments, index, rule.measure)
    if rule.measure is Measure.RUN:
        runs = [run for path in paths for run in path] + _day_runs(segments, rule, rule.minutes)
        hits = [hit for run in _longest_of_each(runs) if (hit := _reached_by(rule, [run], segments)) is not None]
        hits.sort(key=_earliest_then_longest)
        return hits[:1] + hits[1:][-REACHED_MAX:]
    paths = [*paths, _day_runs(segments, rule, None)]
    hits = [hit for path in paths if (hit := _reached_by(rule, path, segments)) is not None]
    return sorted(hits, key=_earliest_then_longest)[:1]


def _earliest_then_longest(hit: Reached) -> tuple[int, int, int, str]:
    sensor = "" if hit.run is None else hit.run.sensor
    return hit.compromised_from_ms, -hit.minutes_possible, -hit.minutes_confirmed, sensor


def _longest_of_each(runs: Iterable[Run]) -> list[Run]:
    """One run of each beginning: where several ways went on from it, the longest."""
    found: dict[tuple[object, ...], Run] = {}
    for run in runs:
        known = found.get(_identity(run))
        if known is None or (run.possible_half_ms, run.confirmed_half_ms) > (
            known.possible_half_ms,
            known.confirmed_half_ms,
        ):
            found[_identity(run)] = run
    return list(found.values())


def _reached_by(rule: HoldRule, path: Sequence[Run], segments: Sequence[Segment]) -> Reached | None:
    """The rule's finding on successive runs whose times add up; one run for a run rule."""
    confirmed = sum(run.confirmed_half_ms for run in path)
    possible = sum(run.possible_half_ms for run in path)
    needed = rule.minutes * HALF_MS_PER_MINUTE
    if not path or (confirmed < needed and not (rule.side is Side.COLD and possible >= needed)):
        return None
    turning, compromised_from_ms = _turning_point(rule, path, needed)
    segment = _segment_of(turning, segments)
    worst = min if rule.side is Side.COLD else max
    extreme = worst(run.extreme_centi_celsius for run in path)
    return Reached(
        rule=rule,
        appliance=segment.appliance,
        stay=segment.stay,
        run=turning if rule.measure is Measure.RUN else None,
        minutes_confirmed=confirmed // HALF_MS_PER_MINUTE,
        minutes_possible=possible // HALF_MS_PER_MINUTE,
        compromised_from_ms=compromised_from_ms,
        borderline=abs(extreme - rule.limit_centi_celsius) <= BORDERLINE_CENTI_CELSIUS,
    )


def _turning_point(rule: HoldRule, path: Sequence[Run], needed_half_ms: int) -> tuple[Run, int]:
    """The run in which the limit was possibly reached, and the instant from which the holding was possibly unfit."""
    left = needed_half_ms
    for run in path:
        if run.possible_half_ms >= left:
            if rule.side is Side.COLD and rule.measure is Measure.RUN:
                return run, run.earliest_possible_start_ms
            return run, run.earliest_possible_start_ms + left // 2
        left -= run.possible_half_ms
    raise ValueError("the path does not reach the limit")


def _segment_of(run: Run, segments: Sequence[Segment]) -> Segment:
    """Where the run began: the last segment of its sensor that had begun by then."""
    own = [segment for segment in segments if any(trace.sensor == run.sensor for trace in segment.traces)]
    begun = [segment for segment in own if segment.from_ms <= run.first_ms]
    return (begun or own)[-1 if begun else 0]


def _noted(product: Product, segments: Sequence[Segment]) -> list[Run]:
    """Every run outside the labelled range or beyond a rule's limit, the longest `NOTED_MAX` of them, in order."""
    found: list[Run] = []
    for index, limit in enumerate(limits_of(product)):
        found += [run for path in runs_of_paths(segments, index, Measure.RUN) for run in path]
        found += _day_runs(segments, limit, None)
    longest = sorted(_longest_of_each(found), key=lambda run: (-run.possible_half_ms, _order(run)))[:NOTED_MAX]
    return sorted(longest, key=_order)


def _order(run: Run) -> tuple[int, str, str, int]:
    return run.first_ms, run.sensor, run.side.value, run.limit_centi_celsius


def _identity(run: Run) -> tuple[object, ...]:
    return (*_order(run), run.samples == 0)


def _day_runs(segments: Sequence[Segment], limit: Limit | HoldRule, run_minutes: int | None) -> list[Run]:
    """The day summaries' evidence; a day that the sensor's readings tell whole speaks through its alarm alone."""
    found: dict[tuple[object, ...], Run] = {}
    for segment in segments:
        for trace in segment.traces:
            for day in trace.days:
                run = run_of_day(day, limit, run_minutes)
                if run is not None and (run.confirmed_half_ms or not segment.is_told(day, trace)):
                    found[(day.sensor, day.starts_at_ms)] = run
    return sorted(found.values(), key=_order)


def _stay_evidence(segments: Sequence[Segment], judged_through_ms: int) -> list[StayEvidence]:
    stays: dict[int, list[Segment]] = {}
    for segment in segments:
        stays.setdefault(segment.stay, []).append(segment)
    return [_evidence_of(parts, judged_through_ms) for parts in stays.values()]


def _evidence_of(parts: Sequence[Segment], judged_through_ms: int) -> StayEvidence:
    exposures = [trace.exposure for part in parts for trace in part.traces]
    lows = [low for exposure in exposures if (low := exposure.centi_celsius_min) is not None]
    highs = [high for exposure in exposures if (high := exposure.centi_celsius_max) is not None]
    known = [last for part in parts if (last := part.known_through_ms()) is not None]
    return StayEvidence(
        stay=parts[0].stay,
        appliance=parts[0].appliance,
        evidence_kind=parts[0].evidence_kind,
        from_ms=parts[0].from_ms,
        until_ms=parts[-1].until_ms,
        sensors=sorted({trace.sensor for part in parts for trace in part.traces}),
        readings=sum(exposure.readings for exposure in exposures),
        centi_celsius_min=min(lows, default=None),
        centi_celsius_max=max(highs, default=None),
        minutes_unknown=sum(part.unknown_half_ms() for part in parts) // HALF_MS_PER_MINUTE,
        known_through_ms=_no_later(max(known, default=None), judged_through_ms),
    )


def _no_later(instant_ms: int | None, judged_through_ms: int) -> int | None:
    """A reading stamped by a clock that runs ahead is judged, but nothing is known of the future."""
    return None if instant_ms is None else min(instant_ms, judged_through_ms)
