"""`Show your work`: a verdict taken apart into numbered steps with their figures (pure).

Each step is a msgid with facts, so that the page can say it in any language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal import formats
from portal.cold_chain import work_evidence
from portal.cold_chain.excursions import excursions_of, pick
from portal.cold_chain.work_words import Step, Words, confidence_words, limit_words
from portal.language import marked
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import Measure, Side
from sheetal.contracts.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.cold_chain.excursions import Excursion
    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import StayEvidence, Verdict

__all__ = ["Step", "Words", "limit_words", "steps"]


def steps(verdict: Verdict, product: Product, language: str = "en", picked: Excursion | None = None) -> list[Step]:
    """From the rule that applies to the comparison, in reading order; of the `picked` excursion, else of the worst."""
    one = picked or pick(excursions_of(verdict, product), 1)
    rule = one.rule if one is not None else next(iter(product.hold_rules), None)
    return [
        _rule_step(rule, product, language),
        _readings_step(verdict, language),
        *_run_steps(one, language, verdict.judged_through_ms),
        _unknown_step(verdict, language),
        *work_evidence.margin_steps(verdict, one),
        _extremes_step(verdict.stays),
        *work_evidence.budget_steps(verdict.budgets),
        *work_evidence.vvm_steps(verdict.vvm, sum(stay.readings for stay in verdict.stays), language),
        *work_evidence.mkt_steps(verdict.mkt),
        *work_evidence.proposal_steps(verdict.proposals, language),
        _last_step(verdict, one),
    ]


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
        "confidence": confidence_words(rule.source.confidence),
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


def _readings_step(verdict: Verdict, language: str) -> Step:
    question = Words(marked("Which readings belong to this holding"))
    total = sum(stay.readings for stay in verdict.stays)
    figure = Words(marked("%(readings)s readings"), {"readings": formats.number(total)})
    sensors = ", ".join(sorted({sensor for stay in verdict.stays for sensor in stay.sensors})) or formats.NONE
    if len(verdict.stays) != 1:
        facts: dict[str, object] = {"stays": len(verdict.stays), "sensors": sensors}
        return Step(question, figure, Words(marked("Stays: %(stays)s; sensors: %(sensors)s"), facts))
    only = verdict.stays[0]
    through_ms = verdict.judged_through_ms
    begin = formats.moment(only.from_ms, language, through_ms)
    facts = {"from": begin, "sensors": sensors, "appliance": only.appliance}
    if only.evidence_kind == EvidenceKind.TWICE_DAILY and not total:
        return Step(question, figure, Words(marked("The twice-daily record of %(appliance)s since %(from)s"), facts))
    if only.until_ms is None:
        return Step(
            question, figure, Words(marked("Stay in %(appliance)s since %(from)s; sensors: %(sensors)s"), facts)
        )
    facts["until"] = formats.moment(only.until_ms, language, through_ms)
    text = marked("Stay in %(appliance)s from %(from)s to %(until)s; sensors: %(sensors)s")
    return Step(question, figure, Words(text, facts))


def _run_steps(one: Excursion | None, language: str, through_ms: int) -> list[Step]:
    if one is None:
        question = Words(marked("Longest time beyond a limit"))
        why = Words(marked("No reading lies beyond the limits of this product"))
        return [Step(question, Words(marked("none")), why)]
    run, span = one.run, None
    if run is not None:
        facts: dict[str, object] = {
            "first": formats.moment(run.first_ms, language, through_ms),
            "last": formats.moment(run.last_ms, language, through_ms),
            "sensor": run.sensor,
        }
        told = marked("First %(first)s, last %(last)s, sensor %(sensor)s")
        counted = marked("Between %(first)s and %(last)s, as %(sensor)s itself counted it")
        span = Words(told if one.is_drawn else counted, facts)
    return [
        Step(
            Words(marked("Time beyond the limit")),
            Words(marked("%(minutes)s min confirmed"), {"minutes": formats.number(one.minutes_confirmed)}),
            span,
        ),
        Step(
            Words(marked("Longest it can have been")),
            Words(marked("%(minutes)s min possible"), {"minutes": formats.number(one.minutes_possible)}),
            Words(marked("From the last good reading before to the first good one after")),
        ),
    ]


def _unknown_step(verdict: Verdict, language: str) -> Step:
    unknown = sum(stay.minutes_unknown for stay in verdict.stays)
    question = Words(marked("Time without data"))
    if verdict.known_through_ms is None:
        return Step(question, Words(marked("all of it unknown")), Words(marked("No data of this holding has come yet")))
    known = formats.moment(verdict.known_through_ms, language, verdict.judged_through_ms)
    return Step(
        question,
        Words(marked("%(minutes)s min unknown"), {"minutes": formats.number(unknown)}),
        Words(marked("A gap never lengthens a run; it is counted here. Data reaches to %(known)s"), {"known": known}),
    )


def _extremes_step(stays: Sequence[StayEvidence]) -> Step:
    lows = [stay.centi_celsius_min for stay in stays if stay.centi_celsius_min is not None]
    highs = [stay.centi_celsius_max for stay in stays if stay.centi_celsius_max is not None]
    low, high = min(lows, default=None), max(highs, default=None)
    return Step(
        Words(marked("Lowest and highest since receipt")),
        Words("%(low)s, %(high)s", {"low": formats.temperature(low), "high": formats.temperature(high)}),
        Words(marked("Cold and heat are never added together")),
    )


def _last_step(verdict: Verdict, one: Excursion | None) -> Step:
    if any(ground.condemns for ground in verdict.proposals):
        text = marked("A ground that is certain → hold at once, propose to condemn")
        return Step(Words(text), Words(marked("Proposed: condemn")), tone="stop")
    if one is not None and one.reached is not None and one.rule is not None:
        confirmed = one.minutes_confirmed >= one.rule.minutes
        text = marked("%(used)s min ≥ %(limit)s min → hold at once")
        used = one.minutes_confirmed if confirmed else one.minutes_possible
        compared = Words(text, {"used": formats.number(used), "limit": formats.number(one.rule.minutes)})
        return Step(compared, Words(marked("Held")), tone="held")
    if verdict.finding is Finding.HOLD:
        return Step(Words(marked("Another ground holds it, see above")), Words(marked("Held")), tone="held")
    return _unheld(verdict, one)


def _unheld(verdict: Verdict, one: Excursion | None) -> Step:
    if verdict.known_through_ms is None:
        return Step(Words(marked("No data yet → not judged")), Words(marked("Not judged")), tone="nodata")
    if one is None:
        return Step(Words(marked("No hold rule was reached")), Words(marked("Usable")), tone="ok")
    if one.rule is None:
        return Step(Words(marked("Outside the range, below every hold rule")), Words(marked("Usable")), tone="ok")
    facts: dict[str, object] = {
        "used": formats.number(one.minutes_possible),
        "limit": formats.number(one.rule.minutes),
    }
    text = marked("%(used)s min < %(limit)s min → excursion noted, no hold")
    return Step(Words(text, facts), Words(marked("Usable")), tone="ok")
