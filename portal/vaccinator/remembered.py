"""What rarely or never changes, kept in memory so that a dose asks the ledger less."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from portal.vaccinator import answers
from sheetal.contracts.limits import MINUTE_MS
from sheetal.ledger import assets, catalogue

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.orchestration.service import Session
    from sheetal.contracts.product import Product
    from sheetal.ledger.assets import Facility

Key = TypeVar("Key")
Value = TypeVar("Value")
PLACE_MS = MINUTE_MS
ENTRIES_MAX = 10_000


class Place(NamedTuple):
    """Where a session gives what: the facility's names and the product's version of the day."""

    facility: Facility
    product: Product


class Vial(NamedTuple):
    """What a label never changes: whose batch it carries. Whether it may be used is the gate's to say, each time."""

    holding: str
    batch: str


class Remembered:
    """Places for a minute, labels for good; each bounded, and safe to share between threads."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str, str], tuple[int, Place]] = {}
        self._vials: dict[str, Vial] = {}

    def place(self, conn: Connection, session: Session, now_ms: int) -> Place:
        """The session's facility and its product's version of the day, at most a minute old; raises NotFound."""
        key = (session.facility_id, session.product_id, catalogue.day_of(now_ms))
        kept = self._places.get(key)
        if kept is not None and 0 <= now_ms - kept[0] < PLACE_MS:
            return kept[1]
        facility = assets.facility_by_id(conn, session.facility_id)
        found = Place(facility, catalogue.product_version(conn, session.product_id, now_ms))
        _keep(self._places, key, (now_ms, found))
        return found

    def vial(self, conn: Connection, session: Session, scan: str, now_ms: int) -> Vial:
        """The holding that a label or lot means here; raises Refused. What a lot means may change and is asked anew."""
        label = scan.strip()
        kept = self._vials.get(label)
        if kept is not None:
            return kept
        found = answers.known_holding(conn, session, label, now_ms)
        vial = Vial(found.id, found.batch)
        if found.id == label:
            _keep(self._vials, label, vial)
        return vial


def _keep(kept: dict[Key, Value], key: Key, value: Value) -> None:
    if len(kept) >= ENTRIES_MAX:
        kept.clear()
    kept[key] = value
