"""Makes a product of its file: the programme's default rules put in, its narrowings applied, everything checked (pure).

The loader and the portal's form both come through here, so a product from either was checked alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.limits import HoldRule, StorageRange
from sheetal.contracts.product import NextStage, OpenVial, Product, Schedule
from sheetal.ledger import product_checks
from sheetal.ledger.narrowing import narrowed
from sheetal.ledger.product_checks import Flaw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.ledger.product_file import FileNextStage, FileRange, FileSchedule, ProductFile
    from sheetal.ledger.programme import DefaultRule, Programme

MKT_JOULES_PER_MOLE = 83_144
MINUTES_PER_HOUR = 60


def product_of(text: ProductFile, programme: Programme) -> Product:
    """The product as it is judged; raises Flaw for the first thing that is wrong with it."""
    product_checks.check(text, {one.name: one for one in programme.default_rules})
    # Through JSON, so that it equals what the ledger reads back: a file's words are types of their own.
    own = msgspec.json.decode(msgspec.json.encode(_own(text, programme)), type=Product)
    return with_own_hours(narrowed(own, programme), programme.programme)


def with_own_hours(product: Product, programme: str) -> Product:
    """With the programme's open-vial time: its own where it names one, else the shortest that anybody states."""
    stated = product.open_vials
    if stated and not any(one.programme == programme for one in stated):
        shortest = min(stated, key=lambda one: one.minutes)
        own = OpenVial(programme=programme, minutes=shortest.minutes, source=shortest.source)
        stated = [own, *stated]
    hours = next((one.minutes // MINUTES_PER_HOUR for one in stated if one.programme == programme), None)
    return msgspec.structs.replace(product, open_vials=stated, open_vial_hours=hours)


def _own(text: ProductFile, programme: Programme) -> Product:
    handling = text.handling
    return Product(
        product=text.product,
        version=text.version,
        vaccine=text.vaccine,
        display_name=text.display_name,
        display_name_hindi=text.display_name_hindi,
        manufacturer=text.manufacturer,
        stage=text.stage,
        freeze_sensitive=handling.freeze_sensitive,
        vvm_type=handling.vvm_type,
        doses_per_vial=handling.doses_per_vial,
        open_vial_hours=None,
        ranges=[_range(one) for one in text.ranges],
        hold_rules=[*text.hold_rules, *_default_rules(text, programme)],
        schedule=_schedule(text.schedule),
        excursion_budget=handling.excursion_budget,
        effective_from=text.effective_from,
        effective_until=text.effective_until,
        dcc_medicinal_product=text.dcc.medicinal_product,
        dcc_prophylaxis=text.dcc.prophylaxis,
        dcc_manufacturer=text.dcc.manufacturer,
        light_sensitive=handling.light_sensitive,
        aluminium_adsorbed=handling.aluminium_adsorbed,
        diluent_freeze_sensitive=handling.diluent_freeze_sensitive,
        shelf_life_months=handling.shelf_life_months,
        heat_group=handling.heat_group,
        next_stages=[_next_stage(one) for one in text.next_stages],
        open_vials=[*text.open_vials],
        handling_source=handling.source,
        mkt_joules_per_mole=handling.mkt_joules_per_mole or MKT_JOULES_PER_MOLE,
    )


def _range(text: FileRange) -> StorageRange:
    return StorageRange(
        stage=text.stage,
        centi_celsius_min=text.centi_celsius_min,
        centi_celsius_max=text.centi_celsius_max,
        source=text.source,
    )


def _schedule(text: FileSchedule) -> Schedule:
    return Schedule(
        doses_total=text.doses_total,
        interval_days_min=text.interval_days_min,
        interval_days_max=text.interval_days_max,
        age_years_min=text.age_years_min,
        effective_from=text.effective_from,
        effective_until=text.effective_until,
        source=text.source,
    )


def _default_rules(text: ProductFile, programme: Programme) -> Iterator[HoldRule]:
    """The programme's rules for the first stage, then those for each later one."""
    known = {one.name: one for one in programme.default_rules}
    for name in text.default_rules:
        yield _applied(known[name], text, None)
    for following in text.next_stages:
        for name in following.default_rules:
            yield _applied(known[name], text, following.stage)


def _applied(default: DefaultRule, text: ProductFile, stage: str | None) -> HoldRule:
    limit = default.limit_centi_celsius
    if default.own_upper_limit:
        own = next(one.centi_celsius_max for one in text.ranges if one.stage == (stage or text.stage))
        limit = limit if own is None else own
    return HoldRule(
        rule=default.rule,
        side=default.side,
        limit_centi_celsius=limit,
        inclusive=default.inclusive,
        measure=default.measure,
        minutes=default.minutes,
        source=default.source,
        stage=stage,
    )


def _next_stage(text: FileNextStage) -> NextStage:
    return NextStage(stage=text.stage, after=text.after, minutes_max=text.minutes_max, source=text.source)


__all__ = ["Flaw", "product_of", "with_own_hours"]
