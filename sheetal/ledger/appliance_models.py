"""What is known of kinds and models of appliances: catalogue/appliances.toml. A figure that nobody sourced is None."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- a default argument below is one
from typing import Annotated, Literal

import msgspec

from sheetal.contracts.limits import Side, Source
from sheetal.ledger.catalogue_file import check_source, decode, problem
from sheetal.ledger.programme import SHIPPED_FOLDER

Kind = Literal["ilr", "deep_freezer", "walk_in_cooler", "walk_in_freezer", "cold_box", "carrier"]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=60 * 24 * 60)]


class ModelRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the appliance is kept at, both ends in range."""

    centi_celsius_min: int
    centi_celsius_max: int
    source: Source


class ModelAlarm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule by which the appliance's own logger fires: an unbroken run beyond the limit."""

    side: Side
    limit_centi_celsius: int
    inclusive: bool
    minutes: Minutes
    source: Source


class SourcedMinutes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time that somebody measured or published."""

    minutes: Minutes
    source: Source


class ApplianceModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind or model; `holdover` is its time without power, `cold_life` a carrier's time with its ice packs."""

    id: str
    name: str
    kind: Kind
    range: ModelRange
    alarm: list[ModelAlarm] = []
    holdover: SourcedMinutes | None = None
    cold_life: SourcedMinutes | None = None


class ModelsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """catalogue/appliances.toml as it stands."""

    model: list[ApplianceModel]


def load_models(folder: Path = SHIPPED_FOLDER) -> list[ApplianceModel]:
    """The models in the file's order; raises FileProblem that names file and key."""
    path = folder / "appliances.toml"
    models = decode(path, ModelsFile).model
    ids = [one.id for one in models]
    for number, one in enumerate(models):
        key = f"model[{number}]"
        if ids.count(one.id) > 1:
            raise problem(path, f"{key}.id", "is another model's too")
        if one.range.centi_celsius_min >= one.range.centi_celsius_max:
            raise problem(path, f"{key}.range.centi_celsius_max", "is not above centi_celsius_min")
        for where, source in _sources(one).items():
            check_source(path, f"{key}.{where}", source)
    return models


def _sources(one: ApplianceModel) -> dict[str, Source]:
    named = {"range": one.range.source}
    named |= {f"alarm[{number}]": alarm.source for number, alarm in enumerate(one.alarm)}
    for name, minutes in (("holdover", one.holdover), ("cold_life", one.cold_life)):
        if minutes is not None:
            named[name] = minutes.source
    return named
