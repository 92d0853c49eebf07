"""What one round of judging knows: read once, in bulk, so that all its verdicts rest on the same facts.

Holdings of one delivery share their sensors, their product and their exposures; each of these is asked for once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from alerts import receipts
from alerts.witnesses import Witness, witnesses
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound
from sheetal.ledger import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence

    from sqlalchemy import Connection

    from alerts.hours import Hours
    from alerts.receipts import ReceivedDay
    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.histories import History
    from sheetal.thermal.exposure import Exposure

FUTURE_MS_MAX = DAY_MS
"""Ingest accepts stamps up to 24 h ahead of its own clock."""


class Sources(NamedTuple):
    """Where a round reads."""

    ledger: Ledger
    telemetry: Ledger
    hours: Hours


class Known:
    """The facts of one round as of `now_ms`; `believed_ms` says how far sensors prove anything whose clocks run ahead.

    An open time ends where no row can lie: at a day's end, so that whole days are remembered whole.
    """

    def __init__(self, sources: Sources, now_ms: int) -> None:
        self.hours = sources.hours
        self.now_ms = now_ms
        self.open_end_ms = -(-(now_ms + FUTURE_MS_MAX) // DAY_MS) * DAY_MS
        self.believed_ms: dict[str, int] = {}
        self._sources = sources
        self._products: dict[str, Product | NotFound] = {}
        self._witnesses: dict[str, Witness] = {}
        self._recorded: set[str] = set()
        self._days: dict[str, Sequence[ReceivedDay]] = {}
        self._exposures: dict[Hashable, Exposure] = {}

    def learn(self, about: Collection[History]) -> None:
        """Read what these histories need and is not known yet; raises Unavailable.

        Where it ends half-way, what is still unknown is read the next time that it is needed.
        """
        stays = [stay for one in about for stay in one.stays]
        recorded = {stay.appliance_id for stay in stays if stay.evidence_kind is EvidenceKind.TWICE_DAILY}
        new = {stay.appliance_id for stay in stays} - self._witnesses.keys() | recorded - self._recorded
        with self._sources.ledger.read() as conn:
            self._witnesses |= witnesses(conn, new, recorded)
            for product_id in {one.holding.product_id for one in about} - self._products.keys():
                self._products[product_id] = _product(conn, product_id, self.now_ms)
        self._recorded |= recorded
        places = {stay.appliance_id for stay in stays}
        sensors = {hung.sensor for place in places for hung in self.witness(place).hung} - self._days.keys()
        if sensors:
            with self._sources.telemetry.read() as conn:
                self._days |= receipts.days_of(conn, sensors)
                self.believed_ms |= receipts.believed_through(conn, sensors)

    def product(self, product_id: str) -> Product:
        """The version in force now; raises NotFound."""
        found = self._products[product_id]
        if isinstance(found, NotFound):
            raise found
        return found

    def witness(self, appliance_id: str) -> Witness:
        """Who speaks for an appliance that has been learnt of."""
        return self._witnesses[appliance_id]

    def days(self, sensor: str) -> Sequence[ReceivedDay]:
        """A logger's day summaries, oldest first."""
        return self._days[sensor]

    def once(self, of: Hashable, make: Callable[[], Exposure]) -> Exposure:
        """An exposure, made when it is asked for first."""
        found = self._exposures.get(of)
        if found is None:
            found = self._exposures[of] = make()
        return found

    def forget_exposures(self) -> None:
        """Make room; what is asked for again is made again."""
        self._exposures.clear()


def _product(conn: Connection, product_id: str, now_ms: int) -> Product | NotFound:
    """The problem is kept, so that it is a problem of this product's holdings alone."""
    try:
        return catalogue.product_version(conn, product_id, now_ms)
    except NotFound as problem:
        return problem
