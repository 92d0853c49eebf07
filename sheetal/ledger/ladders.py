"""The escalation ladder: who is told after how long without an acknowledgement, at which hours, for which place.

A facility's own steps take the place of the general ones. A step's hours are minutes of the facility's day; a window
that ends before it begins goes over midnight.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.watch_tables import contact, escalation_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

DAY_MINUTES = 1_440
AFTER_MINUTES_MAX = 7 * DAY_MINUTES
ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStep:
    """A contact told after so many minutes, if that is in [from_minute_of_day, until_minute_of_day)."""

    facility_id: str | None
    contact_id: int
    after_minutes: int
    from_minute_of_day: int = 0
    until_minute_of_day: int = DAY_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(NewStep):
    """A step as it stands."""

    id: int

    def covers(self, minute_of_day: int) -> bool:
        """Whether this person is on duty at this minute of the facility's day."""
        if self.from_minute_of_day < self.until_minute_of_day:
            return self.from_minute_of_day <= minute_of_day < self.until_minute_of_day
        return minute_of_day >= self.from_minute_of_day or minute_of_day < self.until_minute_of_day


@dataclass(frozen=True, slots=True)
class Ladders:
    """Every ladder, by facility; None is the general one."""

    by_facility: Mapping[str | None, Sequence[Step]]

    def of(self, facility_id: str) -> Sequence[Step]:
        """The facility's own steps, or the general ones where it has none; the first to be told first."""
        return self.by_facility.get(facility_id) or self.by_facility.get(None, ())

    def due(self, facility_id: str, waited_minutes: int, minute_of_day: int) -> list[Step]:
        """The steps whose time has come and whose person is on duty."""
        steps = self.of(facility_id)
        return [one for one in steps if one.after_minutes <= waited_minutes and one.covers(minute_of_day)]


def ladders(conn: Connection) -> Ladders:
    """All steps that stand and lead to a contact that stands."""
    found: dict[str | None, list[Step]] = defaultdict(list)
    for one in _steps(conn):
        found[one.facility_id].append(one)
    return Ladders(found)


def steps_of(conn: Connection, facility_id: str | None) -> list[Step]:
    """The steps of one facility alone, or the general ones; the first to be told first."""
    return [one for one in _steps(conn) if one.facility_id == facility_id]


def add_step(conn: Connection, new: NewStep, actor: str, chain: str, now_ms: int) -> int:
    """Add a step; `chain` is the facility in whose audit chain the act is written.

    Gives its number; raises NotFound and Refused (`bad_minutes`, `bad_hours`).
    """
    standing = select(contact.c.id).where(contact.c.id == new.contact_id, contact.c.retired_at_ms.is_(None))
    if conn.execute(standing).first() is None:
        raise NotFound("no such contact", contact=new.contact_id)
    if not 0 <= new.after_minutes <= AFTER_MINUTES_MAX:
        raise Refused("a step follows within seven days", reason="bad_minutes")
    begins, ends = new.from_minute_of_day, new.until_minute_of_day
    if not (0 <= begins < DAY_MINUTES and 1 <= ends <= DAY_MINUTES and begins != ends):
        raise Refused("the hours lie inside one day", reason="bad_hours")
    row = {
        "facility_id": new.facility_id,
        "contact_id": new.contact_id,
        "after_minutes": new.after_minutes,
        "from_minute_of_day": begins,
        "until_minute_of_day": ends,
        "created_at_ms": now_ms,
    }
    statement = insert(escalation_step).values(**row).returning(escalation_step.c.id)
    number: int = conn.execute(statement).scalar_one()
    detail = {name: row[name] for name in ("facility_id", "contact_id", "after_minutes")}
    audit.append(conn, chain, AuditEntry(now_ms, actor, "ladder_step_added", f"step/{number}", detail))
    return number


def retire_step(conn: Connection, step_id: int, actor: str, chain: str, now_ms: int) -> None:
    """Take a step out of its ladder; raises NotFound."""
    table = escalation_step.c
    standing = update(escalation_step).where(table.id == step_id, table.retired_at_ms.is_(None))
    if conn.execute(standing.values(retired_at_ms=now_ms)).rowcount == 0:
        raise NotFound("no such step", step=step_id)
    audit.append(conn, chain, AuditEntry(now_ms, actor, "ladder_step_retired", f"step/{step_id}", {}))


def _steps(conn: Connection) -> list[Step]:
    table = escalation_step.c
    names = ("id", "facility_id", "contact_id", "after_minutes", "from_minute_of_day", "until_minute_of_day")
    query = (
        select(*(table[name] for name in names))
        .join(contact, contact.c.id == table.contact_id)
        .where(table.retired_at_ms.is_(None), contact.c.retired_at_ms.is_(None))
        .order_by(table.after_minutes, table.id)
        .limit(ROWS_MAX)
    )
    return [Step(**row) for row in conn.execute(query).mappings()]
