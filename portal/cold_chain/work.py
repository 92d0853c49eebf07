"""`Show your work`: a verdict taken apart into numbered steps with their figures (pure).

Each step is a msgid with facts, so that the page can say it in any language.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal import formats
from portal.language import marked
from sheetal.contracts.limits import Measure, Side
from sheetal.contracts.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Reached, Run, StayEvidence, Verdict

HALF_MS_PER_MINUTE = 120_000
SIDE_WORDS = {
    (Side.COLD, True): marked("at or below %(limit)s"),
    (Side.COLD, False): marked("below %(limit)s"),
    (Side.HOT, True): marked("at or above %(limit)s"),
    (Side.HOT, False): marked("above %(limit)s"),
}


@dataclass(frozen=True)
class Words:
    """A msgid and what goes into its places."""

    text: str
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A question, its figure, and where the figure comes from."""

    question: Words
    figure: Words
    why: Words | None = None
    tone: str = ""


def steps(verdict: Verdict, product: Product, language: str = "en") -> list[Step]:
    """The steps from the rule that applies to the comparison, in reading order."""
    reached = verdict.reached[0] if verdict.reached else None
    run = reached.run if reached is not None else told_run(verdict.noted, product)
    rule = reached.rule if reached is not None else rule_of(run, product)
    return [
        _rule_step(rule, product, language),
        _readings_step(verdict),
        *_run_steps(reached, run, language),
        _unknown_step(verdict),
        _extremes_step(verdict.stays),
        _last_step(verdict, rule, reached, run),
    ]


def longest(runs: Sequence[Run]) -> Run | None:
    """The run that can have lasted longest."""
    return max(runs, key=lambda run: run.possible_half_ms, default=None)


def told_run(runs: Sequence[Run], product: Product) -> Run | None:
    """The longest run that a hold rule watches; where none is watched, the longest outside the label."""
    return longest([run for run in runs if rule_of(run, product) is not None]) or longest(runs)


def rule_of(run: Run | None, product: Product) -> HoldRule | None:
    """The product's rule that watches the run's side and limit; its first rule where there was no run."""
    if run is None:
        return product.hold_rules[0] if product.hold_rules else None
    same = [
        rule
        for rule in product.hold_rules
        if rule.side is run.side and rule.limit_centi_celsius == run.limit_centi_celsius
    ]
    return same[0] if same else None


def limit_words(rule: HoldRule) -> Words:
    """`at or below −0.5 °C`."""
    return Words(
        SIDE_WORDS[rule.side, rule.inclusive],
        {"limit": formats.temperature(rule.limit_centi_celsius, signed=True)},
    )


def _rule_step(rule: HoldRule | None, product: Product, language: str) -> Step:
    if rule is None:
        return Step(Words(marked("Which limit applies")), Words(marked("the label alone, no hold rule")))
    unbroken = rule.measure is Measure.RUN
    figure = marked("%(sign)s, %(minutes)s min unbroken") if unbroken else marked("%(sign)s, %(minutes)s min together")
    sign = formats.limit(rule.limit_centi_celsius, inclusive=rule.inclusive, cold=rule.side is Side.COLD)
    why = marked("%(product)s, rule %(rule)s. Source: %(source)s; confidence %(confidence)s.")
    facts: dict[str, object] = {
        "product": product.display_name_hindi if language == "hi" else product.display_name,
        "rule": rule.rule,
        "source": rule.source.citation,
        "confidence": rule.source.confidence,
    }
    if rule.source.default_of is not None:
        why = marked(
            "%(product)s, rule %(rule)s. Source: %(source)s; confidence %(confidence)s. "
            "The programme's own choice, decided by %(decided_by)s."
        )
        facts |= {"decided_by": rule.source.decided_by or formats.NONE}
    return Step(
        Words(marked("Which limit applies")),
        Words(figure, {"sign": sign, "minutes": rule.minutes}),
        Words(why, facts),
    )


