"""Alarms of gateways and of the server's rules: reading them, and what a person may do about them.

Active or cleared, acknowledged or not: an alarm ends as *fixed* when it is both cleared and acknowledged, whichever
comes last. A named person may end an active one as a sensor's fault or as lost contact; nothing else ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import and_, case, literal, or_, select, update

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.base import EpochMs
from sheetal.ledger.changes import next_change
from sheetal.ledger.judgement_tables import alarm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.engine import RowMapping

ROWS_MAX = 1_000
UNACKNOWLEDGED_MAX = 20_000
"""A whole state without power; each of them goes up its own ladder."""
COMMENT_CHARACTERS_MAX = 500
NAME_CHARACTERS_MAX = 64

_facts_decoder = msgspec.json.Decoder(dict[str, object])


class Origin(StrEnum):
    """Who says it: a gateway by its own rule, or a rule of the server."""

    DEVICE = "device"
    SERVER = "server"


class ServerRule(StrEnum):
    """What the server finds out by itself; the first three carry the words of the device's own kinds."""

    NO_DATA = "no_data"
    HEAT = "heat"
    FREEZE = "freeze"
    MISSED_CHECK = "missed_check"
    NEEDS_ATTENTION = "needs_attention"
    SPOILAGE_WARNING = "spoilage_warning"


