"""The cold-chain pages' steps in order: read, judge by rules, gather; acts go through sheetal.ledger."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from portal.cold_chain import chart, gather, rules, store
from portal.cold_chain.gather import Reader
from portal.cold_chain.rules import ApplianceNow, Place
from portal.cold_chain.snapshot import Snapshot
from portal.cold_chain.views import AppliancePage, Chart, Event, HoldingLine, HoldingPage, LotLine, Overview
from portal.errors import SignInNeeded
from portal.identity import service as identity
from portal.language import marked
from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.topics import gateway_of
from sheetal.ledger import assets, catalogue, evidence, holdings, judgements, stock, telemetry
from sheetal.thermal.exposure_report import build_report
from sheetal.thermal.runs import samples_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from portal.cold_chain.rules import GatewaySignature
    from portal.cold_chain.snapshot import Snapshots
    from portal.identity.service import Staff
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher
    from sheetal.ledger.telemetry import DeadLetter, DroppedLetters
    from sheetal.readings.port import Bucket, ReadingsStore
    from sheetal.thermal.report import ExposureReport

RAW_ROWS_MAX = 60_000
REPORT_ROWS_MAX = 600_000
REPORT_MS_MAX = 400 * DAY_MS
HISTORY_MS = 30 * DAY_MS
LETTERS_SHOWN = 200
ELSEWHERE_SHOWN = 10
LOT_HOLDINGS_SHOWN = store.HOLDINGS_MAX
QUARANTINE_REASON_CHARACTERS_MAX = 300


def overview(
    ledger: Ledger,
    telemetry_store: Ledger,
    snapshots: Snapshots,
    staff: Staff,
    now_ms: int,
    only: str = "",
) -> Overview:
    """The counts, the worklist (of one trouble only, when named) and the heat strip of what this person may see."""
    scope = None if staff.sees_all else staff.facility_id
    with _reading(ledger, telemetry_store, now_ms) as reader:
        token = store.change_token(reader.conn, reader.telemetry)
        seen = snapshots.get(scope, token, now_ms, lambda: _look(reader, scope))
    good: dict[str, list[str]] = {}
    for one in seen.everything:
        if gather.is_refuge(one, seen.states[one.id], now_ms):
            good.setdefault(one.place.facility_id, []).append(one.name)
    rows = [row for row in seen.rows if not only or row.trouble.value == only]
    newest = [latest.measured_at_ms for one in seen.everything for latest in one.latest if latest.measured_at_ms]
    judged = [one.judged_through_ms for one in seen.everything if one.judged_through_ms is not None]
    return Overview(
        rows=rules.with_refuge(rows[: rules.WORKLIST_ROWS], good),
        rows_total=len(rows),
        counts=rules.counts_of(seen.everything, seen.states),
        districts=gather.districts(seen.everything, seen.states),
        newest_ms=max(newest, default=None),
        oldest_judged_ms=min(judged, default=None),
    )


def appliance_page(
    ledger: Ledger,
    telemetry_store: Ledger,
    readings: ReadingsStore,
    staff: Staff,
    appliance_id: str,
    now_ms: int,
) -> AppliancePage:
    """One appliance; raises NotFound also for one of a facility that this person may not see."""
    with _reading(ledger, telemetry_store, now_ms) as reader:
        one = _visible(reader, staff, appliance_id)
        state = rules.state_of(one, now_ms)
        row = gather.own_row(reader, one, state)
        if row is not None:
            row = rules.with_refuge([row], {one.place.facility_id: _refuges(reader, one)})[0]
        lines = [gather.holding_line(reader, inside) for inside in one.inside]
        sensors = gather.sensor_lines(reader, one)
        alarms = store.alarm_lines(reader.conn, appliance_id=appliance_id, since_ms=now_ms - HISTORY_MS)
        place = assets.appliance_by_id(reader.conn, appliance_id)
    table, answer = gather.hours(readings, one.deciding.sensor if one.deciding else None, now_ms)
    return AppliancePage(
        now=one,
        appliance=place,
        state=state,
        since_ms=row.run.first_ms if row and row.run else None,
        row=row,
        holdings=lines,
        sensors=sensors,
        alarms=alarms,
        table=table,
        readings_answer=answer,
    )


def chart_of(  # noqa: PLR0913, PLR0917 -- as above, and which chart
    ledger: Ledger,
    readings: ReadingsStore,
    staff: Staff,
    appliance_id: str,
    span: chart.Span,
    sensor: str | None,
    now_ms: int,
) -> Chart:
    """One sensor's chart; raises NotFound for an appliance or sensor this person may not see, and Unavailable."""
    from_ms = now_ms - span.back_ms
    with ledger.read() as conn:
        place = assets.appliance_by_id(conn, appliance_id)
        if not staff.may_see(place.facility_id):
            raise NotFound(marked("There is no such appliance."))
        spans = assets.sensors_of(conn, appliance_id, from_ms, now_ms)
        chosen = next((one for one in spans if sensor in {None, "", one.sensor}), None)
        alarms = store.alarm_lines(conn, appliance_id=appliance_id, since_ms=from_ms)
        stays = _stay_counts(conn, appliance_id, from_ms, now_ms)
    if chosen is None:
        raise NotFound(marked("This appliance has no sensor in this time."))
    watched = chart.Watched(
        place.centi_celsius_min,
        place.centi_celsius_max,
        place.freeze_alarm_centi_celsius,
        place.freeze_alarm_minutes,
        place.heat_alarm_centi_celsius,
        place.heat_alarm_minutes,
    )
    samples = samples_of(readings.read(chosen.sensor, from_ms, now_ms + 1, limit=RAW_ROWS_MAX))
    buckets: list[Bucket] = []
    if span.every_ms:
        buckets = readings.downsample([chosen.sensor], from_ms, now_ms + 1, span.every_ms).get(chosen.sensor, [])
    times = (from_ms, now_ms, span.every_ms)
    drawn = chart.draw(chosen.sensor, samples, buckets, times, watched, chosen.interval_ms)
    return Chart(chosen.sensor, from_ms, now_ms, watched, drawn, stays, alarms)


