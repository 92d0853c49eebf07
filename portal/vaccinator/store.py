"""All SQL of doses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select

from portal.vaccinator.rules import EarlierDose
from portal.vaccinator.tables import dose

if TYPE_CHECKING:
    from sqlalchemy import Connection

DOSES_MAX = 1_000


class StoredDose(NamedTuple):
    """A dose as kept, without its person."""

    id: str
    person_id: str
    holding_id: str
    facility_id: str
    session_id: str
    dose_number: int
    administered_at_ms: int
    request_hash: str


_COLUMNS = (
    dose.c.id,
    dose.c.person_id,
    dose.c.holding_id,
    dose.c.facility_id,
    dose.c.session_id,
    dose.c.dose_number,
    dose.c.administered_at_ms,
    dose.c.request_hash,
)


def insert_dose(conn: Connection, values: dict[str, object]) -> None:
    """Add a dose; an IntegrityError says that its key or this person's dose is there already."""
    conn.execute(insert(dose).values(**values))


def dose_by_key(conn: Connection, idempotency_key: str) -> StoredDose | None:
    """The dose that a key recorded."""
    row = conn.execute(select(*_COLUMNS).where(dose.c.idempotency_key == idempotency_key)).first()
    return None if row is None else StoredDose(*row)


def dose_by_id(conn: Connection, dose_id: str) -> StoredDose | None:
    """One dose."""
    row = conn.execute(select(*_COLUMNS).where(dose.c.id == dose_id)).first()
    return None if row is None else StoredDose(*row)


def earlier_doses(conn: Connection, person_id: str, vaccine: str) -> list[EarlierDose]:
    """This person's doses of one vaccine."""
    query = select(dose.c.dose_number, dose.c.administered_at_ms).where(
        dose.c.person_id == person_id, dose.c.vaccine == vaccine
    )
    return [EarlierDose(*row) for row in conn.execute(query.order_by(dose.c.dose_number))]


def doses_since(conn: Connection, holding_ids: list[str], from_ms: int) -> list[StoredDose]:
    """Doses given from these holdings at or after an instant, oldest first."""
    query = select(*_COLUMNS).where(dose.c.holding_id.in_(holding_ids), dose.c.administered_at_ms >= from_ms)
    return [StoredDose(*row) for row in conn.execute(query.order_by(dose.c.administered_at_ms).limit(DOSES_MAX))]
