"""All SQL of recalls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select, update

from portal.recall.tables import recall_case, recall_dose
from sheetal.ledger.stock_tables import compromise
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

CASES_MAX = 500
DOSES_MAX = 50_000


class FreshCompromise(NamedTuple):
    """A standing compromise that has no case yet."""

    id: int
    holding_id: str
    side: str
    compromised_from_ms: int


class Case(NamedTuple):
    """An open or closed recall of one compromise, and when the engine took that compromise back, if it did."""

    id: str
    compromise_id: int
    holding_id: str
    side: str
    compromised_from_ms: int
    opened_at_ms: int
    closed_at_ms: int | None = None
    withdrawn_at_ms: int | None = None


class ListedDose(NamedTuple):
    """A dose in a recall and how far its owner has been told."""

    dose_id: str
    contact_state: str
    listed_at_ms: int
    contacted_at_ms: int | None


_CASES: Select[*tuple[Any, ...]] = select(
    *(recall_case.c[name] for name in Case._fields if name != "withdrawn_at_ms"),
    compromise.c.withdrawn_at_ms,
).join(compromise, compromise.c.id == recall_case.c.compromise_id)
_COMPROMISE = tuple(compromise.c[name] for name in FreshCompromise._fields)
_LISTED = tuple(recall_dose.c[name] for name in ListedDose._fields)


def compromises_without_case(conn: Connection, limit: int) -> list[FreshCompromise]:
    """Standing compromises that nobody has opened a case for, in order of number.

    Asked by what is missing, not by the highest number seen: numbers may become visible out of order.
    """
    query = (
        select(*_COMPROMISE)
        .outerjoin(recall_case, recall_case.c.compromise_id == compromise.c.id)
        .where(recall_case.c.id.is_(None), compromise.c.withdrawn_at_ms.is_(None))
        .order_by(compromise.c.id)
        .limit(limit)
    )
    return [FreshCompromise(*row) for row in conn.execute(query)]


def insert_case(conn: Connection, case: Case) -> bool:
    """Open a case; False when this compromise has one."""
    row = case._asdict()
    del row["withdrawn_at_ms"]
    return insert_missing(conn, recall_case, [row]) == 1


def count_open_cases(conn: Connection) -> int:
    """How many cases may still gain doses."""
    query = select(func.count()).select_from(recall_case).where(recall_case.c.closed_at_ms.is_(None))
    return int(conn.execute(query).scalar_one())


def count_to_contact(conn: Connection) -> int:
    """How many doses' owners have not been told."""
    query = select(func.count()).select_from(recall_dose).where(recall_dose.c.contact_state == "to_contact")
    return int(conn.execute(query).scalar_one())


def open_cases(conn: Connection, offset: int, limit: int) -> list[Case]:
    """Cases that may still gain doses, in order of their compromise, `limit` of them from `offset` on."""
    query = _CASES.where(recall_case.c.closed_at_ms.is_(None)).order_by(recall_case.c.compromise_id)
    return [Case(*row) for row in conn.execute(query.offset(offset).limit(limit))]


def close_case(conn: Connection, case_id: str, now_ms: int) -> bool:
    """Let a case gain no more doses; False when it is closed already."""
    still_open = update(recall_case).where(recall_case.c.id == case_id, recall_case.c.closed_at_ms.is_(None))
    return conn.execute(still_open.values(closed_at_ms=now_ms)).rowcount == 1


def cases_of(conn: Connection, holding_id: str) -> list[Case]:
    """The cases of one holding, earliest compromise first."""
    query = _CASES.where(recall_case.c.holding_id == holding_id)
    query = query.order_by(recall_case.c.compromised_from_ms, recall_case.c.compromise_id).limit(CASES_MAX)
    return [Case(*row) for row in conn.execute(query)]


def listed(conn: Connection, case_ids: Sequence[str]) -> dict[str, ListedDose]:
    """The doses of these cases by id, each once; at most 50,000."""
    query = select(*_LISTED).where(recall_dose.c.case_id.in_(case_ids)).limit(DOSES_MAX)
    return {row.dose_id: ListedDose(*row) for row in conn.execute(query)}


def count_listed(conn: Connection, case_id: str) -> int:
    """How many doses a case lists."""
    query = select(func.count()).select_from(recall_dose).where(recall_dose.c.case_id == case_id)
    return int(conn.execute(query).scalar_one())


def listed_among(conn: Connection, case_ids: Sequence[str], dose_ids: Sequence[str]) -> set[str]:
    """Those of these doses that one of the cases lists."""
    is_asked = recall_dose.c.case_id.in_(case_ids) & recall_dose.c.dose_id.in_(dose_ids)
    query = select(recall_dose.c.dose_id).where(is_asked)
    return set(conn.execute(query).scalars())


def insert_dose(conn: Connection, case_id: str, dose_id: str, now_ms: int) -> bool:
    """List a dose whose owner is still to be told; False when the case lists it already."""
    row = {"case_id": case_id, "dose_id": dose_id, "contact_state": "to_contact", "listed_at_ms": now_ms}
    return insert_missing(conn, recall_dose, [row]) == 1


def set_contact(conn: Connection, dose_id: str, state: str, staff_id: str, now_ms: int) -> None:
    """Note that a dose's owner was told or not reached, in every case that lists the dose."""
    statement = update(recall_dose).where(recall_dose.c.dose_id == dose_id)
    conn.execute(statement.values(contact_state=state, contacted_at_ms=now_ms, contacted_by=staff_id))
