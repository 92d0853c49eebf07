"""The steps of the pages of alarms, windows and checks; acts go through sheetal.ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.cold_chain import alarm_rules, alarm_store, gather, store
from portal.cold_chain.alarm_views import AlarmList, AlarmPage, CheckPage, MutesPage, ToldLine
from portal.cold_chain.gather import Reader
from portal.errors import FieldProblem
from portal.identity import service as identity
from portal.language import marked
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.problem import NotFound, Refused, Unavailable
from sheetal.ledger import (
    alarms,
    assets,
    checks_due,
    deliveries,
    holdings,
    ladders,
    manual_checks,
    mutes,
    sensor_faults,
    stock,
)
from sheetal.ledger.alarms import AlarmEnd
from sheetal.ledger.manual_checks import ManualCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from portal.cold_chain.views import AlarmLine, HoldingLine
    from portal.identity.service import Staff
    from sheetal.ledger.assets import Appliance, Facility
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.mutes import Muted
    from sheetal.ledger.programme import Programme
    from sheetal.readings.port import ReadingsStore

HISTORY_MS = 30 * DAY_MS
CHECKS_SHOWN = 10
HOLD_REASON_CHARACTERS_MAX = 300


def alarm_list(ledger: Ledger, staff: Staff, now_ms: int, show: str) -> AlarmList:
    """The alarms of the last 30 days and all that are open: the new ones, the open ones or all."""
    scope = None if staff.sees_all else staff.facility_id
    with ledger.read() as conn:
        opened = store.alarm_lines(conn, facility_id=scope, open_only=True)
        shown = opened if show != "all" else store.alarm_lines(conn, facility_id=scope, since_ms=now_ms - HISTORY_MS)
        told = alarm_store.told(conn, [line.id for line in shown])
        muted = mutes.muted_at(conn, now_ms)
        late = deliveries.undelivered(conn, now_ms, scope)
        new, still_open = alarm_store.open_counts(conn, scope)
    lines = [ToldLine(line, told.get(line.id), _mute_of(muted, line)) for line in shown]
    own = [one for one in muted.windows if staff.may_see(one.facility_id)]
    shown_lines = [line for line in lines if show != "new" or line.is_new]
    return AlarmList(shown_lines, new, still_open, len(own), len(late))


def alarm_page(ledger: Ledger, telemetry: Ledger, staff: Staff, alarm_id: str, now_ms: int, wait: int) -> AlarmPage:
    """One alarm with the stock inside its appliance; `wait` is the programme's minutes. Raises NotFound."""
    with ledger.read() as conn, telemetry.read() as telemetry_conn:
        line = _visible_alarm(conn, staff, alarm_id)
        told = alarm_store.told(conn, [alarm_id]).get(alarm_id)
        ahead = None
        if told is not None and line.acknowledged_at_ms is None:
            ahead = alarm_rules.escalation_of(line.facility_id, told.written_at_ms, ladders.ladders(conn), wait, now_ms)
        to = ahead.contact_id if ahead is not None else None
        reader = Reader(conn, telemetry_conn, now_ms)
        return AlarmPage(
            alarm=line,
            told=told,
            mute=_mute_of(mutes.muted_at(conn, now_ms), line),
            escalation=ahead,
            escalates_to=alarm_store.contact_names(conn, [to]).get(to) if to is not None else None,
            stock=_stock(reader, line.appliance),
            facts=dict(alarms.alarm_by_id(conn, alarm_id).facts),
            names=_names(conn, [line.acknowledged_by, line.ended_by]),
        )


def acknowledge(  # noqa: PLR0913 -- who answers for what, how, and whether the stock is held
    ledger: Ledger,
    telemetry: Ledger,
    staff: Staff,
    alarm_id: str,
    said: tuple[str, str],
    now_ms: int,
    *,
    is_holding: bool = False,
) -> list[str]:
    """Record who saw the alarm, its cause and what was done; holds the usable stock inside too where that is wanted.

    Gives what was held. Raises NotFound and Refused.
    """
    cause, comment = said
    with ledger.write() as conn, telemetry.read() as telemetry_conn:
        line = _visible_alarm(conn, staff, alarm_id)
        alarms.acknowledge_alarm(conn, alarm_id, staff.id, cause, comment, now_ms)
        if not is_holding:
            return []
        inside = _stock(Reader(conn, telemetry_conn, now_ms), line.appliance)
        wanted = sorted(one.inside.holding for one in inside if one.inside.is_usable)
        reason = comment.strip()[:HOLD_REASON_CHARACTERS_MAX]
        for holding_id in wanted:
            # One that was split off another of them is held with it.
            if _is_usable(conn, holding_id):
                holdings.set_disposition(conn, holding_id, Disposition.QUARANTINED, staff.id, reason, now_ms)
    return wanted