def holding_page(
    ledger: Ledger,
    telemetry_store: Ledger,
    staff: Staff,
    holding_id: str,
    now_ms: int,
) -> HoldingPage:
    """One holding with its verdict taken apart; raises NotFound."""
    with _reading(ledger, telemetry_store, now_ms) as reader:
        held = _visible_holding(reader.conn, staff, holding_id)
        stays = stock.stays_of(reader.conn, holding_id)
        product = reader.product(held.product_id)
        shown = gather.deciding_verdict(reader.conn, held)
        inside = gather.as_inside(held, stays[-1] if stays else None)
        found = shown.verdict if shown else None
        judged_by = reader.judged_by(found) if found else None
        here = stays[-1].appliance_id if stays else None
        place = assets.facility_by_id(reader.conn, held.facility_id)
        return HoldingPage(
            holding=held,
            lot=stock.lot_by_id(reader.conn, held.lot_id),
            place=Place(place.id, place.name, place.name_hindi, place.district_name),
            product=product,
            standing=rules.standing_of(inside, now_ms, is_judged=shown is not None),
            verdict=shown,
            earlier=max(0, evidence.count_verdicts(reader.conn, holding_id) - 1),
            judged_by=judged_by,
            stays=stays,
            appliance_name=assets.appliance_by_id(reader.conn, here).name if here else None,
            events=_events(reader.conn, held.facility_id, holding_id),
            elsewhere=_elsewhere(reader, staff, held.lot_id, but=holding_id),
            refusal=gather.refusal(reader.conn, held, now_ms),
            compromised_from_ms=judgements.compromised_from_ms(reader.conn, holding_id),
            judged_again_ms=gather.judged_again_ms(reader.conn, held, here, found),
        )


