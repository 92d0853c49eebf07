"""What a product must say before it may judge stock (pure).

Every limit has a source. Every stage has one range, a hold rule for heat, and one for cold where the stock must not
freeze. A product's own rule replaces the programme's default only with high confidence; a lesser one stands beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sheetal.contracts.limits import HoldRule, Side
from sheetal.ledger.catalogue_file import is_day, source_flaw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sheetal.contracts.limits import Source
    from sheetal.ledger.product_file import FileRange, ProductFile
    from sheetal.ledger.programme import DefaultRule

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
VVM_TYPES = ("2", "7", "11", "14", "30", "250")
ACTS = ("thaw", "open")
CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX = -10_000, 6_000
MINUTES_MAX = 3 * 366 * 24 * 60
TEXT_CHARACTERS_MAX = 200
INSIDE = "lies inside the storage range of its stage"
COUNT_LIMITS = {"version": 10_000, "handling.doses_per_vial": 100, "schedule.doses_total": 10}


class Flaw(Exception):
    """What is wrong with a product: the key and a sentence's end."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key}: {what}")
        self.key, self.what = key, what


def check(text: ProductFile, defaults: Mapping[str, DefaultRule]) -> None:
    """Raise Flaw for the first thing that is wrong."""
    for flaw in _flaws(text, defaults):
        raise flaw


def _flaws(text: ProductFile, defaults: Mapping[str, DefaultRule]) -> Iterator[Flaw]:
    yield from _sources(text)
    yield from _words(text)
    yield from _numbers(text)
    yield from _days(text)
    yield from _stages(text)
    yield from _ranges(text)
    yield from _names(text, defaults)
    yield from _inside(text, defaults)
    yield from _ruled(text, defaults)


def _sources(text: ProductFile) -> Iterator[Flaw]:
    sourced: dict[str, Source] = {"handling": text.handling.source, "schedule": text.schedule.source}
    for name in ("ranges", "next_stages", "hold_rules", "open_vials"):
        sourced |= {f"{name}[{number}]": one.source for number, one in enumerate(getattr(text, name))}
    for key, source in sourced.items():
        flaw = source_flaw(source)
        if flaw is not None:
            yield Flaw(f"{key}.source.{flaw[0]}", flaw[1])
        if source.default_of is not None and source.decided_by is None:
            yield Flaw(f"{key}.source", "does not say who decided it")


def _words(text: ProductFile) -> Iterator[Flaw]:
    if not ID.fullmatch(text.product):
        yield Flaw("product", "is not small letters, digits and dashes")
    for key in ("vaccine", "display_name", "display_name_hindi", "manufacturer", "stage"):
        said = getattr(text, key)
        if not said.strip() or len(said) > TEXT_CHARACTERS_MAX:
            yield Flaw(key, f"is empty or longer than {TEXT_CHARACTERS_MAX} characters")
    if text.vaccine != text.vaccine.upper():
        yield Flaw("vaccine", "is not in capitals, as CoWIN writes it")
    if text.handling.vvm_type not in {None, *VVM_TYPES}:
        yield Flaw("handling.vvm_type", f"is not one of {', '.join(VVM_TYPES)}")


def _numbers(text: ProductFile) -> Iterator[Flaw]:
    counts = {
        "version": text.version,
        "handling.doses_per_vial": text.handling.doses_per_vial,
        "schedule.doses_total": text.schedule.doses_total,
    }
    for key, count in counts.items():
        if not 1 <= count <= COUNT_LIMITS[key]:
            yield Flaw(key, f"is not between 1 and {COUNT_LIMITS[key]}")
    yield from _minutes(text)
    for key, degrees in _temperatures(text):
        if not CENTI_CELSIUS_MIN <= degrees <= CENTI_CELSIUS_MAX:
            yield Flaw(key, "is not a temperature that vaccine is kept at, in hundredths of a degree Celsius")


def _minutes(text: ProductFile) -> Iterator[Flaw]:
    minutes = {f"open_vials[{number}].minutes": one.minutes for number, one in enumerate(text.open_vials)}
    longest = enumerate(one.minutes_max for one in text.next_stages)
    minutes |= {f"next_stages[{number}].minutes_max": count for number, count in longest if count is not None}
    minutes |= {f"hold_rules[{number}].minutes": one.minutes for number, one in enumerate(text.hold_rules)}
    for key, count in minutes.items():
        if not 1 <= count <= MINUTES_MAX:
            yield Flaw(key, f"is not between 1 and {MINUTES_MAX}")


def _temperatures(text: ProductFile) -> Iterator[tuple[str, int]]:
    for number, labelled in enumerate(text.ranges):
        ends = {"centi_celsius_min": labelled.centi_celsius_min, "centi_celsius_max": labelled.centi_celsius_max}
        for end, degrees in ends.items():
            if degrees is not None:
                yield f"ranges[{number}].{end}", degrees
    for number, rule in enumerate(text.hold_rules):
        yield f"hold_rules[{number}].limit_centi_celsius", rule.limit_centi_celsius


def _days(text: ProductFile) -> Iterator[Flaw]:
    spans = {"": (text.effective_from, text.effective_until)}
    spans["schedule."] = (text.schedule.effective_from, text.schedule.effective_until)
    for where, (first, until) in spans.items():
        for key, day in (("effective_from", first), ("effective_until", until)):
            if not is_day(day):
                yield Flaw(where + key, "is not a day YYYY-MM-DD")
        if until is not None and until <= first:
            yield Flaw(f"{where}effective_until", "is not after effective_from")


