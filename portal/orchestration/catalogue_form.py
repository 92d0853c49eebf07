"""The form of a product: a product as typed fields, and typed fields as the words of a product's file (pure).

Repeated lines are numbered: `rule_0_minutes`, `vial_1_hours`. A line whose name is left empty is no line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from portal.errors import FieldProblem
from portal.language import marked
from sheetal.ledger.product_file import ProductFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sheetal.contracts.limits import HoldRule, Source
    from sheetal.contracts.product import OpenVial, Product

RULES_MAX, VIALS_MAX = 12, 4
BLANK_LINES = 2
CHARACTERS_MAX = 600
CENTI = 100
MINUTES_PER_HOUR = 60
THAWED = "thawed"
DEFAULTS = ("freeze_sensitive", "refrigerated", "frozen")
DEFAULT_RULE_PREFIX = "programme-"
DEFAULT_RULES = {"programme-freeze": "freeze_sensitive", "programme-heat": "refrigerated", "programme-thaw": "frozen"}
YES_NO = {"yes": True, "no": False, "": None}
NOT_A_NUMBER = marked("Write a number, for example 8 or −0.5.")
NOT_WHOLE = marked("Write a whole number.")
NOT_ANSWERED = marked("This needs an answer.")
NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,5})(\.(?P<part>[0-9]{1,2}))?")
Typed = dict[str, str]


def fits(product: Product) -> bool:
    """Whether the form can hold all that this product says; one that it cannot is changed by its file."""
    own = [one for one in product.hold_rules if not one.rule.startswith(DEFAULT_RULE_PREFIX)]
    stated = _stated(product.open_vials)
    return len(product.next_stages) <= 1 and len(own) <= RULES_MAX and len(stated) <= VIALS_MAX


def typed_of(product: Product) -> Typed:
    """The fields of the form that the product's next version starts from."""
    typed = {
        "product": product.product,
        "version": str(product.version + 1),
        "vaccine": product.vaccine,
        "display_name": product.display_name,
        "display_name_hindi": product.display_name_hindi,
        "manufacturer": product.manufacturer,
        "stage": product.stage,
        "effective_from": product.effective_from,
        **_typed_handling(product),
        **_typed_schedule(product),
        "dcc_prophylaxis": product.dcc_prophylaxis or "",
        "dcc_medicinal_product": product.dcc_medicinal_product or "",
        "dcc_manufacturer": product.dcc_manufacturer or "",
    }
    typed |= _typed_stage(product, product.stage, "first")
    for following in product.next_stages[:1]:
        typed |= _typed_stage(product, following.stage, "after")
        hours = following.minutes_max
        typed |= {"after_stage": following.stage, "after_hours": _hours(hours), "after_by": following.after}
        typed |= _typed_source("after_time", following.source)
        typed |= {"after_may_freeze": "yes" if _may_freeze_again(product, following.stage) else ""}
    own = [one for one in product.hold_rules if not one.rule.startswith(DEFAULT_RULE_PREFIX)]
    for number, rule in enumerate(own[:RULES_MAX]):
        typed |= _typed_rule(f"rule_{number}", rule)
    for number, vial in enumerate(_stated(product.open_vials)[:VIALS_MAX]):
        typed |= {f"vial_{number}_programme": vial.programme, f"vial_{number}_hours": _hours(vial.minutes)}
        typed |= _typed_source(f"vial_{number}", vial.source)
    return typed


def lines_shown(typed: Mapping[str, str], kind: str, most: int) -> int:
    """How many lines of a kind the form shows: those with a name, and two to fill in."""
    name = "programme" if kind == "vial" else "rule"
    used = [number for number in range(most) if typed.get(f"{kind}_{number}_{name}", "").strip()]
    return min(max(used, default=-1) + 1 + BLANK_LINES, most)


