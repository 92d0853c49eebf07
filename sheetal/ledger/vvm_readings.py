"""What people read off vaccine vial monitors: the worst stage among a holding's vials, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from sheetal.contracts.problem import Refused
from sheetal.ledger import audit, rejudge, stock
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.decision_tables import vvm_reading
from sheetal.ledger.holding_locks import lock_holding

if TYPE_CHECKING:
    from sqlalchemy import Connection

STAGES = range(1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class VvmReading:
    """One look: stages 1 and 2 may be used, 3 is the discard point, 4 is beyond it."""

    id: int
    holding_id: str
    stage: int
    read_at_ms: int
    actor: str
    recorded_at_ms: int


def record(conn: Connection, holding_id: str, stage: int, read_at_ms: int, actor: str, now_ms: int) -> int:
    """Note a stage; the gate stays closed until it is judged, and that of what was split off since the look.

    Raises NotFound and Refused (`stage`, `future`).
    """
    of = lock_holding(conn, holding_id)
    if stage not in STAGES:
        raise Refused("a vial monitor has the stages 1 to 4", next_step="look again", reason="stage", stage=stage)
    if read_at_ms > now_ms:
        raise Refused("an act cannot lie in the future", next_step="check the time", reason="future", at_ms=read_at_ms)
    row = {"holding_id": holding_id, "stage": stage, "read_at_ms": read_at_ms, "actor": actor}
    new = insert(vvm_reading).values(**row, recorded_at_ms=now_ms).returning(vvm_reading.c.id)
    number: int = conn.execute(new).scalar_one()
    for label in (holding_id, *stock.born_after(conn, holding_id, read_at_ms)):
        rejudge.mark_holding(conn, label, read_at_ms, now_ms)
    detail = {"stage": stage, "read_at_ms": read_at_ms}
    audit.append(conn, of["facility_id"], AuditEntry(now_ms, actor, "vvm_read", holding_id, detail))
    return number


def readings_of(conn: Connection, holding_id: str) -> list[VvmReading]:
    """Every look at a holding's vials, and at its ancestors' up to each split, in order of time; raises NotFound."""
    found: list[VvmReading] = []
    of, cut_ms = stock.holding_by_id(conn, holding_id), None
    while True:
        query = select(vvm_reading).where(vvm_reading.c.holding_id == of.id)
        if cut_ms is not None:
            query = query.where(vvm_reading.c.read_at_ms < cut_ms)
        found += [VvmReading(**row) for row in conn.execute(query).mappings()]
        if of.parent_id is None:
            return sorted(found, key=lambda one: (one.read_at_ms, one.id))
        own = stock.own_stays(conn, of.id)
        cut_ms = own[0].from_ms if own else cut_ms
        of = stock.holding_by_id(conn, of.parent_id)


def worst_stage(conn: Connection, holding_id: str) -> int | None:
    """The darkest stage ever read: a monitor never grows lighter. None where nobody looked."""
    return max((one.stage for one in readings_of(conn, holding_id)), default=None)
