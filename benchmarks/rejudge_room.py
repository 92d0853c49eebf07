"""A state's cold room with a hundred deliveries in it, and the readings of a month, some hours of which come late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import Reading
from sheetal.ledger import assets, catalogue, stock
from sheetal.ledger.field_cipher import FieldCipher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

NOW_MS = 1_795_425_600_000 - 1_795_425_600_000 % DAY_MS + 9 * HOUR_MS
DELIVERIES = 100
DELIVERED_FROM_MS = NOW_MS - 30 * DAY_MS
LATE_FROM_MS = NOW_MS - NOW_MS % HOUR_MS - 7 * DAY_MS
EVERY_MS = 5 * MINUTE_MS
WARM_MS = 20 * MINUTE_MS, 45 * MINUTE_MS
FACILITY, ROOM, GATEWAY = "F-1", "WIC-1", "gw-1"
SENSORS = {"gw-1.coldest": "coldest", "gw-1.warmest": "warmest"}
PRODUCTS = ("covishield", "covaxin")


def furnish(ledger: Ledger, holdings_a_delivery: int) -> None:
    """The room, its two sensors and its deliveries, one each five hours."""
    with ledger.write() as conn:
        _furnish_room(conn)
    for delivery in range(DELIVERIES):
        at_ms = DELIVERED_FROM_MS + delivery * 5 * HOUR_MS
        with ledger.write() as conn:
            lot = f"{PRODUCTS[delivery % len(PRODUCTS)]}/L-{delivery % 20}"
            for number in range(holdings_a_delivery):
                label = f"H-{delivery:03}-{number:04}"
                kind = EvidenceKind.TELEMETRY
                stock.receive_holding(conn, label, lot, FACILITY, 500, ROOM, kind, at_ms, NOW_MS, "store-keeper")


def hours_of(late: int) -> Iterator[list[Reading]]:
    """The readings of each sensor in the whole month, but for so many hours that come late."""
    missing = [LATE_FROM_MS + number * DAY_MS for number in range(late)]
    for sensor in SENSORS:
        yield [
            Reading(sensor, ms, 420 + (ms // EVERY_MS) % 60, 0, 1, ms // EVERY_MS)
            for ms in range(DELIVERED_FROM_MS - HOUR_MS, NOW_MS, EVERY_MS)
            if not any(begin <= ms < begin + HOUR_MS for begin in missing)
        ]


def late_hour(number: int) -> list[Reading]:
    """One late hour of the warmest sensor, twenty minutes of it too warm."""
    begin_ms = LATE_FROM_MS + number * DAY_MS
    return [
        Reading("gw-1.warmest", ms, 910 if begin_ms + WARM_MS[0] <= ms < begin_ms + WARM_MS[1] else 480, 0, 1, ms)
        for ms in range(begin_ms, begin_ms + HOUR_MS, EVERY_MS)
    ]


def _furnish_room(conn: Connection) -> None:
    since_ms = DELIVERED_FROM_MS - DAY_MS
    assets.add_facility(conn, _facility(), since_ms)
    assets.add_gateway(conn, FieldCipher({"k1": bytes(range(32))}), GATEWAY, FACILITY, bytes(32), since_ms)
    assets.add_appliance(conn, room(ROOM, FACILITY), since_ms)
    for sensor, position in SENSORS.items():
        new = assets.Sensor(id=sensor, gateway_id=GATEWAY, serial=sensor, model="probe", interval_ms=EVERY_MS)
        assets.register_sensor(conn, new, since_ms)
        assets.assign_sensor(conn, sensor, ROOM, position, since_ms, since_ms)
    catalogue.record_products(conn, [one for one in catalogue.load_catalogue() if one.product in PRODUCTS], since_ms)
    for product in PRODUCTS:
        for number in range(20):
            batch = f"L-{number}"
            new_lot = stock.Lot(
                id=f"{product}/{batch}", product_id=product, batch=batch, expires_at_ms=NOW_MS + 200 * DAY_MS
            )
            stock.add_lot(conn, new_lot, since_ms)


def _facility() -> assets.Facility:
    return assets.Facility(
        id=FACILITY,
        name="State store",
        name_hindi="राज्य भंडार",
        kind="store",
        state_id=9,
        state_name="Delhi",
        district_id=141,
        district_name="Central Delhi",
    )


def room(appliance_id: str, facility_id: str, kind: str = "walk_in_cooler") -> assets.Appliance:
    """A cold room, or another kind of refrigerator with the same limits."""
    return assets.Appliance(
        id=appliance_id,
        facility_id=facility_id,
        name=appliance_id,
        kind=kind,
        model="made up",
        centi_celsius_min=200,
        centi_celsius_max=800,
        freeze_alarm_centi_celsius=-50,
        freeze_alarm_minutes=60,
        heat_alarm_centi_celsius=800,
        heat_alarm_minutes=600,
        alarm_source="WHO PQS device rule",
        holdover_minutes=240,
        holdover_source="made up for the benchmark",
    )
