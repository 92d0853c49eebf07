"""Places and things: facilities, gateways, appliances, sensors, their assignments and calibrations.

The acts here write no audit entry of their own: they have no actor, and who calls them appends it last.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sheetal.contracts import topics
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import rejudge
from sheetal.ledger.asset_tables import appliance, assignment, calibration, facility, gateway, sensor
from sheetal.ledger.audit import GENESIS_HASH
from sheetal.ledger.integrity import broken_rule
from sheetal.ledger.judgement_tables import audit_head
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Column, Connection, Select, Table
    from sqlalchemy.engine import RowMapping

    from sheetal.ledger.field_cipher import FieldCipher

IDS_A_QUERY = 500
FUSIONS = ("worst", "by_position")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """A cold-chain point, session site or store; `kind` is store, cold_chain_point or session_site."""

    id: str
    name: str
    name_hindi: str
    kind: str
    state_id: int
    state_name: str
    district_id: int
    district_name: str
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str = "Asia/Kolkata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appliance:
    """A refrigerator, freezer, box or carrier with its own limits; holdover and cold life only with a source.

    `centi_celsius_min` and `_max` are the range shown to people; the alarm limits are the device rule's. `fusion` says
    how several sensors are joined: "worst" or "by_position"; `model_id` names its entry in the catalogue.
    """

    id: str
    facility_id: str
    name: str
    kind: str
    model: str
    centi_celsius_min: int
    centi_celsius_max: int
    freeze_alarm_centi_celsius: int | None
    freeze_alarm_minutes: int | None
    heat_alarm_centi_celsius: int
    heat_alarm_minutes: int
    alarm_source: str
    holdover_minutes: int | None = None
    holdover_source: str | None = None
    cold_life_minutes: int | None = None
    cold_life_source: str | None = None
    fusion: str = "worst"
    model_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The computer at a facility that speaks for its sensors; its key stays sealed in the table."""

    id: str
    facility_id: str
    enrolled_at_ms: int
    retired_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One probe; `interval_ms` is its declared spacing, `accuracy_centi_celsius` its maker's ± figure."""

    id: str
    gateway_id: str
    serial: str
    model: str
    interval_ms: int | None = None
    accuracy_centi_celsius: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """One calibration certificate of a sensor."""

    sensor_id: str
    certificate_number: str
    uncertainty_centi_celsius: int
    calibrated_at_ms: int
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class SensorSpan:
    """A sensor's time in one appliance: [from_ms, until_ms), open-ended when `until_ms` is None."""

    sensor: str
    appliance: str
    position: str
    interval_ms: int | None
    from_ms: int
    until_ms: int | None
    accuracy_centi_celsius: int | None


def add_facility(conn: Connection, new: Facility, now_ms: int) -> None:
    """Record a facility and the head of its audit chain; raises Refused (`exists`, `broken_rule`)."""
    _add(conn, facility, {**asdict(new), "created_at_ms": now_ms})
    conn.execute(insert(audit_head).values(facility_id=new.id, number=0, hash=GENESIS_HASH))


def add_gateway(
    conn: Connection,
    cipher: FieldCipher,
    gateway_id: str,
    facility_id: str,
    key: bytes,
    now_ms: int,
) -> None:
    """Enrol a gateway with its HMAC key; raises Refused (`exists`, `bad_id`) and NotFound."""
    if not topics.IDENTIFIER.fullmatch(gateway_id):
        raise Refused("a gateway's id is letters, digits, - and _, at most 48", reason="bad_id", id=gateway_id)
    _require(conn, facility, facility_id)
    sealed = cipher.seal(key, table="gateway", row=gateway_id, column="key_sealed")
    _add(
        conn,
        gateway,
        {"id": gateway_id, "facility_id": facility_id, "key_sealed": sealed, "enrolled_at_ms": now_ms},
    )


def gateway_key(conn: Connection, cipher: FieldCipher, gateway_id: str) -> bytes | None:
    """The enrolment key; None for an unknown or retired gateway; raises Rejected when it does not open."""
    query = select(gateway.c.key_sealed).where(gateway.c.id == gateway_id, gateway.c.retired_at_ms.is_(None))
    sealed = conn.execute(query).scalar_one_or_none()
    if sealed is None:
        return None
    return cipher.open(sealed, table="gateway", row=gateway_id, column="key_sealed")


def retire_gateway(conn: Connection, gateway_id: str, now_ms: int) -> None:
    """Believe this gateway no longer; raises NotFound."""
    retired = update(gateway).where(gateway.c.id == gateway_id, gateway.c.retired_at_ms.is_(None))
    if conn.execute(retired.values(retired_at_ms=now_ms)).rowcount == 0:
        raise NotFound("no such gateway in service", gateway=gateway_id)


