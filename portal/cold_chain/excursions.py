"""Everything that a verdict found outside a limit, numbered, and what its chart shows of one of them (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portal.cold_chain.trace_chart import window
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS, Measure, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Reached, Run, StayEvidence, Verdict

HALF_MS_PER_MINUTE = 2 * MINUTE_MS
SILENCE_MS_MAX = HOUR_MS
SHOWN_SILENT_MS = 6 * HOUR_MS
"""A longer silence is told by its length; the chart shows this much of it."""


@dataclass(frozen=True)
class Excursion:
    """One run, or for a cumulative limit one sum; `rule` is None where only the label was left.

    `run` of a sum is its longest part, for the chart.
    """

    number: int
    side: Side
    limit_centi_celsius: int
    minutes_confirmed: int
    minutes_possible: int
    run: Run | None
    rule: HoldRule | None
    reached: Reached | None

    @property
    def is_drawn(self) -> bool:
        """Whether there are readings of it; a logger's day summary has none."""
        return self.run is not None and self.run.samples > 0


@dataclass(frozen=True)
class Drawn:
    """Which readings a chart shows: of which sensor, from when until when.

    `silent_until_ms` is how far the silence after the newest reading goes, None where there is none to tell of.
    """

    sensor: str
    from_ms: int
    until_ms: int
    silent_until_ms: int | None = None


def excursions_of(verdict: Verdict, product: Product | None) -> list[Excursion]:
    """What held first, then what was noted, the longest first; numbered from 1."""
    rules = product.hold_rules if product else []
    found = [_of_reached(hit, verdict.noted) for hit in verdict.reached]
    noted = sorted(verdict.noted, key=lambda run: (-run.possible_half_ms, run.first_ms, run.sensor))
    found += [_of_run(run, rule_of(run, rules)) for run in noted]
    watched = [one for one in found if one.reached or one.rule]
    rest = [one for one in found if not one.reached and not one.rule]
    return [replace(one, number=number) for number, one in enumerate([*watched, *rest], 1)]


def rule_of(run: Run, rules: Sequence[HoldRule]) -> HoldRule | None:
    """The rule that watches the run's side and limit; a rule for one run before one for a sum."""
    same = [one for one in rules if one.side is run.side and one.limit_centi_celsius == run.limit_centi_celsius]
    return next((one for one in same if one.measure is Measure.RUN), same[0] if same else None)


def pick(found: Sequence[Excursion], number: int) -> Excursion | None:
    """The one with this number, else the first; None where there is none."""
    return next((one for one in found if one.number == number), found[0] if found else None)


def drawn(verdict: Verdict, picked: Excursion | None) -> Drawn | None:
    """What to draw: the picked run with its margins, else the last day known; None without readings."""
    told = [stay for stay in verdict.stays if stay.readings and stay.sensors]
    if not told:
        return None
    if picked is not None and picked.run is not None and picked.is_drawn:
        run = picked.run
        from_ms, until_ms = window((run.first_ms, run.last_ms), 0, 0)
        return Drawn(run.sensor, from_ms, run.last_ms + 1 if run.open else until_ms)
    last = told[-1]
    ends_ms = verdict.judged_through_ms if last.until_ms is None else last.until_ms
    known_ms = last.known_through_ms or ends_ms
    if ends_ms - known_ms <= SILENCE_MS_MAX:
        return Drawn(last.sensors[0], *window(None, known_ms, last.from_ms))
    return Drawn(last.sensors[0], *window(None, min(ends_ms, known_ms + SHOWN_SILENT_MS), last.from_ms), ends_ms)


def silent_from_ms(verdict: Verdict) -> int | None:
    """Since when nothing is known, where that is long enough to say: over an hour before the instant of judging."""
    known_ms = verdict.known_through_ms
    is_open = bool(verdict.stays) and verdict.stays[-1].until_ms is None
    if known_ms is None or not is_open or verdict.judged_through_ms - known_ms <= SILENCE_MS_MAX:
        return None
    return known_ms


def reached_ms(picked: Excursion | None) -> int | None:
    """When the rule's minutes were over: of the confirmed time where that holds, else of the possible."""
    if picked is None or picked.reached is None or picked.reached.run is None:
        return None
    run, minutes = picked.reached.run, picked.reached.rule.minutes
    begins_ms = run.first_ms if picked.minutes_confirmed >= minutes else run.earliest_possible_start_ms
    return begins_ms + minutes * MINUTE_MS


def stay_of(verdict: Verdict, at_ms: int) -> StayEvidence | None:
    """The stay that an instant fell into."""
    inside = [one for one in verdict.stays if one.from_ms <= at_ms and (one.until_ms is None or at_ms < one.until_ms)]
    return inside[-1] if inside else None


def _of_reached(hit: Reached, noted: Sequence[Run]) -> Excursion:
    same = [
        one for one in noted if one.side is hit.rule.side and one.limit_centi_celsius == hit.rule.limit_centi_celsius
    ]
    longest = max(same, key=lambda run: run.possible_half_ms, default=None)
    return Excursion(
        number=0,
        side=hit.rule.side,
        limit_centi_celsius=hit.rule.limit_centi_celsius,
        minutes_confirmed=hit.minutes_confirmed,
        minutes_possible=hit.minutes_possible,
        run=hit.run or longest,
        rule=hit.rule,
        reached=hit,
    )


def _of_run(run: Run, rule: HoldRule | None) -> Excursion:
    return Excursion(
        number=0,
        side=run.side,
        limit_centi_celsius=run.limit_centi_celsius,
        minutes_confirmed=run.confirmed_half_ms // HALF_MS_PER_MINUTE,
        minutes_possible=run.possible_half_ms // HALF_MS_PER_MINUTE,
        run=run,
        rule=rule,
        reached=None,
    )
