"""What the programme decides for itself: catalogue/programme.toml, each setting with its source and who decided it.

A programme may narrow a product's limit, never widen one: `narrowing.py` applies and checks that.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import msgspec

from sheetal.contracts.limits import Measure, Side, Source
from sheetal.ledger.catalogue_file import check_source, decode, is_day, problem

SHIPPED_FOLDER = Path(__file__).resolve().parents[2] / "catalogue"
"""The catalogue that comes with the code."""
MINUTES_PER_HOUR = 60
Minutes = Annotated[int, msgspec.Meta(ge=1, le=60 * 24 * 365)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class DefaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hold rule that the programme applies where a product publishes no budget.

    With `own_upper_limit` the product's own upper limit takes the place of `limit_centi_celsius`.
    """

    name: str
    rule: str
    side: Side
    limit_centi_celsius: int
    inclusive: bool
    measure: Measure
    minutes: Annotated[int, msgspec.Meta(ge=0)]
    source: Source
    own_upper_limit: bool = False


class Narrowing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit of some products that the programme keeps narrower than the products do; only what is named changes.

    `stage` names the storage stage whose range or longest time is meant, `rule` one of the products' own hold rules.
    """

    products: list[str]
    source: Source
    stage: str | None = None
    centi_celsius_min: int | None = None
    centi_celsius_max: int | None = None
    stage_minutes_max: Minutes | None = None
    open_vial_minutes: Minutes | None = None
    rule: str | None = None
    rule_minutes: Annotated[int, msgspec.Meta(ge=0)] | None = None


class PackedCarrier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a packed carrier is believed to stay cold where its own cold life is not sourced."""

    cold_life_minutes: Minutes
    source: Source


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release of more doses than this needs a second person's signature."""

    second_person_above_doses: Annotated[int, msgspec.Meta(ge=0)]
    source: Source


class Assessment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A held holding waits no longer than this for its assessment before it is shown as overdue."""

    within_minutes: Minutes
    source: Source


class Checks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an appliance is read by a person each day (HH:MM by India's clock), and how late that may be."""

    at: Annotated[list[str], msgspec.Meta(min_length=1, max_length=6)]
    late_minutes: Minutes
    source: Source


class NeedsAttention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An appliance needs attention above this share of hot time, or from this many alarms on, over these days."""

    hot_percent: Annotated[int, msgspec.Meta(ge=1, le=99)]
    alarms: Count
    days: Annotated[int, msgspec.Meta(ge=1, le=90)]
    source: Source


class Escalation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an alarm that nobody acknowledged goes to the next person, and how often the same one is reminded."""

    escalate_minutes: Minutes
    remind_minutes: Minutes
    source: Source


class ProgrammeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """catalogue/programme.toml as it stands."""

    programme: str
    default_rule: list[DefaultRule]
    narrow: list[Narrowing] = []
    packed_carrier: PackedCarrier
    release: Release
    assessment: Assessment
    checks: Checks
    needs_attention: NeedsAttention
    escalation: Escalation


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """The programme's settings as the services read them; `sources` says of each table of the file where it is from."""

    programme: str
    default_rules: list[DefaultRule]
    narrowings: list[Narrowing]
    packed_carrier_minutes: int
    release_second_person_above_doses: int
    assess_within_minutes: int
    checks_at_minutes_of_day: list[int]
    check_late_minutes: int
    needs_attention_hot_percent: int
    needs_attention_alarms: int
    needs_attention_days: int
    escalate_minutes: int
    remind_minutes: int
    sources: dict[str, Source]


def load_programme(folder: Path = SHIPPED_FOLDER) -> Programme:
    """The programme's own rules and settings; raises FileProblem that names file and key."""
    path = folder / "programme.toml"
    text = decode(path, ProgrammeFile)
    sources = _sources(text)
    for key, source in sources.items():
        _check_decided(path, key, source)
    return Programme(
        programme=text.programme,
        default_rules=text.default_rule,
        narrowings=text.narrow,
        packed_carrier_minutes=text.packed_carrier.cold_life_minutes,
        release_second_person_above_doses=text.release.second_person_above_doses,
        assess_within_minutes=text.assessment.within_minutes,
        checks_at_minutes_of_day=_minutes_of_day(path, text.checks.at),
        check_late_minutes=text.checks.late_minutes,
        needs_attention_hot_percent=text.needs_attention.hot_percent,
        needs_attention_alarms=text.needs_attention.alarms,
        needs_attention_days=text.needs_attention.days,
        escalate_minutes=text.escalation.escalate_minutes,
        remind_minutes=text.escalation.remind_minutes,
        sources=sources,
    )


def _sources(text: ProgrammeFile) -> dict[str, Source]:
    named = {f"default_rule[{number}]": one.source for number, one in enumerate(text.default_rule)}
    named |= {f"narrow[{number}]": one.source for number, one in enumerate(text.narrow)}
    return named | {
        "packed_carrier": text.packed_carrier.source,
        "release": text.release.source,
        "assessment": text.assessment.source,
        "checks": text.checks.source,
        "needs_attention": text.needs_attention.source,
        "escalation": text.escalation.source,
    }


def _check_decided(path: Path, key: str, source: Source) -> None:
    check_source(path, key, source)
    if source.default_of is None or source.decided_by is None:
        raise problem(path, f"{key}.source", "does not say who decided it")
    role, _, day = source.decided_by.rpartition(", ")
    if not role or not is_day(day):
        raise problem(path, f"{key}.source.decided_by", "is not a role and the day of the decision, YYYY-MM-DD")


def _minutes_of_day(path: Path, times: list[str]) -> list[int]:
    try:
        read = [dt.time.fromisoformat(text) for text in times]
    except ValueError as error:
        raise problem(path, "checks.at", "is not a list of times HH:MM") from error
    minutes = [one.hour * MINUTES_PER_HOUR + one.minute for one in read]
    if minutes != sorted(set(minutes)):
        raise problem(path, "checks.at", "does not go forward through the day")
    return minutes
