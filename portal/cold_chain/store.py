"""All SQL of the cold-chain pages: reads over shared tables; acts go through sheetal.ledger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from portal.cold_chain.rules import ApplianceNow, Inside, Latest, Place
from sheetal.contracts.disposition import Disposition
from sheetal.ledger.asset_tables import appliance, assignment, facility, sensor
from sheetal.ledger.judgement_tables import alarm, appliance_judgement
from sheetal.ledger.stock_tables import holding, lot, stay
from sheetal.ledger.telemetry_tables import sensor_state

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

IDS_AT_ONCE = 500
ALARMS_MAX = 200


class AlarmLine(NamedTuple):
    """An alarm as the list shows it."""

    id: str
    kind: str
    sensor: str
    appliance: str | None
    appliance_name: str | None
    facility_id: str | None
    facility_name: str | None
    facility_name_hindi: str | None
    began_at_ms: int
    fired_at_ms: int
    cleared_at_ms: int | None
    extreme_centi_celsius: int
    limit_centi_celsius: int
    limit_minutes: int
    acknowledged_at_ms: int | None
    acknowledged_by: str | None
    cause: str | None
    comment: str | None


class Assigned(NamedTuple):
    """A sensor in an appliance."""

    sensor: str
    appliance: str
    position: str
    interval_ms: int | None


def appliances_now(
    conn: Connection,
    telemetry: Connection,
    *,
    facility_id: str | None = None,
    appliance_id: str | None = None,
) -> list[ApplianceNow]:
    """Every appliance of the scope with its judgement, newest samples, holdings and open alarms, in order of id."""
    scope = _scope(facility_id, appliance_id)
    sensors = _assigned(conn, scope)
    samples = _samples(
        telemetry, [one.sensor for one in sensors], wanted_all=facility_id is None and appliance_id is None
    )
    latest = defaultdict(list)
    for one in sensors:
        measured_at_ms, centi_celsius = samples.get(one.sensor, (None, None))
        latest[one.appliance].append(Latest(one.sensor, one.position, one.interval_ms, measured_at_ms, centi_celsius))
    inside = _inside(conn, scope)
    alarms = _open_alarm_kinds(conn, scope)
    query = (
        select(
            appliance,
            facility.c.name.label("facility_name"),
            facility.c.name_hindi.label("facility_name_hindi"),
            facility.c.district_name,
            appliance_judgement.c.state,
            appliance_judgement.c.judged_through_ms,
            appliance_judgement.c.known_through_ms,
        )
        .join_from(appliance, facility, appliance.c.facility_id == facility.c.id)
        .outerjoin(appliance_judgement, appliance_judgement.c.appliance_id == appliance.c.id)
        .where(*scope)
        .order_by(appliance.c.id)
    )
    return [
        ApplianceNow(
            id=row.id,
            name=row.name,
            kind=row.kind,
            place=Place(row.facility_id, row.facility_name, row.facility_name_hindi, row.district_name),
            centi_celsius_min=row.centi_celsius_min,
            centi_celsius_max=row.centi_celsius_max,
            freeze_alarm_centi_celsius=row.freeze_alarm_centi_celsius,
            judged_state=row.state,
            judged_through_ms=row.judged_through_ms,
            known_through_ms=row.known_through_ms,
            latest=tuple(latest[row.id]),
            inside=tuple(inside[row.id]),
            alarms=tuple(alarms[row.id]),
        )
        for row in conn.execute(query)
    ]


def alarm_lines(
    conn: Connection,
    *,
    facility_id: str | None = None,
    appliance_id: str | None = None,
    since_ms: int = 0,
    open_only: bool = False,
) -> list[AlarmLine]:
    """Alarms of the scope, open and unacknowledged first, then the newest; at most 200."""
    query = (
        select(alarm, appliance.c.name.label("appliance_name"), facility.c.id.label("facility_id"))
        .add_columns(facility.c.name.label("facility_name"), facility.c.name_hindi.label("facility_name_hindi"))
        .join_from(alarm, appliance, alarm.c.appliance_id == appliance.c.id, isouter=True)
        .join(facility, appliance.c.facility_id == facility.c.id, isouter=True)
        .where(or_(alarm.c.fired_at_ms >= since_ms, alarm.c.cleared_at_ms.is_(None)))
        .order_by(alarm.c.cleared_at_ms.isnot(None), alarm.c.acknowledged_at_ms.isnot(None), alarm.c.fired_at_ms.desc())
        .limit(ALARMS_MAX)
    )
    if facility_id is not None:
        query = query.where(facility.c.id == facility_id)
    if appliance_id is not None:
        query = query.where(alarm.c.appliance_id == appliance_id)
    if open_only:
        query = query.where(_is_open_alarm())
    return [_alarm_line(row) for row in conn.execute(query)]


def alarm_line(conn: Connection, alarm_id: str) -> AlarmLine | None:
    """One alarm."""
    query = (
        select(alarm, appliance.c.name.label("appliance_name"), facility.c.id.label("facility_id"))
        .add_columns(facility.c.name.label("facility_name"), facility.c.name_hindi.label("facility_name_hindi"))
        .join_from(alarm, appliance, alarm.c.appliance_id == appliance.c.id, isouter=True)
        .join(facility, appliance.c.facility_id == facility.c.id, isouter=True)
        .where(alarm.c.id == alarm_id)
    )
    row = conn.execute(query).first()
    return None if row is None else _alarm_line(row)


def open_alarm_count(conn: Connection, facility_id: str | None) -> int:
    """How many alarms are active or not acknowledged."""
    query = select(func.count()).select_from(alarm).where(_is_open_alarm())
    if facility_id is not None:
        query = query.join(appliance, alarm.c.appliance_id == appliance.c.id)
        query = query.where(appliance.c.facility_id == facility_id)
    return conn.execute(query).scalar_one()


def _is_open_alarm() -> ColumnElement[bool]:
    return or_(alarm.c.cleared_at_ms.is_(None), alarm.c.acknowledged_at_ms.is_(None))


def _scope(facility_id: str | None, appliance_id: str | None) -> list[ColumnElement[bool]]:
    scope: list[ColumnElement[bool]] = []
    if facility_id is not None:
        scope.append(appliance.c.facility_id == facility_id)
    if appliance_id is not None:
        scope.append(appliance.c.id == appliance_id)
    return scope


def _assigned(conn: Connection, scope: list[ColumnElement[bool]]) -> list[Assigned]:
    query = (
        select(assignment.c.sensor_id, assignment.c.appliance_id, assignment.c.position, sensor.c.interval_ms)
        .join_from(assignment, sensor, assignment.c.sensor_id == sensor.c.id)
        .join(appliance, assignment.c.appliance_id == appliance.c.id)
        .where(assignment.c.until_ms.is_(None), *scope)
        .order_by(assignment.c.appliance_id, assignment.c.position, assignment.c.sensor_id)
    )
    return [Assigned(*row) for row in conn.execute(query)]


def _samples(
    telemetry: Connection,
    sensors: list[str],
    *,
    wanted_all: bool,
) -> dict[str, tuple[int | None, int | None]]:
    query = select(sensor_state.c.sensor_id, sensor_state.c.measured_at_ms, sensor_state.c.centi_celsius)
    if wanted_all:
        return {row.sensor_id: (row.measured_at_ms, row.centi_celsius) for row in telemetry.execute(query)}
    found: dict[str, tuple[int | None, int | None]] = {}
    for start in range(0, len(sensors), IDS_AT_ONCE):
        some = query.where(sensor_state.c.sensor_id.in_(sensors[start : start + IDS_AT_ONCE]))
        found |= {row.sensor_id: (row.measured_at_ms, row.centi_celsius) for row in telemetry.execute(some)}
    return found


def _inside(conn: Connection, scope: list[ColumnElement[bool]]) -> dict[str, list[Inside]]:
    query = (
        select(
            holding.c.id,
            stay.c.appliance_id,
            holding.c.lot_id,
            lot.c.product_id,
            lot.c.batch,
            holding.c.doses_left,
            holding.c.disposition,
            holding.c.disposition_at_ms,
            stay.c.known_bound_ms,
            stay.c.from_ms,
            holding.c.gap_open_from_ms,
        )
        .join_from(stay, holding, stay.c.holding_id == holding.c.id)
        .join(lot, holding.c.lot_id == lot.c.id)
        .join(appliance, stay.c.appliance_id == appliance.c.id)
        .where(stay.c.until_ms.is_(None), holding.c.doses_left > 0, *scope)
        .where(holding.c.disposition != Disposition.DESTROYED.value)
        .order_by(stay.c.appliance_id, lot.c.product_id, holding.c.id)
    )
    inside: dict[str, list[Inside]] = defaultdict(list)
    for row in conn.execute(query):
        values = list(row)
        values[6] = Disposition(row.disposition)
        inside[row.appliance_id].append(Inside(*values))
    return inside


def _open_alarm_kinds(conn: Connection, scope: list[ColumnElement[bool]]) -> dict[str, list[str]]:
    query = (
        select(alarm.c.appliance_id, alarm.c.kind)
        .join_from(alarm, appliance, alarm.c.appliance_id == appliance.c.id)
        .where(and_(alarm.c.cleared_at_ms.is_(None), *scope))
        .distinct()
    )
    kinds: dict[str, list[str]] = defaultdict(list)
    for row in conn.execute(query):
        kinds[row.appliance_id].append(row.kind)
    return kinds


def _alarm_line(row: Row[*tuple[Any, ...]]) -> AlarmLine:
    return AlarmLine(
        id=row.id,
        kind=row.kind,
        sensor=row.sensor_id,
        appliance=row.appliance_id,
        **{name: getattr(row, name) for name in AlarmLine._fields if name not in {"id", "kind", "sensor", "appliance"}},
    )
