"""All SQL of recalls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, insert, select, update

from portal.recall.tables import recall_case, recall_dose

if TYPE_CHECKING:
    from sqlalchemy import Connection

CASES_MAX = 500


class Case(NamedTuple):
    """An open or closed recall of one compromise."""

    id: str
    compromise_id: int
    holding_id: str
    side: str
    compromised_from_ms: int
    opened_at_ms: int
    closed_at_ms: int | None


class ListedDose(NamedTuple):
    """A dose in a recall and how far its owner has been told."""

    dose_id: str
    contact_state: str
    listed_at_ms: int
    contacted_at_ms: int | None


_CASE = tuple(recall_case.c[name] for name in Case._fields)


def newest_compromise(conn: Connection) -> int:
    """The highest compromise that has a case; 0 when there is none."""
    return int(conn.execute(select(func.coalesce(func.max(recall_case.c.compromise_id), 0))).scalar_one())


def insert_case(conn: Connection, case: Case) -> None:
    """Open a case; an IntegrityError says that this compromise has one."""
    conn.execute(insert(recall_case).values(**case._asdict()))


def open_cases(conn: Connection) -> list[Case]:
    """Cases that may still gain doses, oldest first."""
    query = select(*_CASE).where(recall_case.c.closed_at_ms.is_(None)).order_by(recall_case.c.opened_at_ms)
    return [Case(*row) for row in conn.execute(query.limit(CASES_MAX))]


def cases_of(conn: Connection, holding_id: str) -> list[Case]:
    """The cases of one holding, earliest compromise first."""
    query = select(*_CASE).where(recall_case.c.holding_id == holding_id)
    return [Case(*row) for row in conn.execute(query.order_by(recall_case.c.compromised_from_ms).limit(CASES_MAX))]


def listed(conn: Connection, case_id: str) -> list[ListedDose]:
    """The doses of a case."""
    columns = tuple(recall_dose.c[name] for name in ListedDose._fields)
    query = select(*columns).where(recall_dose.c.case_id == case_id).order_by(recall_dose.c.listed_at_ms)
    return [ListedDose(*row) for row in conn.execute(query)]


def insert_dose(conn: Connection, case_id: str, dose_id: str, now_ms: int) -> None:
    """List a dose whose owner is still to be told."""
    values = {"case_id": case_id, "dose_id": dose_id, "contact_state": "to_contact", "listed_at_ms": now_ms}
    conn.execute(insert(recall_dose).values(**values))


def set_contact(conn: Connection, dose_id: str, state: str, staff_id: str, now_ms: int) -> int:
    """Note that a dose's owner was told or not reached; gives the rows changed."""
    statement = (
        update(recall_dose)
        .where(recall_dose.c.dose_id == dose_id)
        .values(contact_state=state, contacted_at_ms=now_ms, contacted_by=staff_id)
    )
    return conn.execute(statement).rowcount
