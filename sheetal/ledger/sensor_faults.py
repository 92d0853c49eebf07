"""Times in which a named person declares a sensor faulty: nothing that it said then counts, so that time is unknown.

Readings stay as they are. Whoever declares a fault answers for the time that becomes unknown by it: a gap that is too
long marks the stock that stood there, and a hold stays until a person decides on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, or_, select, update

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, rejudge
from sheetal.ledger.asset_tables import appliance, gateway, sensor, sensor_fault
from sheetal.ledger.assets import appliances_of
from sheetal.ledger.audit import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import BindParameter, Connection

REASON_CHARACTERS_MAX = 500
_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorFault:
    """A sensor was faulty in [from_ms, until_ms); it still is where `until_ms` is None."""

    id: int
    sensor_id: str
    from_ms: int
    until_ms: int | None
    reason: str
    actor: str
    recorded_at_ms: int


def declare_sensor_fault(  # noqa: PLR0913, PLR0917 - one declaration: of what, from when to when, why, by whom and when
    conn: Connection,
    sensor_id: str,
    from_ms: int,
    until_ms: int | None,
    reason: str,
    actor: str,
    now_ms: int,
) -> int:
    """Declare a sensor faulty; every appliance that it spoke for then is judged again. Gives the fault's number.

    Raises NotFound and Refused (`no_reason`, `future`, `empty`, `overlap`).
    """
    _lock_sensor(conn, sensor_id)
    facts: dict[str, object] = {"sensor": sensor_id, "from_ms": from_ms, "until_ms": until_ms}
    if not reason.strip():
        raise Refused("a fault has a reason", next_step="say what is wrong with it", reason="no_reason", **facts)
    if from_ms > now_ms or (until_ms is not None and until_ms > now_ms):
        raise Refused("a fault cannot be known ahead", next_step="check the time", reason="future", **facts)
    if until_ms is not None and until_ms <= from_ms:
        raise Refused("a fault ends after it begins", next_step="check the time", reason="empty", **facts)
    _check_free(conn, sensor_id, from_ms, until_ms)
    row = {"sensor_id": sensor_id, "from_ms": from_ms, "until_ms": until_ms, "actor": actor, "recorded_at_ms": now_ms}
    new = insert(sensor_fault).values(**row, reason=reason.strip()[:REASON_CHARACTERS_MAX])
    number: int = conn.execute(new.returning(sensor_fault.c.id)).scalar_one()
    _judge_again(conn, sensor_id, from_ms, until_ms, now_ms)
    detail = {"fault": number, "from_ms": from_ms, "until_ms": until_ms, "reason": reason.strip()}
    _trace(conn, sensor_id, AuditEntry(now_ms, actor, "sensor_fault_declared", sensor_id, detail))
    return number


def end_sensor_fault(conn: Connection, sensor_id: str, until_ms: int, actor: str, now_ms: int) -> int:
    """Believe a sensor again from an instant on; gives the fault's number. Raises Refused (`no_fault`, `future`)."""
    _lock_sensor(conn, sensor_id)
    if until_ms > now_ms:
        raise Refused("a repair cannot lie in the future", next_step="check the time", reason="future", at_ms=until_ms)
    ended = (
        update(sensor_fault)
        .where(
            sensor_fault.c.sensor_id == sensor_id,
            sensor_fault.c.until_ms.is_(None),
            sensor_fault.c.from_ms < until_ms,
        )
        .values(until_ms=until_ms)
        .returning(sensor_fault.c.id)
    )
    number: int | None = conn.execute(ended).scalar_one_or_none()
    if number is None:
        raise Refused("no fault of this sensor is open then", reason="no_fault", sensor=sensor_id, at_ms=until_ms)
    _judge_again(conn, sensor_id, until_ms, None, now_ms)
    detail = {"fault": number, "until_ms": until_ms}
    _trace(conn, sensor_id, AuditEntry(now_ms, actor, "sensor_fault_ended", sensor_id, detail))
    return number


def faults_of(conn: Connection, sensors: Collection[str]) -> list[SensorFault]:
    """The faults of these sensors, in order of sensor and time."""
    query = (
        select(sensor_fault)
        .where(sensor_fault.c.sensor_id.in_(_IDS))
        .order_by(sensor_fault.c.sensor_id, sensor_fault.c.from_ms)
    )
    return [SensorFault(**row) for row in conn.execute(query, {"ids": sorted(sensors)}).mappings()]


def _check_free(conn: Connection, sensor_id: str, from_ms: int, until_ms: int | None) -> None:
    ends_after = or_(sensor_fault.c.until_ms.is_(None), sensor_fault.c.until_ms > from_ms)
    query = select(sensor_fault.c.id).where(sensor_fault.c.sensor_id == sensor_id, ends_after)
    if until_ms is not None:
        query = query.where(sensor_fault.c.from_ms < until_ms)
    standing = conn.execute(query.limit(1)).scalar_one_or_none()
    if standing is not None:
        next_step = "end that fault, or declare the rest of the time"
        raise Refused("a fault of that time is declared already", next_step=next_step, reason="overlap", fault=standing)


def _judge_again(conn: Connection, sensor_id: str, from_ms: int, until_ms: int | None, now_ms: int) -> None:
    for span in appliances_of(conn, sensor_id, from_ms, until_ms):
        rejudge.mark_appliance(conn, span.appliance, max(span.from_ms, from_ms), now_ms)


def _lock_sensor(conn: Connection, sensor_id: str) -> None:
    touched = update(sensor).where(sensor.c.id == sensor_id).values(serial=sensor.c.serial)
    if conn.execute(touched).rowcount == 0:
        raise NotFound("no such sensor", sensor=sensor_id)


def _trace(conn: Connection, sensor_id: str, entry: AuditEntry) -> None:
    """In the chain of each facility whose stock it has spoken for; of its gateway's where it spoke for none."""
    places = {span.appliance for span in appliances_of(conn, sensor_id, 0, None)}
    found = set(
        conn.execute(select(appliance.c.facility_id).where(appliance.c.id.in_(_IDS)), {"ids": sorted(places)}).scalars()
    )
    if not found:
        own = select(gateway.c.facility_id).join(sensor, sensor.c.gateway_id == gateway.c.id)
        found = set(conn.execute(own.where(sensor.c.id == sensor_id)).scalars())
    for facility_id in sorted(found):
        audit.append(conn, facility_id, entry)