def end(  # noqa: PLR0913 -- who ends what, as what, and whether the probe goes with it
    ledger: Ledger, staff: Staff, alarm_id: str, ended_as: str, comment: str, now_ms: int, *, is_probe_faulty: bool
) -> None:
    """End an active alarm by one's own word; the probe's readings since then are unknown where one says so too.

    Raises NotFound and Refused.
    """
    with ledger.write() as conn:
        line = _visible_alarm(conn, staff, alarm_id)
        alarms.end_alarm(conn, alarm_id, staff.id, ended_as, comment, now_ms)
        if is_probe_faulty and ended_as == AlarmEnd.SENSOR_FAULT.value and line.sensor is not None:
            begins_ms = min(line.began_at_ms, now_ms)
            sensor_faults.declare_sensor_fault(conn, line.sensor, begins_ms, None, comment, staff.id, now_ms)


def assign(ledger: Ledger, staff: Staff, alarm_id: str, assigned_to: str, now_ms: int) -> None:
    """Say who deals with an alarm; raises NotFound and Refused."""
    with ledger.write() as conn:
        _visible_alarm(conn, staff, alarm_id)
        alarms.assign_alarm(conn, alarm_id, assigned_to, staff.id, now_ms)


def mutes_page(ledger: Ledger, staff: Staff, facility_id: str, now_ms: int) -> MutesPage:
    """The windows one may see and one facility's appliances; raises NotFound."""
    with ledger.read() as conn:
        place = _visible_facility(conn, staff, facility_id or staff.facility_id)
        windows = mutes.mutes(conn, None if staff.sees_all else staff.facility_id, now_ms - HISTORY_MS)
        return MutesPage(
            windows=windows,
            facilities=assets.facilities(conn) if staff.sees_all else [place],
            facility=place,
            appliances=assets.appliances(conn, place.id),
            names=_names(conn, [one.actor for one in windows]) | _place_names(conn, windows),
        )


def mute(ledger: Ledger, staff: Staff, facility_id: str, fields: Mapping[str, str], now_ms: int) -> int:
    """Open a window; raises NotFound, Refused and FieldProblem."""
    with ledger.write() as conn:
        place = _visible_facility(conn, staff, facility_id)
        wanted = alarm_rules.mute_of(fields, place.id, place.time_zone, now_ms)
        return mutes.add_mute(conn, wanted, staff.id, now_ms)


def end_mute(ledger: Ledger, staff: Staff, mute_id: int, now_ms: int) -> None:
    """End a window before its time; raises NotFound and Refused."""
    with ledger.write() as conn:
        if not staff.may_see(mutes.mute_by_id(conn, mute_id).facility_id):
            raise NotFound(marked("There is no such window."))
        mutes.end_mute(conn, mute_id, staff.id, now_ms)


def check_page(
    ledger: Ledger, readings: ReadingsStore, staff: Staff, appliance_id: str, programme: Programme, now_ms: int
) -> CheckPage:
    """What is known since the last check of an appliance; raises NotFound."""
    hours = checks_due.Hours(programme.checks_at_minutes_of_day, programme.check_late_minutes)
    with ledger.read() as conn:
        place, facility = _visible_appliance(conn, staff, appliance_id)
        checks = manual_checks.manual_checks(conn, appliance_id, now_ms - HISTORY_MS, now_ms + 1)[::-1]
        since_ms = max(checks[0].checked_at_ms if checks else 0, now_ms - DAY_MS)
        sensors = sorted({span.sensor for span in assets.sensors_of(conn, appliance_id, since_ms, now_ms)})
        names = _names(conn, [one.actor for one in checks[:CHECKS_SHOWN]])
    low, high, answer = _extremes(readings, sensors, since_ms, now_ms)
    last_ms = checks[0].checked_at_ms if checks else None
    missed = checks_due.missed(hours, facility.time_zone, last_ms, now_ms)
    return CheckPage(
        appliance=place,
        facility=facility,
        since_ms=since_ms,
        low=low,
        high=high,
        readings_answer=answer,
        due_at_ms=checks_due.next_due(hours, facility.time_zone, now_ms),
        missed_at_ms=missed.due_at_ms if missed else None,
        checks=checks[:CHECKS_SHOWN],
        names=names,
    )


