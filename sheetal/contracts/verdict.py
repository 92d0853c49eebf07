"""The engine's sourced finding on a holding, judged through an instant, by a rule version."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sheetal.contracts.limits import HoldRule, Side, Source


class Finding(StrEnum):
    """What the engine found; it never releases and never condemns, it can only propose."""

    USABLE = "usable"
    EXCURSION_NOTED = "excursion_noted"
    HOLD = "hold"
    PROPOSED_CONDEMNED = "proposed_condemned"


HOLDING = frozenset({Finding.HOLD, Finding.PROPOSED_CONDEMNED})
"""The findings that close the gate at once."""


class Ground(StrEnum):
    """Why the engine holds or proposes to condemn, beside a limit that was reached."""

    FROZEN = "frozen"
    VVM_STAGE = "vvm_stage"
    VVM_LIFE = "vvm_life"
    EXPIRED = "expired"
    OPEN_TOO_LONG = "open_too_long"
    STAGE_TOO_LONG = "stage_too_long"
    PACKED_FROZEN = "packed_frozen"


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
    """A hold rule that was reached: by which run or sum of which sensor, since when the holding was possibly unfit."""

    rule: HoldRule
    appliance: str
    stay: int
    run: Run | None
    minutes_confirmed: int
    minutes_possible: int
    compromised_from_ms: int
    borderline: bool
    sensor: str = ""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A ground that no run of readings gives; `condemns` when the engine proposes to condemn, else it only holds.

    `since_ms` is the instant from which the ground stands, `compromised_from_ms` the one from which doses are doubted,
    None where doses given before are not.
    """

    ground: Ground
    condemns: bool
    since_ms: int
    compromised_from_ms: int | None
    source: Source


class BudgetUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a cumulative limit's minutes a holding has used over all its stays."""

    rule: HoldRule
    minutes_confirmed: int
    minutes_possible: int


class VvmUse(msgspec.Struct, frozen=True, kw_only=True):
    """The life that a vaccine vial monitor has computedly lost: parts per million of its whole life.

    `ppm_unknown_worst` adds the unknown minutes at the warmest known temperature of the life. It is a computation from
    what the appliance was like, never a reading of the vial; `stage` is the last one that a person read.
    """

    vvm_type: str
    ppm: int
    ppm_unknown_worst: int
    stage: int | None
    stage_read_at_ms: int | None
    source: Source


class MktUse(msgspec.Struct, frozen=True, kw_only=True):
    """Mean kinetic temperature of a life as evidence; None where too little is known, which `note` says."""

    centi_celsius: int | None
    joules_per_mole: int
    coverage_permille: int
    note: str


class SensorEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What vouches for a sensor in a stay: where it hung, its accuracy, and the calibration in force; ± centi-degrees.

    `faults` are times that a named person has declared it faulty in; nothing it said then counts.
    """

    sensor: str
    position: str
    accuracy_centi_celsius: int | None
    calibration_certificate: str | None = None
    calibration_uncertainty_centi_celsius: int | None = None
    calibrated_at_ms: int | None = None
    calibration_due_at_ms: int | None = None
    faults: list[tuple[int, int | None]] = []


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
    stage: str = ""
    fusion: str = "worst"
    vouchers: list[SensorEvidence] = []


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
    proposals: list[Proposal] = []
    budgets: list[BudgetUse] = []
    vvm: VvmUse | None = None
    mkt: MktUse | None = None
