"""Device alarms: reading them, and the acknowledgement by a person, who must say cause and comment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.changes import next_change
from sheetal.ledger.judgement_tables import alarm

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROWS_MAX = 1_000
COMMENT_CHARACTERS_MAX = 500


class AlarmCause(StrEnum):
    """The coded cause that an acknowledgement names."""

    POWER_CUT = "power_cut"
    DOOR_OPEN = "door_open"
    STOCK_LOADED = "stock_loaded"
    DEFROST = "defrost"
    THERMOSTAT = "thermostat"
    APPLIANCE_FAULT = "appliance_fault"
    SENSOR_FAULT = "sensor_fault"
    GATEWAY_FAULT = "gateway_fault"
    TEST = "test"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One device alarm: fired, maybe cleared by the device, maybe acknowledged by a person."""

    id: str
    gateway_id: str
    sensor_id: str
    appliance_id: str | None
    kind: str
    began_at_ms: int
    fired_at_ms: int
    cleared_at_ms: int | None
    received_at_ms: int
    extreme_centi_celsius: int
    limit_centi_celsius: int
    limit_minutes: int
    acknowledged_at_ms: int | None
    acknowledged_by: str | None
    cause: str | None
    comment: str | None
    change: int


def alarms(
    conn: Connection,
    *,
    open_only: bool = False,
    appliance_id: str | None = None,
    after_change: int | None = None,
    limit: int = ROWS_MAX,
) -> list[Alarm]:
    """Alarms, the latest fired first; `open_only` leaves out those both cleared and acknowledged; at most 1,000."""
    query = select(alarm)
    if open_only:
        query = query.where(alarm.c.cleared_at_ms.is_(None) | alarm.c.acknowledged_at_ms.is_(None))
    if appliance_id is not None:
        query = query.where(alarm.c.appliance_id == appliance_id)
    if after_change is not None:
        query = query.where(alarm.c.change > after_change)
    query = query.order_by(alarm.c.fired_at_ms.desc(), alarm.c.id).limit(min(limit, ROWS_MAX))
    return [Alarm(**row) for row in conn.execute(query).mappings()]


def alarm_by_id(conn: Connection, alarm_id: str) -> Alarm:
    """One alarm; raises NotFound."""
    row = conn.execute(select(alarm).where(alarm.c.id == alarm_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("no such alarm", alarm=alarm_id)
    return Alarm(**row)


def acknowledge_alarm(
    conn: Connection,
    alarm_id: str,
    actor: str,
    cause: str,
    comment: str,
    now_ms: int,
) -> Alarm:
    """Record who saw an alarm, its coded cause and a comment; once.

    Raises NotFound and Refused (`bad_cause`, `no_comment`, `acknowledged`).
    """
    if cause not in set(AlarmCause):
        raise Refused("an acknowledgement names a coded cause", next_step="choose a cause", reason="bad_cause")
    if not comment.strip():
        raise Refused("an acknowledgement has a comment", next_step="say what you did", reason="no_comment")
    values = {
        "acknowledged_at_ms": now_ms,
        "acknowledged_by": actor,
        "cause": cause,
        "comment": comment.strip()[:COMMENT_CHARACTERS_MAX],
        "change": next_change(conn, alarm),
    }
    acknowledged = update(alarm).where(alarm.c.id == alarm_id, alarm.c.acknowledged_at_ms.is_(None))
    changed = conn.execute(acknowledged.values(**values)).rowcount
    seen = alarm_by_id(conn, alarm_id)
    if not changed:
        raise Refused("somebody has acknowledged this alarm", reason="acknowledged", by=seen.acknowledged_by)
    facility_id = conn.execute(select(gateway.c.facility_id).where(gateway.c.id == seen.gateway_id)).scalar_one()
    audit.append(conn, facility_id, AuditEntry(now_ms, actor, "alarm_acknowledged", alarm_id, {"cause": cause}))
    return seen
