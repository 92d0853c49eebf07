"""All SQL of the cold-chain pages: reads over shared tables; acts go through sheetal.ledger."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, exists, func, or_, select

from portal.cold_chain.rules import ApplianceNow, Inside, Latest, Place
from portal.cold_chain.views import AlarmLine, LotSum
from sheetal.contracts.disposition import Disposition
from sheetal.ledger.alarms import is_open
from sheetal.ledger.asset_tables import appliance, assignment, facility, sensor
from sheetal.ledger.forecasts import forecasts
from sheetal.ledger.judgement_tables import alarm, appliance_judgement, audit, audit_head, verdict
from sheetal.ledger.stock_tables import holding, lot, stay
from sheetal.ledger.telemetry_tables import sensor_state
from sheetal.ledger.watch_tables import forecast

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Select

IDS_AT_ONCE = 500
ALARMS_MAX = 200
ACTS_MAX = 200
LOTS_MAX = 500
HOLDINGS_MAX = 500


class Act(NamedTuple):
    """One entry of an audit chain about a holding."""

    at_ms: int
    actor: str
    act: str
    detail: dict[str, object]


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
    ahead = forecasts(conn, appliance_id)
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
            forecast=ahead.get(row.id),
        )
        for row in conn.execute(query)
    ]


def change_token(conn: Connection, telemetry: Connection) -> tuple[int | None, ...]:
    """Differs after every sample, alarm, verdict, judgement, round of forecasts and audited act."""
    queries = (
        select(func.max(alarm.c.change)),
        select(func.max(verdict.c.id)),
        select(func.max(appliance_judgement.c.judged_through_ms)),
        select(func.max(forecast.c.made_at_ms)),
        select(func.sum(audit_head.c.number)),
    )
    newest = telemetry.execute(select(func.max(sensor_state.c.change))).scalar_one()
    return (newest, *(conn.execute(query).scalar_one() for query in queries))


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
        _alarms()
        .where(or_(alarm.c.fired_at_ms >= since_ms, alarm.c.cleared_at_ms.is_(None)))
        .order_by(alarm.c.cleared_at_ms.isnot(None), alarm.c.acknowledged_at_ms.isnot(None), alarm.c.fired_at_ms.desc())
        .limit(ALARMS_MAX)
    )
    if facility_id is not None:
        query = query.where(facility.c.id == facility_id)
    if appliance_id is not None:
        query = query.where(alarm.c.appliance_id == appliance_id)
    if open_only:
        query = query.where(is_open())
    return [_alarm_line(row) for row in conn.execute(query)]


def alarm_line(conn: Connection, alarm_id: str) -> AlarmLine | None:
    """One alarm."""
    row = conn.execute(_alarms().where(alarm.c.id == alarm_id)).first()
    return None if row is None else _alarm_line(row)


def open_alarm_count(conn: Connection, facility_id: str | None) -> int:
    """How many alarms are active or not acknowledged."""
    query = select(func.count()).select_from(alarm).where(is_open())
    if facility_id is not None:
        query = query.where(alarm.c.facility_id == facility_id)
    return conn.execute(query).scalar_one()


def _alarms() -> Select[*tuple[Any, ...]]:
    return (
        select(alarm, appliance.c.name.label("appliance_name"))
        .add_columns(facility.c.name.label("facility_name"), facility.c.name_hindi.label("facility_name_hindi"))
        .join_from(alarm, appliance, alarm.c.appliance_id == appliance.c.id, isouter=True)
        .join(facility, alarm.c.facility_id == facility.c.id, isouter=True)
    )


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
    inside: dict[str, list[Inside]] = defaultdict(list)
    query = _holdings_inside().where(holding.c.doses_left > 0, *scope)
    for row in conn.execute(query.where(holding.c.disposition != Disposition.DESTROYED.value)):
        inside[row.appliance_id].append(_one_inside(row))
    return inside


def of_lot(
    conn: Connection, lot_id: str, facility_id: str | None = None, *, but: str = "", limit: int = HOLDINGS_MAX
) -> list[tuple[Inside, Place]]:
    """The holdings of a lot that stand somewhere in the scope, all `but` one, with their places; at most 500."""
    query = (
        _holdings_inside()
        .join(facility, holding.c.facility_id == facility.c.id)
        .add_columns(holding.c.facility_id, facility.c.name, facility.c.name_hindi, facility.c.district_name)
        .where(holding.c.lot_id == lot_id, holding.c.id != but)
        .limit(min(limit, HOLDINGS_MAX))
    )
    if facility_id is not None:
        query = query.where(holding.c.facility_id == facility_id)
    return [
        (_one_inside(row), Place(row.facility_id, row.name, row.name_hindi, row.district_name))
        for row in conn.execute(query)
    ]


def stay_spans(conn: Connection, appliance_id: str, from_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """From when until when each holding stood in the appliance, cut to the span."""
    query = select(stay.c.from_ms, stay.c.until_ms).where(
        stay.c.appliance_id == appliance_id,
        stay.c.from_ms < until_ms,
        or_(stay.c.until_ms.is_(None), stay.c.until_ms > from_ms),
    )
    return [
        (max(row.from_ms, from_ms), until_ms if row.until_ms is None else min(row.until_ms, until_ms))
        for row in conn.execute(query)
    ]


def lot_count(conn: Connection, facility_id: str | None) -> int:
    """How many lots stand anywhere in the scope."""
    query = select(func.count(holding.c.lot_id.distinct()))
    if facility_id is not None:
        query = query.where(holding.c.facility_id == facility_id)
    return conn.execute(query).scalar_one()


def lot_sums(conn: Connection, facility_id: str | None, lot_id: str | None = None) -> list[LotSum]:
    """The lots, or one, that stand anywhere in the scope, with holdings and doses by disposition; at most 500."""
    here = holding.c.lot_id == lot.c.id
    if facility_id is not None:
        here = and_(here, holding.c.facility_id == facility_id)
    wanted = select(lot.c.id).where(exists().where(here)).order_by(lot.c.product_id, lot.c.batch)
    if lot_id is not None:
        wanted = wanted.where(lot.c.id == lot_id)
    shown = wanted.limit(LOTS_MAX).cte("shown")
    query = (
        select(lot.c.id, lot.c.product_id, lot.c.batch, lot.c.expires_at_ms, holding.c.disposition)
        .add_columns(func.count().label("holdings"), func.sum(holding.c.doses_left).label("doses"))
        .join_from(lot, holding, here)
        .join(shown, shown.c.id == lot.c.id)
        .group_by(lot.c.id, lot.c.product_id, lot.c.batch, lot.c.expires_at_ms, holding.c.disposition)
        .order_by(lot.c.product_id, lot.c.batch)
    )
    sums: dict[str, LotSum] = {}
    for row in conn.execute(query):
        known = sums.setdefault(row.id, LotSum(row.id, row.product_id, row.batch, row.expires_at_ms, {}, {}))
        known.holdings[row.disposition] = row.holdings
        known.doses[row.disposition] = int(row.doses)
    return list(sums.values())


def acts_on(conn: Connection, facility_id: str, subject: str) -> list[Act]:
    """What the facility's audit chain says was done to this subject, oldest first; at most 200."""
    table = audit.c
    query = select(table.at_ms, table.actor, table.act, table.detail)
    query = query.where(table.facility_id == facility_id, table.subject == subject)
    rows = conn.execute(query.order_by(table.at_ms, table.number).limit(ACTS_MAX))
    return [Act(row.at_ms, row.actor, row.act, json.loads(row.detail)) for row in rows]


