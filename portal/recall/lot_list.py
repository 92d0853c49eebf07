"""The doses given of a whole lot, for whoever an authority's order makes responsible for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.certificate import service as certificates
from portal.language import marked
from portal.orchestration import service as orchestration
from portal.registration import service as registration
from portal.vaccinator import service as vaccinator
from sheetal.contracts.problem import NotFound
from sheetal.ledger import lot_holds, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.vaccinator.service import StoredDose
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.lot_holds import LotHold
    from sheetal.ledger.stock import Lot

PAGE_SIZE = 50
LOOK_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class LotDose:
    """A dose of the lot, without its person."""

    dose: str
    facility: str
    session_starts_at_ms: int
    reference_last_four: str
    holding: str
    administered_at_ms: int
    has_advisory: bool


@dataclass(frozen=True, slots=True)
class LotDoses:
    """One page of a lot's doses, oldest first; `since_order` counts those given after the first standing order."""

    lot: Lot
    orders: list[LotHold]
    total: int
    since_order: int
    page: int
    pages: int
    doses: list[LotDose]


def doses_of_lot(ledger: Ledger, lot_id: str, page: int = 1) -> LotDoses:
    """One page of the doses given from every holding of a lot; raises NotFound."""
    with ledger.read() as conn:
        of = stock.lot_by_id(conn, lot_id)
        labels = [one.id for one in stock.holdings_of_lot(conn, lot_id)]
        orders = lot_holds.standing(conn, lot_id)
        total = vaccinator.count_doses_since(conn, labels, 0) if labels else 0
        since = vaccinator.count_doses_since(conn, labels, orders[0].held_at_ms) if labels and orders else 0
        pages = max(1, -(-total // PAGE_SIZE))
        if not 1 <= page <= pages:
            raise NotFound(marked("The list has no such page."), lot=lot_id)
        shown = _page(conn, labels, page) if total else []
        return LotDoses(of, orders, total, since, page, pages, [_dose(conn, one) for one in shown])


def _page(conn: Connection, labels: list[str], page: int) -> list[StoredDose]:
    """Walks to the page by the last dose of each stretch, since doses are read on from one."""
    skip, last = (page - 1) * PAGE_SIZE, None
    while skip:
        passed = vaccinator.doses_since(conn, labels, 0, last, min(skip, LOOK_AT_ONCE))
        if not passed:
            return []
        skip, last = skip - len(passed), passed[-1]
    return vaccinator.doses_since(conn, labels, 0, last, PAGE_SIZE)


def _dose(conn: Connection, dose: StoredDose) -> LotDose:
    certificate = certificates.certificate_of_dose(conn, dose.id)
    return LotDose(
        dose=dose.id,
        facility=dose.facility_id,
        session_starts_at_ms=orchestration.session_by_id(conn, dose.session_id).starts_at_ms,
        reference_last_four=registration.reference_of(conn, dose.person_id)[-4:],
        holding=dose.holding_id,
        administered_at_ms=dose.administered_at_ms,
        has_advisory=certificate is not None and bool(certificate.level),
    )