def read_form(typed: Mapping[str, str]) -> ProductFile:
    """The words of a product's file; raises FieldProblem for what is no number, no choice or missing."""
    cut = {name: value.strip()[:CHARACTERS_MAX] for name, value in typed.items()}
    words = {
        **{name: _needed(cut, name) for name in ("product", "vaccine", "display_name", "display_name_hindi")},
        **{name: _needed(cut, name) for name in ("manufacturer", "stage", "effective_from")},
        "version": _whole(cut, "version"),
        "default_rules": _defaults(cut, "first"),
        "handling": _handling(cut),
        "ranges": [_range(cut, "first", cut["stage"])],
        "hold_rules": [_rule(cut, f"rule_{number}") for number in used(cut, "rule")],
        "open_vials": [_vial(cut, f"vial_{number}") for number in used(cut, "vial")],
        "schedule": _schedule(cut),
        "dcc": {
            name: cut[f"dcc_{name}"]
            for name in ("prophylaxis", "medicinal_product", "manufacturer")
            if cut.get(f"dcc_{name}")
        },
    }
    if cut.get("after_stage"):
        words["ranges"] = [*words["ranges"], _range(cut, "after", cut["after_stage"])]  # type: ignore[misc]  # a list
        words["next_stages"] = [_next_stage(cut)]
    return msgspec.convert(words, ProductFile)


def used(typed: Mapping[str, str], kind: str) -> list[int]:
    """The numbers of the lines that have a name, in order: the product's first, second and so on."""
    name, most = ("programme", VIALS_MAX) if kind == "vial" else ("rule", RULES_MAX)
    return [number for number in range(most) if typed.get(f"{kind}_{number}_{name}", "").strip()]


def _typed_handling(product: Product) -> Typed:
    said = {name: getattr(product, name) for name in ("light_sensitive", "aluminium_adsorbed")}
    said["diluent_freeze_sensitive"] = product.diluent_freeze_sensitive
    typed = {name: "" if value is None else "yes" if value else "no" for name, value in said.items()}
    return typed | {
        "freeze_sensitive": "yes" if product.freeze_sensitive else "no",
        "doses_per_vial": str(product.doses_per_vial),
        "vvm_type": product.vvm_type or "",
        "shelf_life_months": _text(product.shelf_life_months),
        "heat_group": product.heat_group or "",
        "excursion_budget": product.excursion_budget or "",
        "mkt_joules_per_mole": str(product.mkt_joules_per_mole),
        **_typed_source("handling", product.handling_source),
    }


def _typed_schedule(product: Product) -> Typed:
    schedule = product.schedule
    return {
        "doses_total": str(schedule.doses_total),
        "interval_days_min": _text(schedule.interval_days_min),
        "interval_days_max": _text(schedule.interval_days_max),
        "age_years_min": str(schedule.age_years_min),
        "schedule_from": schedule.effective_from,
        "schedule_until": schedule.effective_until or "",
        **_typed_source("schedule", schedule.source),
    }


def _typed_stage(product: Product, stage: str, where: str) -> Typed:
    labelled = next(one for one in product.ranges if one.stage == stage)
    typed = {
        f"{where}_min": degrees(labelled.centi_celsius_min),
        f"{where}_max": degrees(labelled.centi_celsius_max),
        **_typed_source(where, labelled.source),
    }
    of_stage = [one for one in product.hold_rules if (one.stage or product.stage) == stage]
    named = {DEFAULT_RULES[one.rule] for one in of_stage if one.rule in DEFAULT_RULES}
    return typed | {f"{where}_default_{name}": "yes" for name in named}


def _typed_rule(line: str, rule: HoldRule) -> Typed:
    return {
        f"{line}_rule": rule.rule,
        f"{line}_stage": "" if rule.stage is None else "after",
        f"{line}_side": rule.side.value,
        f"{line}_limit": degrees(rule.limit_centi_celsius),
        f"{line}_inclusive": "yes" if rule.inclusive else "",
        f"{line}_measure": rule.measure.value,
        f"{line}_minutes": str(rule.minutes),
        **_typed_source(line, rule.source),
    }


def _typed_source(where: str, source: Source | None) -> Typed:
    if source is None:
        return {f"{where}_citation": "", f"{where}_confidence": "low", f"{where}_decided_by": ""}
    decided = source.decided_by if source.default_of else None
    typed = {f"{where}_citation": source.citation, f"{where}_confidence": source.confidence}
    return typed | {f"{where}_decided_by": decided or ""}


