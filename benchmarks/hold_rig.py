"""A district under load for the way from a reading to its hold: refrigerators with stock, some of them freezing.

Every sensor stands in a refrigerator of its own with one holding. The steady ones are fine; each freezing one has been
below its limit for just under an hour, so that one more reading, which is to come at an instant of its own, decides.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.ingest_rig import BOOT, Fleet, Outgoing, key_of
from benchmarks.rejudge_room import room
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import Reading
from sheetal.ledger import assets, catalogue, stock, telemetry_writes
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.readings.connect import open_readings
from tests.ingest.enrolled import FACILITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from benchmarks.ingest_rig import Stand

GATEWAYS = 100
SENSORS_A_GATEWAY = 10
HISTORY_MINUTES = 120
LIVE_BOOT = BOOT + (1 << 32)
LOT = "covishield/CS-1"
FINE, FROZEN = 450, -120
FROZEN_SECONDS = 59.5 * 60
"""Of a rule of 60 minutes: the span before the first frozen reading is possible time too, a minute of it."""


class Freezing(NamedTuple):
    """A sensor whose reading at an instant decides."""

    sensor: str
    decides_at_ms: int

    @property
    def holding(self) -> str:
        """The holding in its refrigerator."""
        return holding_of(self.sensor)

    @property
    def gateway(self) -> str:
        """Its gateway."""
        return topics.gateway_of(self.sensor)


def fleet() -> Fleet:
    """A hundred gateways of ten sensors each."""
    return Fleet(gateways=GATEWAYS, sensors_a_gateway=SENSORS_A_GATEWAY)


def holding_of(sensor: str) -> str:
    """The holding in a sensor's refrigerator."""
    return f"H-{sensor}"


def furnish(stand: Stand, steady: Sequence[str], freezing: Sequence[Freezing], now_ms: int) -> None:
    """The refrigerators with their stock and what their sensors have told so far."""
    since_ms = now_ms - HISTORY_MINUTES * MINUTE_MS
    sensors = [*steady, *(one.sensor for one in freezing)]
    with closing(open_ledger(stand.settings["SHEETAL_LEDGER_URL"])) as ledger:
        with ledger.write() as conn:
            _add_lot(conn, since_ms)
        for first in range(0, len(sensors), 100):
            with ledger.write() as conn:
                for sensor in sensors[first : first + 100]:
                    _add_place(conn, sensor, since_ms)
    decided = {one.sensor: one.decides_at_ms for one in freezing}
    hours: set[tuple[str, int]] = set()
    with closing(open_readings(stand.readings_url)) as readings:
        for sensor in sensors:
            rows = _history(sensor, since_ms, now_ms, decided.get(sensor))
            readings.write(rows)
            hours |= {(sensor, row.measured_at_ms // HOUR_MS * HOUR_MS) for row in rows}
    with closing(open_telemetry(stand.settings["SHEETAL_TELEMETRY_URL"])) as telemetry, telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, hours)


def message(sensors: Sequence[str], centi_celsius: int, at_ms: int, sequence: int) -> Outgoing:
    """One gateway's readings of an instant, sealed as it would send them."""
    gateway = topics.gateway_of(sensors[0])
    rows = [Row(sequence + number, at_ms, sensor, centi_celsius, 0) for number, sensor in enumerate(sensors)]
    body = Batch(gateway=gateway, boot=LIVE_BOOT, sent_at_ms=at_ms, rows=rows)
    payload = seal.seal(topics.Channel.DATA, gateway, key_of(gateway), body)
    return Outgoing(topics.of_gateway(gateway, topics.Channel.DATA), payload)


def _add_lot(conn: Connection, since_ms: int) -> None:
    catalogue.record_products(
        conn, [one for one in catalogue.load_catalogue() if one.product == "covishield"], since_ms
    )
    new = stock.Lot(id=LOT, product_id="covishield", batch="CS-1", expires_at_ms=since_ms + 200 * DAY_MS)
    stock.add_lot(conn, new, since_ms)


def _add_place(conn: Connection, sensor: str, since_ms: int) -> None:
    place = f"A-{sensor}"
    assets.add_appliance(conn, room(place, FACILITY.id, kind="ilr"), since_ms)
    new = assets.Sensor(
        id=sensor, gateway_id=topics.gateway_of(sensor), serial=sensor, model="probe", interval_ms=MINUTE_MS
    )
    assets.register_sensor(conn, new, since_ms)
    assets.assign_sensor(conn, sensor, place, "coldest", since_ms, since_ms)
    kind = EvidenceKind.TELEMETRY
    stock.receive_holding(
        conn, holding_of(sensor), LOT, FACILITY.id, 100, place, kind, since_ms, since_ms, "store-keeper"
    )


def _history(sensor: str, since_ms: int, now_ms: int, decides_at_ms: int | None) -> list[Reading]:
    """A reading a minute; of one that freezes up to a minute before the reading that decides."""
    if decides_at_ms is None:
        instants = range(since_ms, now_ms, MINUTE_MS)
        return [Reading(sensor, ms, FINE, 0, BOOT, number) for number, ms in enumerate(instants)]
    frozen_from_ms = decides_at_ms - round(FROZEN_SECONDS * 1_000)
    begin_ms = frozen_from_ms - (frozen_from_ms - since_ms) // MINUTE_MS * MINUTE_MS
    instants = range(begin_ms, decides_at_ms - MINUTE_MS // 2, MINUTE_MS)
    return [
        Reading(sensor, ms, FROZEN if ms >= frozen_from_ms else FINE, 0, BOOT, number)
        for number, ms in enumerate(instants)
    ]
