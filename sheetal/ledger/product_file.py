"""The words of catalogue/products/<product>.toml; the portal's form for a new product fills the same ones."""

from __future__ import annotations

import msgspec

from sheetal.contracts.limits import HoldRule, Source
from sheetal.contracts.product import OpenVial


class FileSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source as a file gives it; a misspelt key is refused, not passed over."""


class FileHoldRule(HoldRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hold rule of the product's own."""

    source: FileSource


class FileOpenVial(OpenVial, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long an opened vial may be used, by one programme or by the label."""

    source: FileSource


class Handling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a product is handled; what is not named is not known."""

    freeze_sensitive: bool
    doses_per_vial: int
    light_sensitive: bool | None = None
    aluminium_adsorbed: bool | None = None
    diluent_freeze_sensitive: bool | None = None
    vvm_type: str | None = None
    shelf_life_months: int | None = None
    heat_group: str | None = None
    excursion_budget: str | None = None
    mkt_joules_per_mole: int | None = None
    source: FileSource


class FileRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A storage range, open on a side that is not named."""

    stage: str
    centi_celsius_min: int | None = None
    centi_celsius_max: int | None = None
    source: FileSource


class FileNextStage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage that a recorded act begins, its longest time, and the programme's rules that judge it.

    Thawed stock must not freeze again, unless `may_freeze_again` says otherwise.
    """

    stage: str
    after: str
    minutes_max: int | None = None
    may_freeze_again: bool = False
    default_rules: list[str] = []
    source: FileSource


class FileSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule; a bound that is not named does not exist."""

    doses_total: int
    interval_days_min: int | None = None
    interval_days_max: int | None = None
    age_years_min: int
    effective_from: str
    effective_until: str | None = None
    source: FileSource


class DccCodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Codes of the EU DCC value sets, where publicly known."""

    prophylaxis: str | None = None
    medicinal_product: str | None = None
    manufacturer: str | None = None


class ProductFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of one product; `default_rules` names rules of programme.toml that judge its first stage."""

    product: str
    version: int
    vaccine: str
    display_name: str
    display_name_hindi: str
    manufacturer: str
    stage: str
    effective_from: str
    effective_until: str | None = None
    default_rules: list[str] = []
    handling: Handling
    ranges: list[FileRange]
    next_stages: list[FileNextStage] = []
    hold_rules: list[FileHoldRule] = []
    open_vials: list[FileOpenVial] = []
    schedule: FileSchedule
    dcc: DccCodes = DccCodes()