def check(ledger: Ledger, staff: Staff, appliance_id: str, fields: Mapping[str, str], now_ms: int) -> None:
    """Record a reading by eye; raises NotFound, Refused and FieldProblem."""
    with ledger.write() as conn:
        _, facility = _visible_appliance(conn, staff, appliance_id)
        read = alarm_rules.check_of(fields, facility.time_zone, now_ms)
        new = ManualCheck(
            appliance_id=appliance_id,
            checked_at_ms=read.checked_at_ms,
            centi_celsius=read.centi_celsius,
            centi_celsius_min=read.centi_celsius_min,
            centi_celsius_max=read.centi_celsius_max,
            actor=staff.id,
            initials=read.initials,
        )
        try:
            manual_checks.add_manual_check(conn, new, now_ms)
        except Refused as refused:
            if refused.facts.get("reason") != "exists":
                raise
            raise FieldProblem(
                marked("A check of this minute is kept already. Write another time."), field="at"
            ) from refused


def _stock(reader: Reader, appliance_id: str | None) -> list[HoldingLine]:
    if appliance_id is None:
        return []
    found = store.appliances_now(reader.conn, reader.telemetry, appliance_id=appliance_id)
    return [gather.holding_line(reader, inside) for one in found for inside in one.inside]


def _is_usable(conn: Connection, holding_id: str) -> bool:
    return gather.as_inside(stock.holding_by_id(conn, holding_id), None).is_usable


def _extremes(
    readings: ReadingsStore, sensors: list[str], since_ms: int, now_ms: int
) -> tuple[int | None, int | None, bool]:
    try:
        found = readings.downsample(sensors, since_ms, now_ms + 1, HOUR_MS) if sensors else {}
    except Unavailable:
        return None, None, False
    buckets = [bucket for some in found.values() for bucket in some]
    low = min((bucket.centi_celsius_min for bucket in buckets), default=None)
    return low, max((bucket.centi_celsius_max for bucket in buckets), default=None), True


def _mute_of(muted: Muted, line: AlarmLine) -> mutes.Mute | None:
    return muted.window_of(line.facility_id, line.appliance, line.kind)


def _visible_alarm(conn: Connection, staff: Staff, alarm_id: str) -> AlarmLine:
    found = store.alarm_line(conn, alarm_id)
    if found is None or not staff.may_see(found.facility_id):
        raise NotFound(marked("There is no such alarm."))
    return found


def _visible_appliance(conn: Connection, staff: Staff, appliance_id: str) -> tuple[Appliance, Facility]:
    try:
        place = assets.appliance_by_id(conn, appliance_id)
    except NotFound as error:
        raise NotFound(marked("There is no such appliance.")) from error
    if not staff.may_see(place.facility_id):
        raise NotFound(marked("There is no such appliance."))
    return place, assets.facility_by_id(conn, place.facility_id)


def _visible_facility(conn: Connection, staff: Staff, facility_id: str) -> Facility:
    try:
        found = assets.facility_by_id(conn, facility_id)
    except NotFound as error:
        raise NotFound(marked("There is no such facility.")) from error
    if not staff.may_see(found.id):
        raise NotFound(marked("There is no such facility."))
    return found


def _names(conn: Connection, actors: Iterable[str | None]) -> dict[str, str]:
    """The names behind these actors; an engine or a gateway has none."""
    asked = {actor for actor in actors if actor is not None}
    return {actor: who.display_name for actor in asked if (who := identity.staff_by_id(conn, actor)) is not None}


def _place_names(conn: Connection, windows: Iterable[mutes.Mute]) -> dict[str, str]:
    asked = {one.appliance_id for one in windows if one.appliance_id is not None}
    return {appliance_id: assets.appliance_by_id(conn, appliance_id).name for appliance_id in asked}