def _holdings_inside() -> Select[*tuple[Any, ...]]:
    return (
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
            holding.c.expires_at_ms,
            holding.c.rejudges_open,
        )
        .join_from(stay, holding, stay.c.holding_id == holding.c.id)
        .join(lot, holding.c.lot_id == lot.c.id)
        .join(appliance, stay.c.appliance_id == appliance.c.id)
        .where(stay.c.until_ms.is_(None))
        .order_by(stay.c.appliance_id, lot.c.product_id, holding.c.id)
    )


def _one_inside(row: Row[*tuple[Any, ...]]) -> Inside:
    return Inside(
        holding=row.id,
        appliance=row.appliance_id,
        lot=row.lot_id,
        product=row.product_id,
        batch=row.batch,
        doses=row.doses_left,
        disposition=Disposition(row.disposition),
        disposition_at_ms=row.disposition_at_ms,
        known_bound_ms=row.known_bound_ms,
        from_ms=row.from_ms,
        gap_open_from_ms=row.gap_open_from_ms,
        expires_at_ms=row.expires_at_ms,
        rejudges_open=row.rejudges_open,
    )


def _open_alarm_kinds(conn: Connection, scope: list[ColumnElement[bool]]) -> dict[str, list[str]]:
    query = (
        select(alarm.c.appliance_id, alarm.c.kind)
        .join_from(alarm, appliance, alarm.c.appliance_id == appliance.c.id)
        .where(and_(alarm.c.cleared_at_ms.is_(None), alarm.c.ended_at_ms.is_(None), *scope))
        .distinct()
    )
    kinds: dict[str, list[str]] = defaultdict(list)
    for row in conn.execute(query):
        kinds[row.appliance_id].append(row.kind)
    return kinds


def _alarm_line(row: Row[*tuple[Any, ...]]) -> AlarmLine:
    columns = {"sensor": "sensor_id", "appliance": "appliance_id"}
    return AlarmLine(**{one.name: getattr(row, columns.get(one.name, one.name)) for one in fields(AlarmLine)})