def quarantine(ledger: Ledger, staff: Staff, holding_id: str, reason: str, now_ms: int) -> None:
    """Close the gate of a usable holding and of everything split off it; raises NotFound and Refused."""
    with ledger.write() as conn:
        held = _visible_holding(conn, staff, holding_id)
        if held.disposition not in USABLE:
            raise Refused(marked("This holding is not in use any more."), reason="not_usable", holding=holding_id)
        shortened = reason.strip()[:QUARANTINE_REASON_CHARACTERS_MAX]
        holdings.set_disposition(conn, holding_id, Disposition.QUARANTINED, staff.id, shortened, now_ms)


def open_alarm_count(ledger: Ledger, staff: Staff) -> int:
    """How many alarms are active or not acknowledged."""
    with ledger.read() as conn:
        return store.open_alarm_count(conn, None if staff.sees_all else staff.facility_id)


def lot_lines(ledger: Ledger, telemetry_store: Ledger, staff: Staff, now_ms: int) -> list[LotLine]:
    """The lots in the scope, each the sum of its holdings; at most 500."""
    with _reading(ledger, telemetry_store, now_ms) as reader:
        sums = store.lot_sums(reader.conn, None if staff.sees_all else staff.facility_id)
        return [gather.lot_line(reader, one) for one in sums]


def lot_page(
    ledger: Ledger,
    telemetry_store: Ledger,
    staff: Staff,
    lot_id: str,
    now_ms: int,
) -> tuple[LotLine, list[HoldingLine]]:
    """One lot and its holdings, at most 500, as far as this person may see them; raises NotFound."""
    with _reading(ledger, telemetry_store, now_ms) as reader:
        found = store.lot_sums(reader.conn, None if staff.sees_all else staff.facility_id, lot_id)
        if not found:
            raise NotFound(marked("There is no such lot here."))
        return gather.lot_line(reader, found[0]), _elsewhere(reader, staff, lot_id, but="", shown=LOT_HOLDINGS_SHOWN)


def lot_count(ledger: Ledger, staff: Staff) -> int:
    """How many lots there are in the scope."""
    with ledger.read() as conn:
        return store.lot_count(conn, None if staff.sees_all else staff.facility_id)


def dead_letters(telemetry_store: Ledger) -> tuple[list[DeadLetter], list[DroppedLetters]]:
    """The latest refused messages, whose payload stays in the store, and how many are only counted."""
    with telemetry_store.read() as conn:
        return telemetry.dead_letters(conn, LETTERS_SHOWN), telemetry.dropped_letters(conn, LETTERS_SHOWN)


def check_gateway(ledger: Ledger, cipher: FieldCipher, signed: GatewaySignature, sensor_id: str, now_ms: int) -> None:
    """Raise SignInNeeded for a signature that does not fit, NotFound for a sensor that is not this gateway's."""
    with ledger.read() as conn:
        key = assets.gateway_key(conn, cipher, signed.gateway)
    if key is None or not signed.fits(key, now_ms):
        raise SignInNeeded(marked("The gateway's signature does not fit."))
    if gateway_of(sensor_id) != signed.gateway:
        raise NotFound(marked("There is no such sensor."))


def check_sensor_visible(ledger: Ledger, staff: Staff, sensor_id: str) -> None:
    """Raise NotFound for a sensor that this person may not see."""
    if staff.sees_all:
        return
    with ledger.read() as conn:
        own = {one.id for one in assets.gateways(conn, staff.facility_id)}
    if gateway_of(sensor_id) not in own:
        raise NotFound(marked("There is no such sensor."))


