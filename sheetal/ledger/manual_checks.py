"""The twice-daily record: a person reads a thermometer and writes it down."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from sheetal.contracts.problem import Refused
from sheetal.ledger import audit, rejudge
from sheetal.ledger.assets import appliance_by_id
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.stock_tables import manual_check
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualCheck:
    """One reading by eye; the extremes are the thermometer's own memory since the last check, where it has one."""

    appliance_id: str
    checked_at_ms: int
    centi_celsius: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    actor: str
    initials: str | None = None


def add_manual_check(conn: Connection, new: ManualCheck, now_ms: int) -> None:
    """Keep a check and have its appliance judged again; raises NotFound and Refused (`future`, `exists`)."""
    place = appliance_by_id(conn, new.appliance_id)
    if new.checked_at_ms > now_ms:
        raise Refused("a check cannot lie in the future", next_step="check the time", reason="future")
    if insert_missing(conn, manual_check, [{**asdict(new), "recorded_at_ms": now_ms}]) == 0:
        raise Refused("a check of this appliance at this time stands there already", reason="exists")
    rejudge.mark_appliance(conn, new.appliance_id, new.checked_at_ms, now_ms)
    detail = {"checked_at_ms": new.checked_at_ms, "centi_celsius": new.centi_celsius}
    entry = AuditEntry(now_ms, new.actor, "manual_check", new.appliance_id, detail)
    audit.append(conn, place.facility_id, entry)


def manual_checks(conn: Connection, appliance_id: str, from_ms: int, until_ms: int) -> list[ManualCheck]:
    """The checks of an appliance in [from_ms, until_ms), oldest first."""
    columns = [column for column in manual_check.columns if column.name not in {"id", "recorded_at_ms"}]
    query = select(*columns).where(
        manual_check.c.appliance_id == appliance_id,
        manual_check.c.checked_at_ms >= from_ms,
        manual_check.c.checked_at_ms < until_ms,
    )
    return [ManualCheck(**row) for row in conn.execute(query.order_by(manual_check.c.checked_at_ms)).mappings()]
