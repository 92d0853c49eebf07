"""The words of a verdict's page by code, as msgids (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal import formats
from portal.cold_chain import words
from portal.cold_chain.work_evidence import GROUND_WORDS, vvm_name
from portal.cold_chain.work_words import spoken
from portal.language import marked
from sheetal.contracts.limits import Side
from sheetal.contracts.verdict import Finding

if TYPE_CHECKING:
    from portal.cold_chain.excursions import Excursion
    from portal.cold_chain.verdicts import Shown
    from portal.cold_chain.words import Translator
    from sheetal.contracts.verdict import Verdict

__all__ = ["spoken", "vvm_name"]

DEGREE = 100
TENTH_MS = 100
TENTHS = 10
PLACES_SHOWN = 12
COMMAND, SUFFIX = "python -m alerts recompute verdict-", ".bundle.json"
"""What finds a verdict again; no words of any language."""
FINDING_WORDS = {
    Finding.USABLE: ("ok", marked("Usable")),
    Finding.EXCURSION_NOTED: ("ok", marked("Excursion noted, no hold")),
    Finding.HOLD: ("held", marked("Held")),
    Finding.PROPOSED_CONDEMNED: ("stop", marked("Held, proposed: condemn")),
}
FUSION_WORDS = {
    "worst": marked("the worst of its sensors counts"),
    "by_position": marked("the coldest place judges cold, the warmest judges heat"),
}


def finding_words(verdict: Verdict) -> tuple[str, str]:
    """The tone and word of a finding; of stock of which nothing is known yet, that it is not judged."""
    if verdict.finding is Finding.USABLE and verdict.known_through_ms is None:
        return "nodata", marked("Not judged")
    return FINDING_WORDS[verdict.finding]


def headline(verdict: Verdict, worst: Excursion | None, say: Translator) -> str:
    """One sentence on why the finding is what it is; `worst` is the first of its excursions."""
    if verdict.reached:
        return words.hold_line(verdict.reached[0], say)
    if verdict.proposals:
        return say(GROUND_WORDS[verdict.proposals[0].ground])
    if worst is not None and worst.rule is not None:
        text = marked("%(sign)s for at most %(minutes)s min; the rule holds at %(rule)s min")
        possible, allowed = formats.number(worst.minutes_possible), formats.number(worst.rule.minutes)
        return say(text, sign=limit_of(worst), minutes=possible, rule=allowed)
    if worst is not None:
        return say(marked("Outside the limits for a while, below every hold rule"))
    if verdict.known_through_ms is None:
        return say(marked("Nothing is known of it yet"))
    return say(marked("Within its limits in all that is known"))


def run_line(one: Excursion, say: Translator, language: str = "en", *, short: bool = False) -> str:
    """`74 min confirmed, 09:23 to 10:37` over the chart's bracket; with the days where it went on over midnight."""
    confirmed = formats.number(one.minutes_confirmed)
    if not one.is_drawn and one.minutes_possible > one.minutes_confirmed:
        return say(marked("%(minutes)s min possible"), minutes=formats.number(one.minutes_possible))
    if one.run is None or short:
        return say(marked("%(minutes)s min confirmed"), minutes=confirmed)
    first_ms, last_ms = one.run.first_ms, one.run.last_ms
    is_one_day = formats.date(first_ms) == formats.date(last_ms)
    return say(
        marked("%(minutes)s min confirmed, %(first)s to %(last)s"),
        minutes=confirmed,
        first=formats.clock(first_ms) if is_one_day else formats.moment(first_ms, language),
        last=formats.clock(last_ms) if is_one_day else formats.moment(last_ms, language),
    )


def limit_of(one: Excursion, *, inclusive: bool = False) -> str:
    """`≤ −0.5 °C`, or `< +2.0 °C` for an end of the label, which itself is in range."""
    inclusive = one.rule.inclusive if one.rule is not None else inclusive
    return formats.limit(one.limit_centi_celsius, inclusive=inclusive, cold=one.side is Side.COLD)


def chart_line(shown: Shown, language: str, say: Translator, now_ms: int | None = None) -> str:
    """What the chart shows, for those who do not see it."""
    start, end = (formats.moment(at_ms, language, now_ms) for at_ms in (shown.from_ms, shown.until_ms))
    if shown.days:
        return say(marked("Lowest and highest of each day from %(start)s to %(end)s"), start=start, end=end)
    return say(
        marked("Temperature of %(sensor)s from %(start)s to %(end)s: lowest %(low)s, highest %(high)s"),
        sensor=shown.sensor,
        start=start,
        end=end,
        low=formats.temperature(min((row.low for row in shown.table), default=None)),
        high=formats.temperature(max((row.high for row in shown.table), default=None)),
    )


def signed(centi_celsius: int) -> str:
    """`+8.0 °C`, as limits are written."""
    return formats.temperature(centi_celsius, signed=True)


def whole_degrees(centi_celsius: int) -> str:
    """`+2`, `−4`, `0` on the chart's axis."""
    whole = abs(centi_celsius) // DEGREE
    if whole == 0:
        return "0"
    return f"{formats.MINUS if centi_celsius < 0 else '+'}{whole}"


def seconds(spent_ms: int) -> str:
    """`0.4`; never 0.0, since everything takes its time."""
    tenths = max(1, (spent_ms + TENTH_MS // 2) // TENTH_MS)
    return f"{tenths // TENTHS}.{tenths % TENTHS}"
