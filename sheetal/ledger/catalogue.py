"""The catalogue: from its TOML files into products, and from products into dated versions in the ledger.

A limit without a source does not load (DESIGN promise 7). A recorded version never changes; a product's new version has
all its holdings judged again.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import or_, select

from sheetal.contracts.limits import HoldRule, Side, Source, StorageRange
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.product import Product, Schedule
from sheetal.ledger import rejudge
from sheetal.ledger.catalogue_file import check_source, decode, problem
from sheetal.ledger.programme import DefaultRule, load_programme
from sheetal.ledger.stock_tables import holding, lot
from sheetal.ledger.stock_tables import product as product_table
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection

PROGRAMME_ZONE = dt.timezone(dt.timedelta(hours=5, minutes=30), "Asia/Kolkata")
MS_PER_SECOND = 1_000

_product_decoder = msgspec.json.Decoder(Product)


class Handling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a product is handled."""

    freeze_sensitive: bool
    doses_per_vial: int
    vvm_type: str | None = None
    open_vial_hours: int | None = None
    excursion_budget: str | None = None
    source: Source


class FileRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A storage range, open on a side that is not named."""

    stage: str
    centi_celsius_min: int | None = None
    centi_celsius_max: int | None = None
    source: Source


class FileSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule; a bound that is not named does not exist."""

    doses_total: int
    interval_days_min: int | None = None
    interval_days_max: int | None = None
    age_years_min: int
    effective_from: str
    effective_until: str | None = None
    source: Source


class DccCodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Codes of the EU DCC value sets, where publicly known."""

    prophylaxis: str | None = None
    medicinal_product: str | None = None
    manufacturer: str | None = None


class ProductFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """catalogue/products/<product>.toml; `default_rules` names rules of programme.toml."""

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
    hold_rules: list[HoldRule] = []
    schedule: FileSchedule
    dcc: DccCodes = DccCodes()


def load_catalogue(folder: Path) -> list[Product]:
    """The products of catalogue/products, in order of id; raises FileProblem that names file and key."""
    programme = load_programme(folder)
    defaults = {rule.name: rule for rule in programme.default_rules}
    return [_load_product(path, defaults) for path in sorted((folder / "products").glob("*.toml"))]


def record_products(conn: Connection, products: Sequence[Product], now_ms: int) -> list[str]:
    """Record versions that are new; gives the ids of products that got one.

    Raises Refused (`version_changed`) when a recorded version would read differently.
    """
    renewed = []
    for one in products:
        definition = msgspec.json.encode(one, order="deterministic").decode()
        had_any = _definitions(conn, one.product)
        if had_any.get(one.version, definition) != definition:
            raise Refused(
                "a recorded version of a product never changes",
                next_step="give the new text a new version number",
                reason="version_changed",
                product=one.product,
                version=one.version,
            )
        if one.version not in had_any:
            _record(conn, one, definition, now_ms)
            renewed.append(one.product)
            if had_any:
                _rejudge_all(conn, one.product, now_ms)
    return renewed


def product_version(conn: Connection, product_id: str, on_ms: int) -> Product:
    """The version in force on an instant's day in the programme's time zone; raises NotFound."""
    day = day_of(on_ms)
    query = (
        select(product_table.c.definition)
        .where(
            product_table.c.id == product_id,
            product_table.c.effective_from <= day,
            or_(product_table.c.effective_until.is_(None), product_table.c.effective_until > day),
        )
        .order_by(product_table.c.version.desc())
        .limit(1)
    )
    definition = conn.execute(query).scalar_one_or_none()
    if definition is None:
        raise NotFound("no version of this product is in force on that day", product=product_id, day=day)
    return _product_decoder.decode(definition)


def product_by_version(conn: Connection, product_id: str, version: int) -> Product:
    """Exactly this version, as a verdict names it; raises NotFound."""
    definition = _definitions(conn, product_id).get(version)
    if definition is None:
        raise NotFound("no such version of this product", product=product_id, version=version)
    return _product_decoder.decode(definition)


def products(conn: Connection, on_ms: int) -> list[Product]:
    """Every product that has a version in force on an instant's day, in order of id."""
    found = []
    for product_id in conn.execute(select(product_table.c.id).distinct().order_by(product_table.c.id)).scalars().all():
        try:
            found.append(product_version(conn, product_id, on_ms))
        except NotFound:
            continue
    return found


