"""A small district in every state at once, judged by the real engine, for the cold-chain pages' tests and pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm, alarm_id
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import Quality, Reading
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, catalogue, holdings, judgement_writes, rejudge, stock, telemetry_writes
from sheetal.ledger.judgements import ApplianceJudgement, GatewayState
from sheetal.ledger.telemetry import SensorState
from sheetal.thermal.cuts import Calibrated, Hung, vouchers_of
from sheetal.thermal.exposure import summarise
from sheetal.thermal.life import Life
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.runs import samples_of
from sheetal.thermal.verdict import digest, judge_life, limits_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher
    from sheetal.readings.port import ReadingsStore

CATALOGUE = Path(__file__).parents[2] / "catalogue"
GATEWAY_KEY = bytes(range(32))
Wave = "Callable[[int], int | None]"


class Stores(NamedTuple):
    ledger: Ledger
    telemetry: Ledger
    readings: ReadingsStore
    cipher: FieldCipher


def resting(minute: int) -> int | None:
    return round(430 + 90 * math.sin(minute / 14))


def freezing(minute: int) -> int | None:
    return max(-90, -50 - (41 - minute)) if minute <= 41 else resting(minute)


def warming(minute: int) -> int | None:
    if minute <= 104:
        return 810 + (104 - minute)
    if 700 <= minute <= 775:
        return None
    return 840 if 1200 <= minute <= 1215 else resting(minute)


def silent(minute: int) -> int | None:
    return None if minute < 130 else resting(minute)


def frozen_yesterday(minute: int) -> int | None:
    return round(-50 - 130 * math.sin((minute - 1200) / 74 * math.pi)) if 1200 <= minute <= 1274 else resting(minute)


class Plan(NamedTuple):
    id: str
    facility: str
    name: str
    wave: Callable[[int], int | None]
    state: str
    holdings: tuple[tuple[str, str, int], ...]


PLANS = (
    Plan("A-101-1", "F-101", "ILR-1", freezing, "freezing", (("H-1", "CS-2301", 2180), ("H-2", "CX-77", 400))),
    Plan("A-101-2", "F-101", "ILR-2", resting, "in_range", (("H-3", "CS-2302", 1200),)),
    Plan("A-102-1", "F-102", "ILR-1", warming, "warm", (("H-4", "CS-2301", 4310), ("H-5", "CB-12", 300))),
    Plan("A-102-2", "F-102", "Walk-in cooler 1", silent, "no_data", (("H-6", "CS-2303", 38400),)),
    Plan("A-102-3", "F-102", "ILR-3", frozen_yesterday, "in_range", (("H-58213", "CS-2207", 960),)),
)
LOTS = {"CS": "covishield", "CX": "covaxin", "CB": "corbevax"}


def seed(stores: Stores, now_ms: int) -> None:
    with stores.ledger.write() as conn:
        catalogue.record_products(conn, catalogue.load_catalogue(CATALOGUE), now_ms - 20 * DAY_MS)
        for number, facility in ((1, "F-101"), (2, "F-102")):
            assets.add_gateway(conn, stores.cipher, f"gw-0{number}", facility, GATEWAY_KEY, now_ms - 20 * DAY_MS)
            said = GatewayState(
                gateway_id=f"gw-0{number}",
                session=1,
                online=number == 1,
                boot=1,
                software="0.1.0",
                clock_source="ntp",
                changed_at_ms=now_ms - HOUR_MS,
            )
            judgement_writes.put_gateway_state(conn, said)
        for _, batch, _ in {lot for plan in PLANS for lot in plan.holdings}:
            product = LOTS[batch[:2]]
            lot = stock.Lot(
                id=f"{product}/{batch}", product_id=product, batch=batch, expires_at_ms=now_ms + 200 * DAY_MS
            )
            if lot.id not in {known.id for known in stock.lots(conn)}:
                stock.add_lot(conn, lot, now_ms - 12 * DAY_MS)
    for plan in PLANS:
        _seed_plan(stores, plan, now_ms)


def _seed_plan(stores: Stores, plan: Plan, now_ms: int) -> None:
    sensor = f"gw-0{plan.facility[-1]}.{plan.id.lower()}-tvc"
    rows = []
    for minute in range(24 * 60 + 30, -1, -1):
        value = plan.wave(minute)
        if value is not None:
            at_ms = now_ms - minute * MINUTE_MS - 38_000
            rows.append(Reading(sensor, at_ms, value, Quality.OK, 1, len(rows)))
    stores.readings.write(rows)
    newest = rows[-1]
    with stores.telemetry.write() as conn:
        state = SensorState(
            sensor_id=sensor,
            measured_at_ms=newest.measured_at_ms,
            centi_celsius=newest.centi_celsius,
            quality=0,
            received_at_ms=newest.measured_at_ms + 500,
            clock_offset_ms=0,
            change=0,
        )
        telemetry_writes.put_sensor_states(conn, [state])
    with stores.ledger.write() as conn:
        _add_appliance(conn, plan, sensor, now_ms)
        for holding, batch, doses in plan.holdings:
            _add_holding(conn, plan, (holding, batch, doses), sensor, rows, now_ms)
        for marked in rejudge.pending(conn, 1000):
            rejudge.clear(conn, [marked.id])
        judged = ApplianceJudgement(
            appliance_id=plan.id,
            judged_through_ms=now_ms - 5_000,
            known_through_ms=newest.measured_at_ms,
            state=plan.state,
        )
        judgement_writes.put_appliance_judgement(conn, judged)
        if plan.state in {"freezing", "warm"}:
            _add_alarm(conn, plan, sensor, now_ms)


def _add_appliance(conn: Connection, plan: Plan, sensor: str, now_ms: int) -> None:
    new = assets.Appliance(
        id=plan.id,
        facility_id=plan.facility,
        name=plan.name,
        kind="walk_in_cooler" if "Walk" in plan.name else "ilr",
        model="Sample 100",
        centi_celsius_min=200,
        centi_celsius_max=800,
        freeze_alarm_centi_celsius=-50,
        freeze_alarm_minutes=60,
        heat_alarm_centi_celsius=800,
        heat_alarm_minutes=600,
        alarm_source="WHO PQS E006",
        holdover_minutes=240,
        holdover_source="sample sheet",
    )
    since_ms = now_ms - 10 * DAY_MS
    assets.add_appliance(conn, new, since_ms)
    gateway = sensor.partition(".")[0]
    probe = assets.Sensor(id=sensor, gateway_id=gateway, serial="S-4417", model="Probe", interval_ms=MINUTE_MS)
    assets.register_sensor(conn, probe, since_ms)
    assets.assign_sensor(conn, sensor, plan.id, "coldest point", since_ms, since_ms)
    due_ms = now_ms + (12 if plan.id == "A-102-1" else 400) * DAY_MS
    done = assets.Calibration(
        sensor_id=sensor,
        certificate_number="CAL-0931",
        uncertainty_centi_celsius=30,
        calibrated_at_ms=now_ms - 300 * DAY_MS,
        due_at_ms=due_ms,
    )
    assets.record_calibration(conn, done, since_ms)


def _add_holding(
    conn: Connection,
    plan: Plan,
    what: tuple[str, str, int],
    sensor: str,
    rows: list[Reading],
    now_ms: int,
) -> None:
    holding, batch, doses = what
    product_id = LOTS[batch[:2]]
    from_ms = now_ms - DAY_MS
    stock.receive_holding(
        conn,
        holding,
        f"{product_id}/{batch}",
        plan.facility,
        doses,
        plan.id,
        EvidenceKind.TELEMETRY,
        from_ms,
        from_ms,
        "seed",
    )
    product = catalogue.product_version(conn, product_id, now_ms)
    samples = [sample for sample in samples_of(rows) if sample[0] >= from_ms]
    trace = Trace(sensor, summarise(sensor, samples, 3 * MINUTE_MS, limits_of(product)), ())
    stay = stock.stays_of(conn, holding)[-1]
    hung = [Hung(one.sensor, one.position, one.interval_ms, one.from_ms, None) for one in _spans(conn, plan, from_ms)]
    done = [Calibrated(one.sensor_id, *_calibration(one)) for one in assets.calibrations(conn, sensor)]
    life = Life(
        holding=holding,
        product=product,
        segments=[Segment(stay.id, plan.id, EvidenceKind.TELEMETRY.value, from_ms, None, (trace,), product.stage)],
        expires_at_ms=stock.holding_by_id(conn, holding).expires_at_ms,
        vouchers={stay.id: vouchers_of((from_ms, None), hung, done, [])},
        fusion={stay.id: "worst"},
    )
    found = judge_life(life, now_ms - 5_000)
    number = judgement_writes.append_verdicts(conn, [(found, digest(found))], now_ms - 4_000)[holding]
    if found.finding is Finding.HOLD:
        holdings.hold(conn, holding, number, "alerts", "frozen", now_ms - 4_000)
        hit = found.reached[0]
        judgement_writes.add_compromise(conn, holding, number, hit.rule.side, hit.compromised_from_ms, now_ms - 4_000)


def _spans(conn: Connection, plan: Plan, from_ms: int) -> list[assets.SensorSpan]:
    return assets.sensors_of(conn, plan.id, from_ms, None)


def _calibration(one: assets.Calibration) -> tuple[str, int, int, int]:
    return one.certificate_number, one.uncertainty_centi_celsius, one.calibrated_at_ms, one.due_at_ms


def _add_alarm(conn: Connection, plan: Plan, sensor: str, now_ms: int) -> None:
    kind = AlarmKind.FREEZE if plan.state == "freezing" else AlarmKind.HEAT
    began_ms = now_ms - 41 * MINUTE_MS
    said = DeviceAlarm(
        alarm=alarm_id(sensor, kind, began_ms),
        gateway=sensor.partition(".")[0],
        boot=1,
        sensor=sensor,
        kind=kind,
        began_at_ms=began_ms,
        fired_at_ms=now_ms - MINUTE_MS,
        cleared_at_ms=None,
        extreme_centi_celsius=-90 if kind is AlarmKind.FREEZE else 914,
        limit_centi_celsius=-50 if kind is AlarmKind.FREEZE else 800,
        limit_minutes=60,
    )
    judgement_writes.put_alarm(conn, said, plan.id, now_ms)
