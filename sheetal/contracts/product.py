"""The catalogue's words: a product is vaccine + manufacturer + presentation and owns its sourced limits."""

from __future__ import annotations

import msgspec

from sheetal.contracts.limits import HoldRule, Source, StorageRange


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Dose intervals and ages in force between two dates; judged by the rules of a dose's own day."""

    doses_total: int
    interval_days_min: int | None
    interval_days_max: int | None
    age_years_min: int
    effective_from: str
    effective_until: str | None
    source: Source


class NextStage(msgspec.Struct, frozen=True, kw_only=True):
    """A one-way step into another storage stage and the longest time in it; None where no longest time is published.

    `after` is the recorded act that begins it: "thaw" of the holding, or "open" of its vials.
    """

    stage: str
    after: str
    minutes_max: int | None
    source: Source


class OpenVial(msgspec.Struct, frozen=True, kw_only=True):
    """How long an opened vial may be used by one programme ("IN", "WHO")."""

    programme: str
    minutes: int
    source: Source


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One dated version of one product.

    `vaccine` is CoWIN's upper-case API string. `stage` names the storage range that judges unopened stock.
    """

    product: str
    version: int
    vaccine: str
    display_name: str
    display_name_hindi: str
    manufacturer: str
    stage: str
    freeze_sensitive: bool
    vvm_type: str | None
    doses_per_vial: int
    open_vial_hours: int | None
    ranges: list[StorageRange]
    hold_rules: list[HoldRule]
    schedule: Schedule
    excursion_budget: str | None
    effective_from: str
    effective_until: str | None = None
    dcc_medicinal_product: str | None = None
    dcc_prophylaxis: str | None = None
    dcc_manufacturer: str | None = None
    light_sensitive: bool | None = None
    aluminium_adsorbed: bool | None = None
    diluent_freeze_sensitive: bool | None = None
    shelf_life_months: int | None = None
    heat_group: str | None = None
    next_stages: list[NextStage] = []
    open_vials: list[OpenVial] = []
    handling_source: Source | None = None
    mkt_joules_per_mole: int = 83_144