def _readings_step(verdict: Verdict) -> Step:
    sensors = sorted({sensor for stay in verdict.stays for sensor in stay.sensors})
    why = Words(
        marked("Stays: %(stays)s; sensors: %(sensors)s"),
        {"stays": len(verdict.stays), "sensors": ", ".join(sensors) or formats.NONE},
    )
    total = sum(stay.readings for stay in verdict.stays)
    question = Words(marked("Which readings belong to this holding"))
    return Step(question, Words(marked("%(readings)s readings"), {"readings": formats.number(total)}), why)


def _run_steps(reached: Reached | None, run: Run | None, language: str) -> list[Step]:
    if reached is None and run is None:
        question = Words(marked("Longest time beyond a limit"))
        return [
            Step(question, Words(marked("none")), Words(marked("No reading lies beyond the limits of this product")))
        ]
    confirmed = reached.minutes_confirmed if reached else _minutes(run.confirmed_half_ms if run else 0)
    possible = reached.minutes_possible if reached else _minutes(run.possible_half_ms if run else 0)
    span = None
    if run is not None:
        span = Words(
            marked("First %(first)s, last %(last)s, sensor %(sensor)s"),
            {
                "first": formats.moment(run.first_ms, language),
                "last": formats.moment(run.last_ms, language),
                "sensor": run.sensor,
            },
        )
    return [
        Step(
            Words(marked("Time beyond the limit")),
            Words(marked("%(minutes)s min confirmed"), {"minutes": confirmed}),
            span,
        ),
        Step(
            Words(marked("Longest it can have been")),
            Words(marked("%(minutes)s min possible"), {"minutes": possible}),
            Words(marked("From the last good reading before to the first good one after")),
        ),
    ]


def _unknown_step(verdict: Verdict) -> Step:
    unknown = sum(stay.minutes_unknown for stay in verdict.stays)
    return Step(
        Words(marked("Time without data")),
        Words(marked("%(minutes)s min unknown"), {"minutes": formats.number(unknown)}),
        Words(marked("A gap never lengthens a run; it is counted here")),
    )


def _extremes_step(stays: Sequence[StayEvidence]) -> Step:
    lows = [stay.centi_celsius_min for stay in stays if stay.centi_celsius_min is not None]
    highs = [stay.centi_celsius_max for stay in stays if stay.centi_celsius_max is not None]
    low, high = min(lows, default=None), max(highs, default=None)
    return Step(
        Words(marked("Lowest and highest since receipt")),
        Words("%(low)s, %(high)s", {"low": formats.temperature(low), "high": formats.temperature(high)}),
    )


def _last_step(verdict: Verdict, rule: HoldRule | None, reached: Reached | None, run: Run | None) -> Step:
    if reached is not None:
        confirmed = reached.minutes_confirmed >= reached.rule.minutes
        text = marked("%(used)s min ≥ %(limit)s min → hold at once")
        used = reached.minutes_confirmed if confirmed else reached.minutes_possible
        return Step(Words(text, {"used": used, "limit": reached.rule.minutes}), Words(marked("Held")), tone="held")
    if verdict.finding is Finding.EXCURSION_NOTED and rule is not None and run is not None:
        facts: dict[str, object] = {"used": _minutes(run.possible_half_ms), "limit": rule.minutes}
        text = marked("%(used)s min < %(limit)s min → excursion noted, no hold")
        return Step(Words(text, facts), Words(marked("Usable")), tone="ok")
    if verdict.known_through_ms is None:
        return Step(Words(marked("No data yet → not judged")), Words(marked("Not judged")), tone="nodata")
    if verdict.finding is Finding.USABLE:
        return Step(Words(marked("No hold rule was reached")), Words(marked("Usable")), tone="ok")
    return Step(Words(marked("Outside the range, below every hold rule")), Words(marked("Usable")), tone="ok")


def _minutes(half_ms: int) -> int:
    return half_ms // HALF_MS_PER_MINUTE
