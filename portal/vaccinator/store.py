"""All SQL of doses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, func, insert, select, tuple_

from portal.vaccinator.tables import dose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

IDS_MAX = 500


class StoredDose(NamedTuple):
    """A dose as kept, without its person's facts."""

    id: str
    person_id: str
    holding_id: str
    facility_id: str
    session_id: str
    dose_number: int
    administered_at_ms: int
    request_hash: str


_COLUMNS = tuple(dose.c[name] for name in StoredDose._fields)
# Statements of the dose's own path are made once: building one costs more than running it.
_INSERT = insert(dose)
_BY_KEY = select(*_COLUMNS).where(dose.c.idempotency_key == bindparam("key"))
_EARLIER = (
    select(dose.c.dose_number, dose.c.administered_at_ms)
    .where(dose.c.person_id == bindparam("person"), dose.c.vaccine == bindparam("vaccine"))
    .order_by(dose.c.dose_number)
)


def insert_dose(conn: Connection, values: dict[str, object]) -> None:
    """Add a dose; an IntegrityError says that its key or this person's dose is there already."""
    conn.execute(_INSERT, values)


def dose_by_key(conn: Connection, idempotency_key: str) -> StoredDose | None:
    """The dose that a key recorded."""
    row = conn.execute(_BY_KEY, {"key": idempotency_key}).first()
    return None if row is None else StoredDose(*row)


def dose_by_id(conn: Connection, dose_id: str) -> StoredDose | None:
    """One dose."""
    return next(iter(doses_by_id(conn, [dose_id])), None)


def doses_by_id(conn: Connection, dose_ids: Sequence[str]) -> list[StoredDose]:
    """These doses, as far as they exist, oldest first."""
    found: list[StoredDose] = []
    for start in range(0, len(dose_ids), IDS_MAX):
        query = select(*_COLUMNS).where(dose.c.id.in_(dose_ids[start : start + IDS_MAX]))
        found += [StoredDose(*row) for row in conn.execute(query)]
    return sorted(found, key=lambda one: (one.administered_at_ms, one.id))


def earlier_doses(conn: Connection, person_id: str, vaccine: str) -> list[tuple[int, int]]:
    """This person's doses of one vaccine: number, and when given in epoch ms."""
    return [(row[0], row[1]) for row in conn.execute(_EARLIER, {"person": person_id, "vaccine": vaccine})]


def doses_since(
    conn: Connection, holding_ids: Iterable[str], from_ms: int, after: StoredDose | None, limit: int
) -> list[StoredDose]:
    """Doses given from these holdings at or after an instant, oldest first, at most `limit`, those behind `after`."""
    query = select(*_COLUMNS).where(_since(holding_ids, from_ms))
    if after is not None:
        behind = tuple_(dose.c.administered_at_ms, dose.c.id) > tuple_(after.administered_at_ms, after.id)
        query = query.where(behind)
    query = query.order_by(dose.c.administered_at_ms, dose.c.id).limit(limit)
    return [StoredDose(*row) for row in conn.execute(query)]


def count_doses_since(conn: Connection, holding_ids: Iterable[str], from_ms: int) -> int:
    """How many doses were given from these holdings at or after an instant."""
    query = select(func.count()).select_from(dose).where(_since(holding_ids, from_ms))
    return int(conn.execute(query).scalar_one())


def _since(holding_ids: Iterable[str], from_ms: int) -> ColumnElement[bool]:
    return dose.c.holding_id.in_(sorted(holding_ids)) & (dose.c.administered_at_ms >= from_ms)
