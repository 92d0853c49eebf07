"""The catalogue: from its TOML files into products, and from products into dated versions in the ledger.

A limit without a source does not load (DESIGN promise 7). A recorded version never changes; a product's new version has
all its holdings judged again.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import or_, select

from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.product import Product
from sheetal.ledger import rejudge
from sheetal.ledger.catalogue_file import decode, problem
from sheetal.ledger.narrowing import Widening
from sheetal.ledger.product_build import Flaw, product_of
from sheetal.ledger.product_file import ProductFile
from sheetal.ledger.programme import SHIPPED_FOLDER, Programme, load_programme
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


class RecordedVersion(NamedTuple):
    """A version as it stands in the ledger, and since when."""

    product: Product
    recorded_at_ms: int


def load_catalogue(folder: Path = SHIPPED_FOLDER) -> list[Product]:
    """The products of catalogue/products, in order of id; raises FileProblem that names file and key."""
    programme = load_programme(folder)
    paths = sorted((folder / "products").glob("*.toml"))
    loaded = [_load_product(path, programme) for path in paths]
    known = {one.product for one in loaded}
    for number, narrowing in enumerate(programme.narrowings):
        for name in narrowing.products:
            if name not in known:
                raise problem(folder / "programme.toml", f"narrow[{number}].products", f"names {name!r}: no such file")
    return loaded


def record_products(conn: Connection, products: Sequence[Product], now_ms: int) -> list[str]:
    """Record versions that are new; gives the ids of products that got one.

    Raises Refused (`version_changed`) when a recorded version would read differently. What it says is compared, not its
    text, so that a field which came later and stands at its default changes nothing.
    """
    renewed = []
    for one in products:
        recorded = {version.product.version: version.product for version in versions(conn, one.product)}
        if recorded.get(one.version, one) != one:
            raise Refused(
                "a recorded version of a product never changes",
                next_step="give the new text a new version number",
                reason="version_changed",
                product=one.product,
                version=one.version,
            )
        if one.version not in recorded:
            _record(conn, one, now_ms)
            renewed.append(one.product)
            if recorded:
                rejudge_all(conn, one.product, now_ms)
    return renewed


def versions(conn: Connection, product_id: str) -> list[RecordedVersion]:
    """Every recorded version of a product, the newest first; an empty list for an unknown one."""
    query = select(product_table).where(product_table.c.id == product_id).order_by(product_table.c.version.desc())
    return [
        RecordedVersion(_product_decoder.decode(row.definition), row.recorded_at_ms)
        for row in conn.execute(query).all()
    ]


def product_version(conn: Connection, product_id: str, on_ms: int) -> Product:
    """The version in force on an instant's day in the programme's time zone; raises NotFound.

    One that cannot be read is as good as none: a problem of its own holdings, and of nobody else's.
    """
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
    try:
        return _product_decoder.decode(definition)
    except msgspec.DecodeError as error:
        raise NotFound("the version of this product in force cannot be read", product=product_id, day=day) from error


def product_by_version(conn: Connection, product_id: str, version: int) -> Product:
    """Exactly this version, as a verdict names it; raises NotFound."""
    query = select(product_table.c.definition)
    query = query.where(product_table.c.id == product_id, product_table.c.version == version)
    definition = conn.execute(query).scalar_one_or_none()
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


def start_of_day(day: str) -> int:
    """The first instant of a calendar day in the programme's time zone."""
    return int(dt.datetime.fromisoformat(day).replace(tzinfo=PROGRAMME_ZONE).timestamp()) * MS_PER_SECOND


def rejudge_all(conn: Connection, product_id: str, now_ms: int) -> None:
    """Ask for new verdicts on every holding of a product."""
    query = select(holding.c.id, holding.c.created_at_ms).join(lot, lot.c.id == holding.c.lot_id)
    for row in conn.execute(query.where(lot.c.product_id == product_id).order_by(holding.c.id)).all():
        rejudge.mark_holding(conn, row.id, row.created_at_ms, now_ms)


def _load_product(path: Path, programme: Programme) -> Product:
    text = decode(path, ProductFile)
    if text.product != path.stem:
        raise problem(path, "product", "is not the file's name")
    try:
        return product_of(text, programme)
    except Widening as flaw:
        raise problem(path.parent.parent / "programme.toml", flaw.key, flaw.what) from flaw
    except Flaw as flaw:
        raise problem(path, flaw.key, flaw.what) from flaw


def _record(conn: Connection, one: Product, now_ms: int) -> None:
    row = {
        "id": one.product,
        "version": one.version,
        "definition": msgspec.json.encode(one, order="deterministic").decode(),
        "effective_from": one.effective_from,
        "effective_until": one.effective_until,
        "recorded_at_ms": now_ms,
    }
    insert_missing(conn, product_table, [row])