def _may_freeze_again(product: Product, stage: str) -> bool:
    """A thawed stage that nothing watches for cold was let freeze again when it was checked."""
    return not any(one.stage == stage and one.side.value == "cold" for one in product.hold_rules)


def _stated(vials: list[OpenVial]) -> list[OpenVial]:
    """Without what the programme put in by itself: its narrower time, or the copy of the shortest stated one."""
    stated = []
    for number, vial in enumerate(vials):
        others = [*vials[:number], *vials[number + 1 :]]
        is_copy = number == 0 and any((one.minutes, one.source) == (vial.minutes, vial.source) for one in others)
        if vial.source.default_of is None and not is_copy:
            stated.append(vial)
    return stated


def _handling(cut: Typed) -> dict[str, object]:
    choices = ("light_sensitive", "aluminium_adsorbed", "diluent_freeze_sensitive")
    words: dict[str, object] = {name: _choice(cut, name, YES_NO) for name in choices}
    words["freeze_sensitive"] = _choice(cut, "freeze_sensitive", {"yes": True, "no": False})
    words |= {name: cut.get(name) or None for name in ("vvm_type", "heat_group", "excursion_budget")}
    words |= {name: _whole(cut, name, needed=False) for name in ("shelf_life_months", "mkt_joules_per_mole")}
    return words | {"doses_per_vial": _whole(cut, "doses_per_vial"), "source": _source(cut, "handling")}


def _range(cut: Typed, where: str, stage: str) -> dict[str, object]:
    return {
        "stage": stage,
        "centi_celsius_min": centi_celsius(cut, f"{where}_min", needed=False),
        "centi_celsius_max": centi_celsius(cut, f"{where}_max", needed=False),
        "source": _source(cut, where),
    }


def _next_stage(cut: Typed) -> dict[str, object]:
    return {
        "stage": cut["after_stage"],
        "after": cut.get("after_by") or "thaw",
        "minutes_max": _minutes(cut, "after_hours", needed=False),
        "may_freeze_again": cut.get("after_may_freeze") == "yes",
        "default_rules": _defaults(cut, "after"),
        "source": _source(cut, "after_time"),
    }


def _rule(cut: Typed, line: str) -> dict[str, object]:
    return {
        "rule": cut[f"{line}_rule"],
        "stage": (cut.get("after_stage") or THAWED) if cut.get(f"{line}_stage") == "after" else None,
        "side": _choice(cut, f"{line}_side", {"cold": "cold", "hot": "hot"}),
        "limit_centi_celsius": centi_celsius(cut, f"{line}_limit"),
        "inclusive": cut.get(f"{line}_inclusive") == "yes",
        "measure": _choice(cut, f"{line}_measure", {"run": "run", "cumulative": "cumulative"}),
        "minutes": _whole(cut, f"{line}_minutes"),
        "source": _source(cut, line),
    }


def _vial(cut: Typed, line: str) -> dict[str, object]:
    minutes = _minutes(cut, f"{line}_hours")
    return {"programme": cut[f"{line}_programme"], "minutes": minutes, "source": _source(cut, line)}


def _schedule(cut: Typed) -> dict[str, object]:
    words: dict[str, object] = {name: _whole(cut, name) for name in ("doses_total", "age_years_min")}
    words |= {name: _whole(cut, name, needed=False) for name in ("interval_days_min", "interval_days_max")}
    words["effective_from"] = cut.get("schedule_from") or cut["effective_from"]
    return words | {"effective_until": cut.get("schedule_until") or None, "source": _source(cut, "schedule")}


def _source(cut: Typed, where: str) -> dict[str, object]:
    words: dict[str, object] = {"citation": _needed(cut, f"{where}_citation")}
    words["confidence"] = cut.get(f"{where}_confidence") or "low"
    if cut.get(f"{where}_decided_by"):
        words |= {"default_of": "programme", "decided_by": cut[f"{where}_decided_by"]}
    return words


def _defaults(cut: Typed, where: str) -> list[str]:
    return [name for name in DEFAULTS if cut.get(f"{where}_default_{name}") == "yes"]


def _needed(cut: Typed, name: str) -> str:
    if not cut.get(name):
        raise FieldProblem(NOT_ANSWERED, field=name)
    return cut[name]