def day_of(at_ms: int) -> str:
    """The calendar day of an instant in the programme's time zone (UTC+05:30), as YYYY-MM-DD."""
    return dt.datetime.fromtimestamp(at_ms // MS_PER_SECOND, PROGRAMME_ZONE).date().isoformat()


def _load_product(path: Path, defaults: dict[str, DefaultRule]) -> Product:
    text = decode(path, ProductFile)
    _check_product(path, text, defaults)
    return Product(
        product=text.product,
        version=text.version,
        vaccine=text.vaccine,
        display_name=text.display_name,
        display_name_hindi=text.display_name_hindi,
        manufacturer=text.manufacturer,
        stage=text.stage,
        freeze_sensitive=text.handling.freeze_sensitive,
        vvm_type=text.handling.vvm_type,
        doses_per_vial=text.handling.doses_per_vial,
        open_vial_hours=text.handling.open_vial_hours,
        ranges=[msgspec.convert(msgspec.to_builtins(one), StorageRange) for one in text.ranges],
        hold_rules=[*text.hold_rules, *(_applied(defaults[name], text) for name in text.default_rules)],
        schedule=msgspec.convert(msgspec.to_builtins(text.schedule), Schedule),
        excursion_budget=text.handling.excursion_budget,
        effective_from=text.effective_from,
        effective_until=text.effective_until,
        dcc_medicinal_product=text.dcc.medicinal_product,
        dcc_prophylaxis=text.dcc.prophylaxis,
        dcc_manufacturer=text.dcc.manufacturer,
    )


def _applied(default: DefaultRule, text: ProductFile) -> HoldRule:
    limit = default.limit_centi_celsius
    if default.own_upper_limit:
        own = next(one.centi_celsius_max for one in text.ranges if one.stage == text.stage)
        limit = limit if own is None else own
    return HoldRule(
        rule=default.rule,
        side=default.side,
        limit_centi_celsius=limit,
        inclusive=default.inclusive,
        measure=default.measure,
        minutes=default.minutes,
        source=default.source,
    )


def _check_product(path: Path, text: ProductFile, defaults: dict[str, DefaultRule]) -> None:
    sourced = {"handling": text.handling.source, "schedule": text.schedule.source}
    sourced |= {f"ranges[{number}]": one.source for number, one in enumerate(text.ranges)}
    sourced |= {f"hold_rules[{number}]": one.source for number, one in enumerate(text.hold_rules)}
    for key, source in sourced.items():
        check_source(path, key, source)
    for name in text.default_rules:
        if name not in defaults:
            raise problem(path, "default_rules", f"names {name!r}, which programme.toml does not know")
    if text.product != path.stem:
        raise problem(path, "product", "is not the file's name")
    if text.stage not in {one.stage for one in text.ranges}:
        raise problem(path, "stage", "names a stage without a range")
    sides = {one.side for one in text.hold_rules} | {defaults[name].side for name in text.default_rules}
    if Side.HOT not in sides:
        raise problem(path, "default_rules", "leaves the product without a hold rule for heat")
    if text.handling.freeze_sensitive and Side.COLD not in sides:
        raise problem(path, "default_rules", "leaves a freeze-sensitive product without a hold rule for cold")
    _check_days(path, text)


def _check_days(path: Path, text: ProductFile) -> None:
    days = {
        "effective_from": text.effective_from,
        "effective_until": text.effective_until,
        "schedule.effective_from": text.schedule.effective_from,
        "schedule.effective_until": text.schedule.effective_until,
    }
    for key, day in days.items():
        try:
            dt.date.fromisoformat(day or "2000-01-01")
        except ValueError as error:
            raise problem(path, key, "is not a day YYYY-MM-DD") from error


def _definitions(conn: Connection, product_id: str) -> dict[int, str]:
    query = select(product_table.c.version, product_table.c.definition).where(product_table.c.id == product_id)
    return {row.version: row.definition for row in conn.execute(query)}


def _record(conn: Connection, one: Product, definition: str, now_ms: int) -> None:
    row = {
        "id": one.product,
        "version": one.version,
        "definition": definition,
        "effective_from": one.effective_from,
        "effective_until": one.effective_until,
        "recorded_at_ms": now_ms,
    }
    insert_missing(conn, product_table, [row])


def _rejudge_all(conn: Connection, product_id: str, now_ms: int) -> None:
    query = select(holding.c.id, holding.c.created_at_ms).join(lot, lot.c.id == holding.c.lot_id)
    for row in conn.execute(query.where(lot.c.product_id == product_id).order_by(holding.c.id)).all():
        rejudge.mark_holding(conn, row.id, row.created_at_ms, now_ms)