class AlarmEnd(StrEnum):
    """How an alarm ended: cleared and acknowledged, or by a named person's word."""

    FIXED = "fixed"
    SENSOR_FAULT = "sensor_fault"
    LOST_CONTACT = "lost_contact"


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
    LOST_CONTACT = "lost_contact"
    TEST = "test"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: fired, maybe cleared, maybe acknowledged by a person, maybe ended.

    Gateway, sensor and the three figures may be missing in an alarm of the server.
    """

    id: str
    origin: str
    facility_id: str
    gateway_id: str | None
    sensor_id: str | None
    appliance_id: str | None
    kind: str
    began_at_ms: int
    fired_at_ms: int
    cleared_at_ms: int | None
    received_at_ms: int
    extreme_centi_celsius: int | None
    limit_centi_celsius: int | None
    limit_minutes: int | None
    facts: Mapping[str, object]
    acknowledged_at_ms: int | None
    acknowledged_by: str | None
    cause: str | None
    comment: str | None
    assigned_to: str | None
    ended_at_ms: int | None
    ended_as: str | None
    ended_by: str | None
    change: int

    @property
    def is_active(self) -> bool:
        """What it warns of goes on, and nobody has ended it."""
        return self.cleared_at_ms is None and self.ended_at_ms is None


def is_open() -> ColumnElement[bool]:
    """The alarms that still want something: active, or cleared and not acknowledged."""
    is_unfinished = or_(alarm.c.cleared_at_ms.is_(None), alarm.c.acknowledged_at_ms.is_(None))
    return and_(alarm.c.ended_at_ms.is_(None), is_unfinished)


def alarms(
    conn: Connection,
    *,
    open_only: bool = False,
    appliance_id: str | None = None,
    after_change: int | None = None,
    limit: int = ROWS_MAX,
) -> list[Alarm]:
    """Alarms, the latest fired first; `open_only` leaves out those that have ended; at most 1,000."""
    query = select(alarm)
    if open_only:
        query = query.where(is_open())
    if appliance_id is not None:
        query = query.where(alarm.c.appliance_id == appliance_id)
    if after_change is not None:
        query = query.where(alarm.c.change > after_change)
    query = query.order_by(alarm.c.fired_at_ms.desc(), alarm.c.id).limit(min(limit, ROWS_MAX))
    return [_alarm(row) for row in conn.execute(query).mappings()]


def unacknowledged(conn: Connection, limit: int = UNACKNOWLEDGED_MAX) -> list[Alarm]:
    """The alarms that nobody has answered for, the latest received first; at most 20,000."""
    query = select(alarm).where(is_open(), alarm.c.acknowledged_at_ms.is_(None))
    query = query.order_by(alarm.c.received_at_ms.desc(), alarm.c.id).limit(min(limit, UNACKNOWLEDGED_MAX))
    return [_alarm(row) for row in conn.execute(query).mappings()]


def uncleared(conn: Connection) -> list[Alarm]:
    """Every alarm whose cause goes on, also those that a person has ended: their rule must not raise them again."""
    query = select(alarm).where(alarm.c.cleared_at_ms.is_(None)).order_by(alarm.c.fired_at_ms, alarm.c.id)
    return [_alarm(row) for row in conn.execute(query).mappings()]


def alarm_by_id(conn: Connection, alarm_id: str) -> Alarm:
    """One alarm; raises NotFound."""
    row = conn.execute(select(alarm).where(alarm.c.id == alarm_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("no such alarm", alarm=alarm_id)
    return _alarm(row)


def acknowledge_alarm(
    conn: Connection,
    alarm_id: str,
    actor: str,
    cause: str,
    comment: str,
    now_ms: int,
) -> Alarm:
    """Record who saw an alarm, its coded cause and a comment; once. One that is cleared already ends so, as fixed.

    Raises NotFound and Refused (`bad_cause`, `no_comment`, `acknowledged`).
    """
    if cause not in set(AlarmCause):
        raise Refused("an acknowledgement names a coded cause", next_step="choose a cause", reason="bad_cause")
    if not comment.strip():
        raise Refused("an acknowledgement has a comment", next_step="say what you did", reason="no_comment")
    is_over = and_(alarm.c.cleared_at_ms.is_not(None), alarm.c.ended_at_ms.is_(None))
    values = {
        "acknowledged_at_ms": now_ms,
        "acknowledged_by": actor,
        "cause": cause,
        "comment": comment.strip()[:COMMENT_CHARACTERS_MAX],
        "ended_at_ms": case((is_over, literal(now_ms, EpochMs)), else_=alarm.c.ended_at_ms),
        "ended_as": case((is_over, AlarmEnd.FIXED.value), else_=alarm.c.ended_as),
        "ended_by": case((is_over, actor), else_=alarm.c.ended_by),
        "change": next_change(conn, alarm),
    }
    acknowledged = update(alarm).where(alarm.c.id == alarm_id, alarm.c.acknowledged_at_ms.is_(None))
    changed = conn.execute(acknowledged.values(**values)).rowcount
    seen = alarm_by_id(conn, alarm_id)
    if not changed:
        raise Refused("somebody has acknowledged this alarm", reason="acknowledged", by=seen.acknowledged_by)
    _audit(conn, seen, AuditEntry(now_ms, actor, "alarm_acknowledged", alarm_id, {"cause": cause}))
    return seen


def end_alarm(
    conn: Connection,
    alarm_id: str,
    actor: str,
    ended_as: str,
    comment: str,
    now_ms: int,
) -> Alarm:
    """End an active alarm by a named person's word, as a sensor's fault or as lost contact, with a comment.

    One that nobody has acknowledged is acknowledged by the same act; else the comment follows the first one. Raises
    NotFound and Refused (`bad_end`, `no_comment`, `not_active`).
    """
    causes = {
        AlarmEnd.SENSOR_FAULT.value: AlarmCause.SENSOR_FAULT,
        AlarmEnd.LOST_CONTACT.value: AlarmCause.LOST_CONTACT,
    }
    if ended_as not in causes:
        raise Refused("only a sensor's fault or lost contact ends an active alarm", reason="bad_end")
    if not comment.strip():
        raise Refused("an end has a comment", next_step="say how you know", reason="no_comment")
    text = comment.strip()[:COMMENT_CHARACTERS_MAX]
    is_unseen = alarm.c.acknowledged_at_ms.is_(None)
    values = {
        "acknowledged_at_ms": case((is_unseen, literal(now_ms, EpochMs)), else_=alarm.c.acknowledged_at_ms),
        "acknowledged_by": case((is_unseen, actor), else_=alarm.c.acknowledged_by),
        "cause": case((is_unseen, causes[ended_as].value), else_=alarm.c.cause),
        "comment": case((is_unseen, text), else_=alarm.c.comment.concat(f"\n{text}")),
        "ended_at_ms": now_ms,
        "ended_as": ended_as,
        "ended_by": actor,
        "change": next_change(conn, alarm),
    }
    active = (alarm.c.cleared_at_ms.is_(None), alarm.c.ended_at_ms.is_(None))
    changed = conn.execute(update(alarm).where(alarm.c.id == alarm_id, *active).values(**values)).rowcount
    seen = alarm_by_id(conn, alarm_id)
    if not changed:
        raise Refused("this alarm is not active any more", reason="not_active")
    _audit(conn, seen, AuditEntry(now_ms, actor, "alarm_ended", alarm_id, {"as": ended_as}))
    return seen


def assign_alarm(conn: Connection, alarm_id: str, assigned_to: str, actor: str, now_ms: int) -> Alarm:
    """Say who deals with an open alarm; an empty name takes it back. Raises NotFound and Refused (`ended`)."""
    name = assigned_to.strip()[:NAME_CHARACTERS_MAX]
    values = {"assigned_to": name or None, "change": next_change(conn, alarm)}
    changed = conn.execute(update(alarm).where(alarm.c.id == alarm_id, is_open()).values(**values)).rowcount
    seen = alarm_by_id(conn, alarm_id)
    if not changed:
        raise Refused("this alarm has ended", reason="ended")
    _audit(conn, seen, AuditEntry(now_ms, actor, "alarm_assigned", alarm_id, {"is_assigned": bool(name)}))
    return seen


def _audit(conn: Connection, seen: Alarm, entry: AuditEntry) -> None:
    audit.append(conn, seen.facility_id, entry)


def _alarm(row: RowMapping) -> Alarm:
    return Alarm(**{**row, "facts": _facts_decoder.decode(row["facts"]) if row["facts"] else {}})
