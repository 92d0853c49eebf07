"""The catalogue as people read it, and a version that an admin signs; acts go through sheetal.ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.errors import FieldProblem
from portal.language import marked
from portal.orchestration import catalogue_form, catalogue_words
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import catalogue, catalogue_acts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portal.identity.service import Staff
    from sheetal.contracts.product import Product
    from sheetal.ledger.catalogue import RecordedVersion
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.programme import Programme

CONFIDENCE_ORDER = ("low", "medium", "high")


@dataclass(frozen=True)
class CatalogueLine:
    """A product in the list: its version in force, and the least that we are sure of among its limits."""

    product: Product
    confidence: str
    waits: str | None


@dataclass(frozen=True)
class Version:
    """A recorded version: since when, and what it changed against the one before."""

    product: Product
    recorded_at_ms: int
    changed: list[str]
    in_force: bool


@dataclass(frozen=True)
class ProductPage:
    """A product's chosen version with the history of all."""

    product: Product
    versions: list[Version]
    newest: Product
    is_in_force: bool
    confidence: str
    fits_form: bool


def lines(ledger: Ledger, now_ms: int) -> list[CatalogueLine]:
    """Every product that has a version in force, by name; one that waits for its day is named with it."""
    today = catalogue.day_of(now_ms)
    with ledger.read() as conn:
        found = []
        for product in catalogue.products(conn, now_ms):
            newest = catalogue.versions(conn, product.product)[0].product
            waits = newest.effective_from if newest.effective_from > today else None
            found.append(CatalogueLine(product, least_sure(product), waits))
    return sorted(found, key=lambda line: line.product.display_name.casefold())


def page(ledger: Ledger, product_id: str, version: int | None, now_ms: int) -> ProductPage:
    """A product as of the version asked for, else of the one in force, else of the newest; raises NotFound."""
    with ledger.read() as conn:
        recorded = catalogue.versions(conn, product_id)
        try:
            current = catalogue.product_version(conn, product_id, now_ms)
        except NotFound:
            current = None
    if not recorded:
        raise NotFound(marked("There is no such product."))
    newest = recorded[0].product
    wanted = version or (current or newest).version
    shown = next((one.product for one in recorded if one.product.version == wanted), None)
    if shown is None:
        raise NotFound(marked("There is no such version of this product."))
    return ProductPage(
        product=shown,
        versions=_history(recorded, current),
        newest=newest,
        is_in_force=current is not None and shown.version == current.version,
        confidence=least_sure(shown),
        fits_form=catalogue_form.fits(newest),
    )


def newest(ledger: Ledger, product_id: str) -> Product:
    """The version that a next one follows; raises NotFound."""
    with ledger.read() as conn:
        recorded = catalogue.versions(conn, product_id)
    if not recorded:
        raise NotFound(marked("There is no such product."))
    if not catalogue_form.fits(recorded[0].product):
        raise Refused(marked("This product says more than the form can hold. Change its file."), reason="too_large")
    return recorded[0].product


def add(ledger: Ledger, staff: Staff, programme: Programme, typed: Mapping[str, str], now_ms: int) -> Product:
    """Record what was typed; raises FieldProblem for a field that needs another answer."""
    text = catalogue_form.read_form(typed)
    try:
        with ledger.write() as conn:
            signed_by = (staff.id, staff.facility_id)
            return catalogue_acts.add_version(conn, text, programme, signed_by, now_ms)
    except Refused as refused:
        raise _as_field(refused, typed) from refused


def least_sure(product: Product) -> str:
    """The lowest confidence among everything that judges stock."""
    said = [one.source.confidence for one in product.ranges]
    said += [one.source.confidence for one in product.hold_rules]
    said += [one.source.confidence for one in product.next_stages]
    said += [one.source.confidence for one in product.open_vials]
    if product.handling_source is not None:
        said.append(product.handling_source.confidence)
    return min(said, key=CONFIDENCE_ORDER.index)


def _history(recorded: Sequence[RecordedVersion], current: Product | None) -> list[Version]:
    earlier = [*(one.product for one in recorded[1:]), None]
    return [
        Version(
            product=one.product,
            recorded_at_ms=one.recorded_at_ms,
            changed=[] if before is None else catalogue_acts.changes(before, one.product),
            in_force=current is not None and one.product.version == current.version,
        )
        for one, before in zip(recorded, earlier, strict=True)
    ]


def _as_field(refused: Refused, typed: Mapping[str, str]) -> FieldProblem:
    """The refusal beside the field that it means."""
    reason = str(refused.facts.get("reason"))
    if reason != "flawed":
        message, field = catalogue_words.REFUSALS[reason]
        return FieldProblem(message, field=field)
    key, what = str(refused.facts["key"]), str(refused.facts["what"])
    return FieldProblem(catalogue_words.flaw(what), field=catalogue_form.field_of(key, typed))