def add_appliance(conn: Connection, new: Appliance, now_ms: int) -> None:
    """Record an appliance; raises Refused (`exists`, `broken_rule`) and NotFound for its facility."""
    _require(conn, facility, new.facility_id)
    _add(conn, appliance, {**asdict(new), "created_at_ms": now_ms})


def declare_fusion(conn: Connection, appliance_id: str, fusion: str, now_ms: int) -> None:
    """Say how an appliance's sensors are joined; all that ever stood in it is judged again.

    Raises NotFound and Refused (`bad_fusion`).
    """
    if fusion not in FUSIONS:
        raise Refused("sensors are joined by the worst or by position", reason="bad_fusion", fusion=fusion)
    declared = update(appliance).where(appliance.c.id == appliance_id).values(fusion=fusion)
    if conn.execute(declared).rowcount == 0:
        raise NotFound("no such appliance", id=appliance_id)
    rejudge.mark_appliance(conn, appliance_id, 0, now_ms)


def register_sensor(conn: Connection, new: Sensor, now_ms: int) -> None:
    """Record a sensor below its gateway's name; raises Refused (`exists`, `foreign_sensor`) and NotFound."""
    if not topics.SENSOR_IDENTIFIER.fullmatch(new.id) or topics.gateway_of(new.id) != new.gateway_id:
        raise Refused("a sensor's id is its gateway's id, a dot and its own", reason="foreign_sensor", sensor=new.id)
    _require(conn, gateway, new.gateway_id)
    _add(conn, sensor, {**asdict(new), "registered_at_ms": now_ms})


def assign_sensor(
    conn: Connection,
    sensor_id: str,
    appliance_id: str,
    position: str,
    from_ms: int,
    now_ms: int,
) -> None:
    """Let a sensor speak for an appliance from an instant on; its earlier assignment ends there.

    Both appliances are judged again. Raises Refused (`overlap`) when a later assignment stands, and NotFound.
    """
    _lock_sensor(conn, sensor_id)
    _require(conn, appliance, appliance_id)
    later = select(assignment.c.id).where(
        assignment.c.sensor_id == sensor_id,
        or_(assignment.c.from_ms >= from_ms, assignment.c.until_ms > from_ms),
    )
    if conn.execute(later.limit(1)).first() is not None:
        raise Refused("the sensor has a later assignment", reason="overlap", sensor=sensor_id, from_ms=from_ms)
    unassign_sensor(conn, sensor_id, from_ms, now_ms)
    row = {"sensor_id": sensor_id, "appliance_id": appliance_id, "position": position, "from_ms": from_ms}
    conn.execute(insert(assignment).values(**row))
    rejudge.mark_appliance(conn, appliance_id, from_ms, now_ms)


def unassign_sensor(conn: Connection, sensor_id: str, until_ms: int, now_ms: int) -> list[str]:
    """End a sensor's open assignment; gives the appliances it left, each marked to be judged again."""
    ended = (
        update(assignment)
        .where(assignment.c.sensor_id == sensor_id, assignment.c.until_ms.is_(None), assignment.c.from_ms < until_ms)
        .values(until_ms=until_ms)
        .returning(assignment.c.appliance_id)
    )
    left = list(conn.execute(ended).scalars())
    for appliance_id in left:
        rejudge.mark_appliance(conn, appliance_id, until_ms, now_ms)
    return left


def record_calibration(conn: Connection, new: Calibration, now_ms: int) -> None:
    """Keep a calibration; the sensor's present appliances are judged again from it on. Raises NotFound."""
    _require(conn, sensor, new.sensor_id)
    conn.execute(insert(calibration).values(**asdict(new)))
    for span in appliances_of(conn, new.sensor_id, new.calibrated_at_ms, now_ms + 1):
        rejudge.mark_appliance(conn, span.appliance, max(span.from_ms, new.calibrated_at_ms), now_ms)


def facility_by_id(conn: Connection, facility_id: str) -> Facility:
    """One facility; raises NotFound."""
    return Facility(**_one(conn, facility, facility_id, "created_at_ms"))


def facilities(conn: Connection) -> list[Facility]:
    """Every facility, in order of id."""
    query = select(*_but(facility, "created_at_ms")).order_by(facility.c.id)
    return [Facility(**row) for row in conn.execute(query).mappings()]


def appliance_by_id(conn: Connection, appliance_id: str) -> Appliance:
    """One appliance; raises NotFound."""
    return Appliance(**_one(conn, appliance, appliance_id, "created_at_ms"))


def appliances(conn: Connection, facility_id: str | None = None) -> list[Appliance]:
    """The appliances of one facility, or all, in order of id."""
    query = select(*_but(appliance, "created_at_ms")).order_by(appliance.c.id)
    if facility_id is not None:
        query = query.where(appliance.c.facility_id == facility_id)
    return [Appliance(**row) for row in conn.execute(query).mappings()]