def _stages(text: ProductFile) -> Iterator[Flaw]:
    known = [text.stage, *(one.stage for one in text.next_stages)]
    ranged = [one.stage for one in text.ranges]
    if text.stage not in ranged:
        yield Flaw("stage", "names a stage without a range")
    for number, following in enumerate(text.next_stages):
        if following.after not in ACTS:
            yield Flaw(f"next_stages[{number}].after", f"is not one of {', '.join(ACTS)}")
        if following.stage not in ranged or known.count(following.stage) != 1:
            yield Flaw(f"next_stages[{number}].stage", "has no range, or is named twice")
    for number, labelled in enumerate(text.ranges):
        if labelled.stage not in known or ranged.count(labelled.stage) != 1:
            yield Flaw(f"ranges[{number}].stage", "is reached by no act, or has two ranges")


def _ranges(text: ProductFile) -> Iterator[Flaw]:
    for number, labelled in enumerate(text.ranges):
        low, high = labelled.centi_celsius_min, labelled.centi_celsius_max
        if low is None and high is None:
            yield Flaw(f"ranges[{number}]", "limits neither side")
        if low is not None and high is not None and low >= high:
            yield Flaw(f"ranges[{number}].centi_celsius_max", "is not above centi_celsius_min")


def _defaults_named(text: ProductFile) -> list[tuple[str, str, list[str]]]:
    """Where the programme's rules are named: (key, stage, names)."""
    later = enumerate(text.next_stages)
    named = [(f"next_stages[{number}].default_rules", one.stage, one.default_rules) for number, one in later]
    return [("default_rules", text.stage, text.default_rules), *named]


def _names(text: ProductFile, defaults: Mapping[str, DefaultRule]) -> Iterator[Flaw]:
    for key, _stage, names in _defaults_named(text):
        for name in names:
            if name not in defaults:
                yield Flaw(key, f"names {name!r}, which programme.toml does not know")
    rules = [one.rule for one in text.hold_rules]
    reserved = {one.rule for one in defaults.values()}
    for number, rule in enumerate(rules):
        if not rule.strip() or rules.count(rule) > 1 or rule in reserved:
            yield Flaw(f"hold_rules[{number}].rule", "is not a name of its own")
    programmes = [one.programme for one in text.open_vials]
    for number, programme in enumerate(programmes):
        if not programme.strip() or programmes.count(programme) > 1:
            yield Flaw(f"open_vials[{number}].programme", "is not named once")


def _ruled(text: ProductFile, defaults: Mapping[str, DefaultRule]) -> Iterator[Flaw]:
    """Every stage has its rules, and none loses the programme's to a rule that nobody is sure of."""
    for key, stage, names in _defaults_named(text):
        by_default = {defaults[name].side for name in names if name in defaults}
        own = [one for one in text.hold_rules if (one.stage or text.stage) == stage]
        for side in _watched(text, stage):
            if side not in by_default and not _is_sure(own, side):
                what = "heat" if side is Side.HOT else "cold"
                yield Flaw(key, f"leaves the stage {stage!r} without a hold rule for {what} that somebody is sure of")


def _watched(text: ProductFile, stage: str) -> list[Side]:
    """The sides that a stage must have rules for: heat always, cold where the stock must not freeze in it."""
    highest = next((one.centi_celsius_max for one in text.ranges if one.stage == stage), None)
    if highest is not None and highest <= 0:
        return [Side.HOT]
    is_thawed = any(one.stage == stage and one.after == "thaw" and not one.may_freeze_again for one in text.next_stages)
    return [Side.HOT, Side.COLD] if text.handling.freeze_sensitive or is_thawed else [Side.HOT]


def _is_sure(own: Sequence[HoldRule], side: Side) -> bool:
    return any(one.side is side and one.source.confidence == "high" for one in own)


def _inside(text: ProductFile, defaults: Mapping[str, DefaultRule]) -> Iterator[Flaw]:
    """A hold rule whose limit lies inside its stage's range would hold stock that is where it belongs."""
    ranges: dict[str, FileRange] = {one.stage: one for one in text.ranges}
    for number, rule in enumerate(text.hold_rules):
        labelled = ranges.get(rule.stage or text.stage)
        if labelled is None:
            yield Flaw(f"hold_rules[{number}].stage", "is no stage of this product")
        elif _is_within(rule, labelled):
            yield Flaw(f"hold_rules[{number}].limit_centi_celsius", INSIDE)
    for key, stage, names in _defaults_named(text):
        judging = [defaults[name] for name in names if not defaults[name].own_upper_limit]
        if any(_is_within(rule, ranges[stage]) for rule in judging):
            yield Flaw(key, INSIDE)


def _is_within(rule: HoldRule | DefaultRule, labelled: FileRange) -> bool:
    low, high = labelled.centi_celsius_min, labelled.centi_celsius_max
    too_warm = rule.side is Side.COLD and low is not None and rule.limit_centi_celsius > low
    too_cold = rule.side is Side.HOT and high is not None and rule.limit_centi_celsius < high
    return too_warm or too_cold
