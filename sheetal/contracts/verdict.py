"""The engine's sourced finding on a holding, judged through an instant, by a rule version."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sheetal.contracts.limits import HoldRule, Side


class Finding(StrEnum):
    """What the engine found; it never releases and never condemns, it can only propose."""

    USABLE = "usable"
    EXCURSION_NOTED = "excursion_noted"
    HOLD = "hold"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """An unbroken span beyond one limit.

    `confirmed_half_ms` counts only spans with both ends violating, `possible_half_ms` adds the adjoining spans, capped;
    both in half-milliseconds so that halving a span stays exact. `earliest_possible_start_ms` is where the possible
    time begins. Open means that the run reaches the last sample known.
    """

    sensor: str
    side: Side
    limit_centi_celsius: int
    first_ms: int
    last_ms: int
    earliest_possible_start_ms: int
    confirmed_half_ms: int
    possible_half_ms: int
    extreme_centi_celsius: int
    samples: int
    open: bool


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A hold rule that was reached: by which run or sum, since when the holding was possibly unfit."""

    rule: HoldRule
    appliance: str
    stay: int
    run: Run | None
    minutes_confirmed: int
    minutes_possible: int
    compromised_from_ms: int
    borderline: bool


class StayEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one stay contributed; the sensors and the span are enough to read the same rows again."""

    stay: int
    appliance: str
    evidence_kind: str
    from_ms: int
    until_ms: int | None
    sensors: list[str]
    readings: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    minutes_unknown: int
    known_through_ms: int | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with all that is needed to recompute it; a new one is appended, never edited."""

    holding: str
    finding: Finding
    rule_version: str
    product: str
    product_version: int
    judged_through_ms: int
    known_through_ms: int | None
    reached: list[Reached]
    noted: list[Run]
    stays: list[StayEvidence]
