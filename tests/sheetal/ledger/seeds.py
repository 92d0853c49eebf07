"""A small furnished house for the ledger's tests: made-up places, one lot, one clock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, HoldRule, Measure, Side, Source, StorageRange
from sheetal.contracts.problem import Refused
from sheetal.contracts.product import Product, Schedule
from sheetal.contracts.verdict import Finding, Verdict
from sheetal.ledger import assets, catalogue, holdings, judgement_writes, rejudge, stock
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.judgements import ApplianceJudgement

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.stock import Holding

NOW_MS = 1_795_000_000_000
ACTOR = "staff-1"
FACILITY = "F-101"
OTHER_FACILITY = "F-102"
APPLIANCE = "A-1"
SECOND_APPLIANCE = "A-2"
CARRIER = "C-1"
OTHER_APPLIANCE = "A-9"
GATEWAY = "gw-01"
SENSOR = "gw-01.ilr1-tvc"
PRODUCT = "covishield"
LOT = "covishield/CS-2301"
CIPHER = FieldCipher({"k1": b"k" * 32})
SOURCE = Source(citation="a made-up label", confidence="high")
REFRIGERATOR = assets.Appliance(
    id=APPLIANCE,
    facility_id=FACILITY,
    name="ILR 1",
    kind="ilr",
    model="made-up",
    centi_celsius_min=200,
    centi_celsius_max=800,
    freeze_alarm_centi_celsius=-50,
    freeze_alarm_minutes=60,
    heat_alarm_centi_celsius=800,
    heat_alarm_minutes=600,
    alarm_source="made-up",
    holdover_minutes=180,
    holdover_source="made-up",
)


def product(product_id: str = PRODUCT, version: int = 1, **changes: object) -> Product:
    words: dict[str, object] = {
        "product": product_id,
        "version": version,
        "vaccine": "COVISHIELD",
        "display_name": "Covishield",
        "display_name_hindi": "कोविशील्ड",
        "manufacturer": "made-up",
        "stage": "refrigerated",
        "freeze_sensitive": True,
        "vvm_type": None,
        "doses_per_vial": 10,
        "open_vial_hours": 4,
        "ranges": [StorageRange(stage="refrigerated", centi_celsius_min=200, centi_celsius_max=800, source=SOURCE)],
        "hold_rules": [
            HoldRule(
                rule="freeze",
                side=Side.COLD,
                limit_centi_celsius=-50,
                inclusive=True,
                measure=Measure.RUN,
                minutes=60,
                source=SOURCE,
            ),
        ],
        "schedule": Schedule(
            doses_total=2,
            interval_days_min=84,
            interval_days_max=112,
            age_years_min=18,
            effective_from="2021-05-13",
            effective_until=None,
            source=SOURCE,
        ),
        "excursion_budget": None,
        "effective_from": "2021-05-13",
    }
    return Product(**{**words, **changes})


def facility(facility_id: str = FACILITY) -> assets.Facility:
    return assets.Facility(
        id=facility_id,
        name="Rampur CHC",
        name_hindi="रामपुर",
        kind="cold_chain_point",
        state_id=34,
        state_name="Uttar Pradesh",
        district_id=650,
        district_name="Gautam Buddha Nagar",
        latitude=28.5,
        longitude=77.4,
    )


def furnish(ledger: Ledger) -> None:
    with ledger.write() as conn:
        for place in (FACILITY, OTHER_FACILITY):
            assets.add_facility(conn, facility(place), NOW_MS)
        assets.add_appliance(conn, REFRIGERATOR, NOW_MS)
        unsourced = {"holdover_minutes": None, "holdover_source": None}
        assets.add_appliance(conn, replace(REFRIGERATOR, id=SECOND_APPLIANCE, **unsourced), NOW_MS)
        assets.add_appliance(conn, replace(REFRIGERATOR, id=CARRIER, kind="carrier", **unsourced), NOW_MS)
        assets.add_appliance(conn, replace(REFRIGERATOR, id=OTHER_APPLIANCE, facility_id=OTHER_FACILITY), NOW_MS)
        assets.add_gateway(conn, CIPHER, GATEWAY, FACILITY, b"key of gateway 01", NOW_MS)
        assets.register_sensor(conn, sensor(), NOW_MS)
        catalogue.record_products(conn, [product()], NOW_MS)
        stock.add_lot(conn, lot(), NOW_MS)


def sensor(sensor_id: str = SENSOR) -> assets.Sensor:
    return assets.Sensor(
        id=sensor_id,
        gateway_id=GATEWAY,
        serial="S-1",
        model="made-up",
        interval_ms=60_000,
        accuracy_centi_celsius=50,
    )


def lot(lot_id: str = LOT) -> stock.Lot:
    return stock.Lot(id=lot_id, product_id=PRODUCT, batch=lot_id.partition("/")[2], expires_at_ms=NOW_MS + 90 * DAY_MS)


def receive(
    ledger: Ledger,
    holding_id: str,
    doses: int = 10,
    appliance_id: str = APPLIANCE,
    kind: EvidenceKind = EvidenceKind.TELEMETRY,
    at_ms: int = NOW_MS - HOUR_MS,
) -> Holding:
    place = OTHER_FACILITY if appliance_id == OTHER_APPLIANCE else FACILITY
    with ledger.write() as conn:
        return stock.receive_holding(conn, holding_id, LOT, place, doses, appliance_id, kind, at_ms, NOW_MS, ACTOR)


def judge(ledger: Ledger, judged_ms: int = NOW_MS, known_ms: int | None = NOW_MS) -> None:
    """What alerts does after it has judged everything: the two instants of each appliance, and no mark left."""
    with ledger.write() as conn:
        for place in assets.appliances(conn):
            judged = ApplianceJudgement(
                appliance_id=place.id,
                judged_through_ms=judged_ms,
                known_through_ms=known_ms,
                state="in_range",
            )
            judgement_writes.put_appliance_judgement(conn, judged)
        rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 1_000)])


def move(
    ledger: Ledger,
    holding_id: str,
    appliance_id: str,
    kind: EvidenceKind = EvidenceKind.TELEMETRY,
    at_ms: int = NOW_MS,
    now_ms: int = NOW_MS,
) -> Holding:
    with ledger.write() as conn:
        return holdings.move_holding(conn, holding_id, appliance_id, kind, at_ms, now_ms, ACTOR)


def split(
    ledger: Ledger,
    holding_id: str,
    into: str,
    doses: int = 3,
    appliance_id: str = APPLIANCE,
    at_ms: int = NOW_MS,
) -> Holding:
    part = holdings.Split(
        holding_id=into,
        doses=doses,
        appliance_id=appliance_id,
        evidence_kind=EvidenceKind.PACKED_CARRIER if appliance_id == CARRIER else EvidenceKind.TELEMETRY,
        at_ms=at_ms,
    )
    with ledger.write() as conn:
        return holdings.split_holding(conn, holding_id, part, NOW_MS, ACTOR)


def hold(ledger: Ledger, holding_id: str, verdict_id: int | None = None) -> list[str]:
    with ledger.write() as conn:
        return holdings.hold(conn, holding_id, verdict_id, "engine", "freeze", NOW_MS)


def dose(ledger: Ledger, holding_id: str = "H-1", now_ms: int = NOW_MS, place: str = FACILITY) -> holdings.TakenDose:
    with ledger.write() as conn:
        return holdings.take_dose(conn, holding_id, place, PRODUCT, now_ms)


def refusal(ledger: Ledger, holding_id: str = "H-1", now_ms: int = NOW_MS, place: str = FACILITY) -> Refused | None:
    """The gate's refusal, the same from the page as from the dose; None when a dose could be taken."""
    try:
        with ledger.read() as conn:
            holdings.check_gate(conn, holding_id, place, now_ms, PRODUCT)
    except Refused as refused:
        return refused
    return None


def verdict(holding_id: str = "H-1", finding: Finding = Finding.HOLD, judged_ms: int = NOW_MS) -> Verdict:
    return Verdict(
        holding=holding_id,
        finding=finding,
        rule_version="test/1",
        product=PRODUCT,
        product_version=1,
        judged_through_ms=judged_ms,
        known_through_ms=judged_ms,
        reached=[],
        noted=[],
        stays=[],
    )