def _choice(cut: Typed, name: str, among: Mapping[str, object]) -> object:
    if cut.get(name, "") not in among:
        raise FieldProblem(NOT_ANSWERED, field=name)
    return among[cut.get(name, "")]


def _whole(cut: Typed, name: str, *, needed: bool = True) -> int | None:
    text = _needed(cut, name) if needed else cut.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(10**9))):
        raise FieldProblem(NOT_WHOLE, field=name)
    return int(text)


def centi_celsius(cut: Typed, name: str, *, needed: bool = True) -> int | None:
    """Hundredths of a degree of what was typed in degrees."""
    return _hundredths(cut, name, lambda hundredths: hundredths, needed=needed)


def _minutes(cut: Typed, name: str, *, needed: bool = True) -> int | None:
    """Minutes of what was typed in hours."""
    return _hundredths(cut, name, lambda hundredths: hundredths * MINUTES_PER_HOUR // CENTI, needed=needed)


def _hundredths(cut: Typed, name: str, made: Callable[[int], int], *, needed: bool) -> int | None:
    """Exactly: two decimals at most, no float on the way to a limit."""
    text = _needed(cut, name) if needed else cut.get(name, "")
    if not text:
        return None
    found = NUMBER.fullmatch(text.replace("−", "-").replace(",", "."))
    if found is None:
        raise FieldProblem(NOT_A_NUMBER, field=name)
    sign = -1 if found["sign"] == "-" else 1
    return made(sign * (int(found["whole"]) * CENTI + int((found["part"] or "").ljust(2, "0"))))


def degrees(centi: int | None) -> str:
    """Degrees as they are typed: `8`, `-0.5`; nothing for an open side."""
    return "" if centi is None else _plain(centi)


def _hours(minutes: int | None) -> str:
    """Rounded up to a hundredth, so that the minutes typed back, rounded down, are the same."""
    return "" if minutes is None else _plain(-(-minutes * CENTI // MINUTES_PER_HOUR))


def _plain(hundredths: int) -> str:
    whole, part = divmod(abs(hundredths), CENTI)
    digits = f"{whole}.{part:02}".rstrip("0").rstrip(".")
    return f"-{digits}" if hundredths < 0 else digits


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def field_of(key: str, typed: Mapping[str, str]) -> str:
    """The form's field that a flaw's key means; `product` where there is none of its own."""
    return next((field for field in _fields(key, typed) if field), "product")


_PLACES = {
    "ranges[0].centi_celsius_min": "first_min",
    "ranges[0].centi_celsius_max": "first_max",
    "ranges[0]": "first_min",
    "ranges[1].centi_celsius_min": "after_min",
    "ranges[1].centi_celsius_max": "after_max",
    "ranges[1].stage": "after_stage",
    "ranges[1]": "after_min",
    "next_stages[0].stage": "after_stage",
    "next_stages[0].after": "after_by",
    "next_stages[0].minutes_max": "after_hours",
    "next_stages[0].default_rules": "after_default_refrigerated",
    "default_rules": "first_default_refrigerated",
    "schedule.effective_from": "schedule_from",
    "schedule.effective_until": "schedule_until",
    "effective_until": "effective_from",
}
_SOURCES = {
    "ranges[0]": "first",
    "ranges[1]": "after",
    "next_stages[0]": "after_time",
    "handling": "handling",
    "schedule": "schedule",
}
_LINE_WORDS = {"limit_centi_celsius": "limit", "programme": "programme", "minutes": "minutes"}


def _fields(key: str, typed: Mapping[str, str]) -> Iterator[str]:
    yield _PLACES.get(key, "")
    place, _, word = key.partition(".")
    is_source = word.startswith("source")
    for listed, kind in (("hold_rules[", "rule"), ("open_vials[", "vial")):
        if place.startswith(listed):
            line = f"{kind}_{used(typed, kind)[int(place[len(listed) : -1])]}"
            name = "hours" if (kind, word) == ("vial", "minutes") else _LINE_WORDS.get(word, word)
            yield f"{line}_citation" if is_source else f"{line}_{name}"
    if is_source and place in _SOURCES:
        yield f"{_SOURCES[place]}_citation"
    yield word if place in {"handling", "schedule"} else ""
    yield key if key in typed else ""
