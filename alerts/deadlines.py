"""What changes a verdict by the passing of time alone: expiry, the hours of an open vial, the longest time in a stage.

Nothing is measured at such an instant, so nothing marks an hour; the sweep asks which instants have passed since a
holding was last found on, and has it judged again. So too for a product version that was recorded ahead of its day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, or_, select

from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound
from sheetal.ledger import catalogue, catalogue_acts, rejudge
from sheetal.ledger.gate import USABLE_WORDS
from sheetal.ledger.judgement_tables import verdict
from sheetal.ledger.stock_tables import holding, lot
from sheetal.thermal.life import PROGRAMME, stage_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Row

    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger


class Due(NamedTuple):
    """An instant of a holding that has passed since it was last found on."""

    holding_id: str
    at_ms: int


_FOUND_THROUGH = (
    select(verdict.c.judged_through_ms)
    .where(verdict.c.holding_id == holding.c.id)
    .order_by(verdict.c.id.desc())
    .limit(1)
    .correlate(holding)
    .scalar_subquery()
)
_WATCHED = (
    select(
        holding.c.id,
        lot.c.product_id,
        holding.c.expires_at_ms,
        holding.c.thawed_at_ms,
        holding.c.opened_at_ms,
        _FOUND_THROUGH.label("found_through_ms"),
    )
    .join(lot, lot.c.id == holding.c.lot_id)
    .where(
        holding.c.disposition.in_(USABLE_WORDS),
        holding.c.doses_left > 0,
        holding.c.rejudges_open == 0,
        or_(
            holding.c.expires_at_ms <= bindparam("at_ms"),
            holding.c.thawed_at_ms.is_not(None),
            holding.c.opened_at_ms.is_not(None),
        ),
    )
    .order_by(holding.c.id)
)


class Deadlines:
    """Marks what has fallen due, each instant once in the life of this process; for one thread."""

    def __init__(self) -> None:
        self._told: set[Due] = set()
        self._looked_at_ms: int | None = None

    def mark(self, ledger: Ledger, now_ms: int, fence: Callable[[Connection], None]) -> list[str]:
        """Have judged again what time has changed; gives the holdings that fell due. Raises Unavailable."""
        since_ms = now_ms - DAY_MS if self._looked_at_ms is None else self._looked_at_ms
        with ledger.read() as conn:
            found = [one for one in due(conn, now_ms) if one not in self._told]
            is_day_over = catalogue.day_of(since_ms) != catalogue.day_of(now_ms)
        earliest = {one.holding_id: one.at_ms for one in sorted(found, reverse=True)}
        if found or is_day_over:
            with ledger.write() as conn:
                fence(conn)
                for holding_id, from_ms in earliest.items():
                    rejudge.mark_holding(conn, holding_id, from_ms, now_ms)
                catalogue_acts.mark_in_force(conn, since_ms, now_ms)
        self._told |= set(found)
        self._looked_at_ms = now_ms
        return sorted(earliest)


def due(conn: Connection, now_ms: int) -> list[Due]:
    """Every instant of a usable holding that lies between its last verdict and now; some may change nothing."""
    products: dict[str, Product | None] = {}
    found: list[Due] = []
    for row in conn.execute(_WATCHED, {"at_ms": now_ms}):
        if row.found_through_ms is None:
            continue
        if row.product_id not in products:
            products[row.product_id] = _product(conn, row.product_id, now_ms)
        instants = set(_instants(row, products[row.product_id]))
        found += [Due(row.id, ms) for ms in sorted(instants) if row.found_through_ms < ms <= now_ms]
    return found


def _instants(row: Row[*tuple[Any, ...]], product: Product | None) -> Iterator[int]:
    yield row.expires_at_ms
    if product is None:
        return
    for span in stage_spans(product, row.thawed_at_ms, row.opened_at_ms):
        if span.minutes_max is not None:
            yield span.from_ms + span.minutes_max * MINUTE_MS
    for allowed in product.open_vials:
        if row.opened_at_ms is not None and allowed.programme == PROGRAMME:
            yield row.opened_at_ms + allowed.minutes * MINUTE_MS


def _product(conn: Connection, product_id: str, now_ms: int) -> Product | None:
    try:
        return catalogue.product_version(conn, product_id, now_ms)
    except NotFound:
        return None
