"""What people and the calendar do to the catalogue: a version added by hand, and one that comes into force.

No file is written: a version added here is a row like any other, checked as the loader checks a file.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sheetal.contracts.problem import Refused
from sheetal.ledger import audit, catalogue
from sheetal.ledger.product_build import Flaw, product_of
from sheetal.ledger.stock_tables import product as product_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.contracts.product import Product
    from sheetal.ledger.product_file import ProductFile
    from sheetal.ledger.programme import Programme

ACT = "product_version_added"
UNCHANGING = ("product", "vaccine", "manufacturer")
"""What makes a product this product; other words mean another one."""
LISTED_APART = frozenset({"version", "effective_from", "effective_until"})


def add_version(
    conn: Connection,
    text: ProductFile,
    programme: Programme,
    signed_by: tuple[str, str],
    now_ms: int,
) -> Product:
    """Record a product, or a product's next version, and have its holdings judged again; `signed_by`: actor, facility.

    Raises Refused: `flawed` with the `key` and `what` of the flaw, `version_changed` unless it is the next version,
    `other_product`, `backdated` before the version so far.
    """
    new = _checked(text, programme)
    recorded = catalogue.versions(conn, new.product)
    _check_follows(new, recorded[0].product if recorded else None)
    actor, facility_id = signed_by
    catalogue.record_products(conn, [new], now_ms)
    detail = {
        "version": new.version,
        "effective_from": new.effective_from,
        "changed": changes(recorded[0].product, new) if recorded else [],
        "sha256": hashlib.sha256(msgspec.json.encode(new, order="deterministic")).hexdigest(),
    }
    audit.append(conn, facility_id, audit.AuditEntry(now_ms, actor, ACT, f"product/{new.product}", detail))
    return new


def changes(before: Product, after: Product) -> list[str]:
    """The names of the fields that two versions do not share, in the order of the product's words."""
    return [
        name
        for name in after.__struct_fields__
        if name not in LISTED_APART and getattr(before, name) != getattr(after, name)
    ]


def mark_in_force(conn: Connection, since_ms: int, now_ms: int) -> list[str]:
    """Have every product judged again of which a version came into force, or ended, after `since_ms` up to now.

    A version recorded ahead of its day changes verdicts on that day, when nobody records anything. Gives the products.
    """
    changed = []
    query = select(product_table.c.id, product_table.c.effective_from, product_table.c.effective_until)
    for row in conn.execute(query.order_by(product_table.c.id, product_table.c.version)).all():
        days = [day for day in (row.effective_from, row.effective_until) if day is not None]
        if row.id not in changed and any(since_ms < catalogue.start_of_day(day) <= now_ms for day in days):
            changed.append(row.id)
    for product_id in changed:
        catalogue.rejudge_all(conn, product_id, now_ms)
    return changed


def _checked(text: ProductFile, programme: Programme) -> Product:
    try:
        return product_of(text, programme)
    except Flaw as flaw:
        raise Refused(
            "a product with this flaw is not recorded",
            next_step="correct it and send it again",
            reason="flawed",
            key=flaw.key,
            what=flaw.what,
        ) from flaw


def _check_follows(new: Product, last: Product | None) -> None:
    expected = 1 if last is None else last.version + 1
    facts = {"product": new.product, "version": new.version, "expected": expected}
    if new.version != expected:
        raise Refused(
            "this is not the product's next version",
            next_step="open the product again: somebody else may have added a version",
            reason="version_changed",
            **facts,
        )
    if last is None:
        return
    if any(getattr(new, name) != getattr(last, name) for name in UNCHANGING):
        raise Refused("these words make it another product", next_step="add a new one", reason="other_product", **facts)
    if new.effective_from < last.effective_from:
        raise Refused(
            "a new version cannot be in force before the one so far",
            next_step="give a later day",
            reason="backdated",
            **facts,
        )
