"""Alarms of the server's own rules: raised and cleared by alerts alone. A gateway's are kept by `judgement_writes`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select, true, update

from sheetal.ledger.alarms import Origin
from sheetal.ledger.changes import next_change
from sheetal.ledger.judgement_tables import alarm
from sheetal.ledger.judgement_writes import ended_as_fixed
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from sheetal.ledger.alarms import ServerRule

ENGINE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """What a rule of the server says of an appliance from an instant on; temperatures in centi-degrees."""

    rule: ServerRule
    facility_id: str
    appliance_id: str
    began_at_ms: int
    sensor_id: str | None = None
    extreme_centi_celsius: int | None = None
    limit_centi_celsius: int | None = None
    limit_minutes: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same for the same beginning, so that two evaluators raise it once."""
        return f"server/{self.appliance_id}/{self.rule.value}/{self.began_at_ms}"


def raise_alarm(conn: Connection, new: Raised, now_ms: int) -> str | None:
    """Keep an alarm of the server; gives its id, None when it stands there already.

    What began at the same instant and was cleared since is another alarm, else nobody would hear of it again.
    """
    row: dict[str, object] = {
        "id": new.id,
        "origin": Origin.SERVER.value,
        "facility_id": new.facility_id,
        "sensor_id": new.sensor_id,
        "appliance_id": new.appliance_id,
        "kind": new.rule.value,
        "began_at_ms": new.began_at_ms,
        "fired_at_ms": now_ms,
        "received_at_ms": now_ms,
        "extreme_centi_celsius": new.extreme_centi_celsius,
        "limit_centi_celsius": new.limit_centi_celsius,
        "limit_minutes": new.limit_minutes,
        "facts": msgspec.json.encode(dict(new.facts), order="deterministic").decode() if new.facts else None,
        "change": next_change(conn, alarm),
    }
    if insert_missing(conn, alarm, [row]) == 1:
        return new.id
    same = ("origin", "appliance_id", "kind", "began_at_ms")
    stands = select(alarm.c.id).where(*(alarm.c[name] == row[name] for name in same), alarm.c.cleared_at_ms.is_(None))
    if conn.execute(stands).first() is not None:
        return None
    again = f"{new.id}/{now_ms}"
    return again if insert_missing(conn, alarm, [row | {"id": again}]) == 1 else None


def clear_alarm(conn: Connection, alarm_id: str, now_ms: int) -> bool:
    """Say that what a server's alarm warned of is over; acknowledged before, it ends so. False when nothing changes."""
    values = {
        "cleared_at_ms": now_ms,
        "change": next_change(conn, alarm),
        **ended_as_fixed(true(), ENGINE, now_ms),
    }
    standing = update(alarm).where(alarm.c.id == alarm_id, alarm.c.cleared_at_ms.is_(None))
    return conn.execute(standing.where(alarm.c.origin == Origin.SERVER.value).values(**values)).rowcount == 1