def exposure_report(
    stores: tuple[Ledger, Ledger, ReadingsStore],
    sensor_id: str,
    from_ms: int,
    until_ms: int,
    now_ms: int,
) -> ExposureReport:
    """The report on at most 400 days and 600,000 readings; raises Refused beyond that, NotFound without any data."""
    ledger, telemetry_store, readings = stores
    if not 0 < until_ms - from_ms <= REPORT_MS_MAX:
        raise Refused(marked("Ask for at most 400 days."), reason="span")
    rows = readings.read(sensor_id, from_ms, until_ms, limit=REPORT_ROWS_MAX + 1)
    if len(rows) > REPORT_ROWS_MAX:
        raise Refused(marked("Too many readings; ask for a shorter span."), reason="rows")
    with telemetry_store.read() as conn:
        days = telemetry.day_summaries(conn, sensor_id, from_ms, until_ms)
    with ledger.read() as conn:
        products = catalogue.products(conn, now_ms)
        spans = assets.appliances_of(conn, sensor_id, from_ms, until_ms)
    interval_ms = spans[-1].interval_ms if spans else None
    if not rows and not days:
        raise NotFound(marked("There is no reading of this sensor in this time."))
    return build_report(sensor_id, rows, days, products, from_ms, until_ms, interval_ms)


def _look(reader: Reader, scope: str | None) -> Snapshot:
    everything = store.appliances_now(reader.conn, reader.telemetry, facility_id=scope)
    states = {one.id: rules.state_of(one, reader.now_ms) for one in everything}
    rows = rules.in_order(row for one in everything for row in gather.work_rows(reader, one, states[one.id]))
    return Snapshot(everything, states, rows)


@contextmanager
def _reading(ledger: Ledger, telemetry_store: Ledger, now_ms: int) -> Iterator[Reader]:
    with ledger.read() as conn, telemetry_store.read() as telemetry_conn:
        yield Reader(conn, telemetry_conn, now_ms)


def _refuges(reader: Reader, one: ApplianceNow) -> list[str]:
    near = store.appliances_now(reader.conn, reader.telemetry, facility_id=one.place.facility_id)
    at_ms = reader.now_ms
    return [other.name for other in near if gather.is_refuge(other, rules.state_of(other, at_ms), at_ms)]


def _visible(reader: Reader, staff: Staff, appliance_id: str) -> ApplianceNow:
    found = store.appliances_now(reader.conn, reader.telemetry, appliance_id=appliance_id)
    if not found or not staff.may_see(found[0].place.facility_id):
        raise NotFound(marked("There is no such appliance."))
    return found[0]


def _visible_holding(conn: Connection, staff: Staff, holding_id: str) -> stock.Holding:
    try:
        found = stock.holding_by_id(conn, holding_id)
    except NotFound as error:
        raise NotFound(marked("There is no such holding.")) from error
    if not staff.may_see(found.facility_id):
        raise NotFound(marked("There is no such holding."))
    return found


def _stay_counts(conn: Connection, appliance_id: str, from_ms: int, until_ms: int) -> list[tuple[int, int, int]]:
    """How many holdings stood inside, as [from, until) spans."""
    spans = store.stay_spans(conn, appliance_id, from_ms, until_ms)
    edges = sorted({from_ms, until_ms, *(edge for span in spans for edge in span if from_ms < edge < until_ms)})
    return [
        (start, end, sum(first <= start and last >= end for first, last in spans)) for start, end in pairwise(edges)
    ]


def _events(conn: Connection, facility_id: str, holding_id: str) -> list[Event]:
    acts = store.acts_on(conn, facility_id, holding_id)
    names = {actor: identity.staff_by_id(conn, actor) for actor in {act.actor for act in acts}}
    return [
        Event(act.at_ms, act.act, act.actor, who.display_name if (who := names[act.actor]) else None, act.detail)
        for act in acts
    ]


def _elsewhere(
    reader: Reader,
    staff: Staff,
    lot_id: str,
    *,
    but: str,
    shown: int = ELSEWHERE_SHOWN,
) -> list[HoldingLine]:
    scope = None if staff.sees_all else staff.facility_id
    found = store.of_lot(reader.conn, lot_id, scope, but=but, limit=shown)
    return [gather.holding_line(reader, inside, place) for inside, place in found]