def appliances_by_id(conn: Connection, appliance_ids: Collection[str]) -> dict[str, Appliance]:
    """These appliances, by id; one that is not there is absent."""
    query = select(*_but(appliance, "created_at_ms")).where(appliance.c.id.in_(bindparam("ids", expanding=True)))
    ordered = sorted(appliance_ids)
    found: dict[str, Appliance] = {}
    for first in range(0, len(ordered), IDS_A_QUERY):
        chunk = ordered[first : first + IDS_A_QUERY]
        found |= {row["id"]: Appliance(**row) for row in conn.execute(query, {"ids": chunk}).mappings()}
    return found


def gateway_by_id(conn: Connection, gateway_id: str) -> Gateway:
    """One gateway, also a retired one; raises NotFound."""
    return Gateway(**_one(conn, gateway, gateway_id, "key_sealed"))


def gateways(conn: Connection, facility_id: str | None = None) -> list[Gateway]:
    """The gateways of one facility, or all, in order of id, retired ones too."""
    query = select(*_but(gateway, "key_sealed")).order_by(gateway.c.id)
    if facility_id is not None:
        query = query.where(gateway.c.facility_id == facility_id)
    return [Gateway(**row) for row in conn.execute(query).mappings()]


def sensors(conn: Connection, gateway_id: str | None = None) -> list[Sensor]:
    """The sensors of one gateway, or all, in order of id."""
    query = select(*_but(sensor, "registered_at_ms")).order_by(sensor.c.id)
    if gateway_id is not None:
        query = query.where(sensor.c.gateway_id == gateway_id)
    return [Sensor(**row) for row in conn.execute(query).mappings()]


def calibrations(conn: Connection, sensor_id: str) -> list[Calibration]:
    """A sensor's calibrations, the newest first."""
    query = select(*_but(calibration, "id")).where(calibration.c.sensor_id == sensor_id)
    rows = conn.execute(query.order_by(calibration.c.calibrated_at_ms.desc(), calibration.c.id.desc())).mappings()
    return [Calibration(**row) for row in rows]


def sensors_of(conn: Connection, appliance_id: str, from_ms: int, until_ms: int | None) -> list[SensorSpan]:
    """Which sensors spoke for an appliance in [from_ms, until_ms), each with its own span, oldest first."""
    return _spans(conn, _overlapping(from_ms, until_ms).where(assignment.c.appliance_id == appliance_id))


def appliances_of(conn: Connection, sensor_id: str, from_ms: int, until_ms: int | None) -> list[SensorSpan]:
    """Which appliances a sensor spoke for in [from_ms, until_ms), oldest first."""
    return _spans(conn, _overlapping(from_ms, until_ms).where(assignment.c.sensor_id == sensor_id))


def _overlapping(from_ms: int, until_ms: int | None) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            assignment.c.sensor_id.label("sensor"),
            assignment.c.appliance_id.label("appliance"),
            assignment.c.position,
            sensor.c.interval_ms,
            assignment.c.from_ms,
            assignment.c.until_ms,
            sensor.c.accuracy_centi_celsius,
        )
        .join(sensor, sensor.c.id == assignment.c.sensor_id)
        .where(or_(assignment.c.until_ms.is_(None), assignment.c.until_ms > from_ms))
        .order_by(assignment.c.from_ms, assignment.c.id)
    )
    return query if until_ms is None else query.where(assignment.c.from_ms < until_ms)


def _spans(conn: Connection, query: Select[*tuple[Any, ...]]) -> list[SensorSpan]:
    return [SensorSpan(**row) for row in conn.execute(query).mappings()]


def _add(conn: Connection, table: Table, row: Mapping[str, object]) -> None:
    try:
        with conn.begin_nested():
            added = insert_missing(conn, table, [row])
    except IntegrityError as error:
        raise Refused(
            f"this {table.name} breaks a rule of its table",
            next_step="correct the value",
            reason="broken_rule",
            rule=broken_rule(error),
        ) from error
    if added == 0:
        raise Refused(
            f"this {table.name} stands there already",
            next_step="choose another id",
            reason="exists",
            id=row["id"],
        )


def _lock_sensor(conn: Connection, sensor_id: str) -> None:
    touched = update(sensor).where(sensor.c.id == sensor_id).values(serial=sensor.c.serial)
    if conn.execute(touched).rowcount == 0:
        raise NotFound("no such sensor", id=sensor_id)


def _require(conn: Connection, table: Table, row_id: str) -> None:
    if conn.execute(select(table.c.id).where(table.c.id == row_id)).first() is None:
        raise NotFound(f"no such {table.name}", id=row_id)


def _one(conn: Connection, table: Table, row_id: str, hidden: str) -> RowMapping:
    row = conn.execute(select(*_but(table, hidden)).where(table.c.id == row_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"no such {table.name}", id=row_id)
    return row


def _but(table: Table, hidden: str) -> list[Column[Any]]:
    return [column for column in table.columns if column.name != hidden]
