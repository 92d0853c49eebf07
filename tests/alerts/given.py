"""A small world on real stores: one facility, two refrigerators, a carrier, two probes, one product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from alerts.drain import Work, drain_once
from alerts.evaluate import Stores
from alerts.hours import Hours
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, HoldRule, Measure, Side, Source, StorageRange
from sheetal.contracts.product import Product, Schedule
from sheetal.contracts.reading import Quality, Reading
from sheetal.ledger import assets, catalogue, judgements, stock, telemetry, telemetry_writes
from sheetal.ledger.connect import Ledger, open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from pathlib import Path

    from sheetal.readings.port import ReadingsStore

MINUTE = 60_000
T0 = 1_795_000_000_000 - 1_795_000_000_000 % HOUR_MS
KEY = bytes(range(32))
GATEWAY, TVC, TOP = "gw-01", "gw-01.tvc", "gw-01.top"
FACILITY, FRIDGE, OTHER, CARRIER = "F-101", "A-1", "A-2", "C-1"
HOLDING = "H-1"
SOURCE = Source(citation="made up for tests", confidence="high")
DEFAULT = Source(citation="made up for tests", confidence="high", default_of="a made-up programme")


def at(minute: float) -> int:
    return T0 + round(minute * MINUTE)


def rule(name: str, limit: int, minutes: int, side: Side, *, inclusive: bool) -> HoldRule:
    return HoldRule(
        rule=name,
        side=side,
        limit_centi_celsius=limit,
        inclusive=inclusive,
        measure=Measure.RUN,
        minutes=minutes,
        source=DEFAULT,
    )


def product(version: int = 1, *, freeze_minutes: int = 60) -> Product:
    return Product(
        product="covishield",
        version=version,
        vaccine="COVISHIELD",
        display_name="Covishield",
        display_name_hindi="कोविशील्ड",
        manufacturer="Serum Institute of India",
        stage="refrigerated",
        freeze_sensitive=True,
        vvm_type=None,
        doses_per_vial=10,
        open_vial_hours=4,
        ranges=[StorageRange(stage="refrigerated", centi_celsius_min=200, centi_celsius_max=800, source=SOURCE)],
        hold_rules=[
            rule("freeze", -50, freeze_minutes, Side.COLD, inclusive=True),
            rule("heat", 800, 600, Side.HOT, inclusive=False),
        ],
        schedule=Schedule(
            doses_total=2,
            interval_days_min=84,
            interval_days_max=None,
            age_years_min=18,
            effective_from="2021-01-16",
            effective_until=None,
            source=SOURCE,
        ),
        excursion_budget=None,
        effective_from="2021-01-16",
    )


def appliance(appliance_id: str, kind: str = "ilr", *, holdover_minutes: int | None = None) -> assets.Appliance:
    return assets.Appliance(
        id=appliance_id,
        facility_id=FACILITY,
        name=f"Refrigerator {appliance_id}",
        kind=kind,
        model="made up",
        centi_celsius_min=200,
        centi_celsius_max=800,
        freeze_alarm_centi_celsius=-50,
        freeze_alarm_minutes=60,
        heat_alarm_centi_celsius=800,
        heat_alarm_minutes=600,
        alarm_source="WHO PQS device rule",
        holdover_minutes=holdover_minutes,
        holdover_source="made up for tests" if holdover_minutes else None,
    )


def day_summary(sensor: str, *, alarm: float | None) -> DaySummary:
    """The first day of a logger: 200 min beyond its freeze limit, in which its alarm fired or not."""
    return DaySummary(
        sequence=1,
        sensor=sensor,
        starts_at_ms=at(0),
        ends_at_ms=at(0) + DAY_MS,
        centi_celsius_min=-150,
        centi_celsius_max=700,
        low_limit_centi_celsius=-50,
        low_limit_minutes=60,
        high_limit_centi_celsius=800,
        high_limit_minutes=600,
        minutes_below=200,
        minutes_above=0,
        minutes_unknown=0,
        low_alarm_at_ms=None if alarm is None else at(alarm),
    )


class Addresses(NamedTuple):
    """Where a world's stores are."""

    ledger: str
    telemetry: str
    readings: str
    field_key_file: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        stores = (f"sqlite:///{folder}/{name}.db" for name in ("ledger", "telemetry", "readings"))
        return cls(*stores, folder / "field.key")


@dataclass
class World:
    """Stores, and short words for what happens in them."""

    addresses: Addresses
    ledger: Ledger
    telemetry: Ledger
    readings: ReadingsStore
    cipher: FieldCipher
    stores: Stores
    sequence: int = 0
    written: list[Reading] = field(default_factory=list)

    def rows(self, *pieces: tuple[float, float, int], sensor: str = TVC, every: float = 1) -> list[Reading]:
        """Readings from minute to minute (exclusive), one every `every` minutes."""
        found = []
        for first, last, value in pieces:
            minute = first
            while minute < last:
                self.sequence += 1
                found.append(Reading(sensor, at(minute), value, Quality.OK, 1, self.sequence))
                minute += every
        return found

    def store(self, rows: list[Reading]) -> None:
        """What ingest does: rows durable, then their hours marked."""
        assert self.readings.write(rows).rejected == []
        with self.telemetry.write() as conn:
            telemetry_writes.mark_dirty(conn, {(r.sensor, r.measured_at_ms // HOUR_MS * HOUR_MS) for r in rows})
        self.written += rows

    def feed(self, *pieces: tuple[float, float, int], sensor: str = TVC, every: float = 1) -> None:
        self.store(self.rows(*pieces, sensor=sensor, every=every))

    def tell_state(self, measured: float, received: float, sensor: str = TVC) -> None:
        """What ingest says of a sensor's newest row, a second after it was stored."""
        state = telemetry.SensorState(
            sensor_id=sensor,
            measured_at_ms=at(measured),
            centi_celsius=450,
            quality=Quality.OK,
            received_at_ms=at(received),
            clock_offset_ms=at(received) - at(measured),
        )
        with self.telemetry.write() as conn:
            telemetry_writes.put_sensor_states(conn, [state])

    def drain(self, minute: float) -> Work:
        return drain_once(self.stores, at(minute))

    def receive(self, holding_id: str = HOLDING, appliance_id: str = FRIDGE, minute: float = 0, **more: object) -> None:
        kind = EvidenceKind(str(more.get("kind", EvidenceKind.TELEMETRY)))
        with self.ledger.write() as conn:
            stock.receive_holding(
                conn, holding_id, "covishield/CS-1", FACILITY, 100, appliance_id, kind, at(minute), at(minute), "ravi"
            )

    def holding(self, holding_id: str = HOLDING) -> stock.Holding:
        with self.ledger.read() as conn:
            return stock.holding_by_id(conn, holding_id)

    def verdicts(self, holding_id: str = HOLDING) -> list[judgements.StoredVerdict]:
        with self.ledger.read() as conn:
            return judgements.verdicts_of(conn, holding_id)

    def judgement(self, appliance_id: str = FRIDGE) -> judgements.ApplianceJudgement | None:
        with self.ledger.read() as conn:
            return judgements.appliance_judgements(conn).get(appliance_id)

    def notices(self) -> list[judgements.Notice]:
        with self.ledger.read() as conn:
            return judgements.notices(conn)

    def compromises(self) -> list[judgements.Compromise]:
        with self.ledger.read() as conn:
            return judgements.compromises(conn)


def found_world(world: World) -> None:
    with world.ledger.write() as conn:
        assets.add_facility(
            conn,
            assets.Facility(
                id=FACILITY,
                name="Chand Bagh",
                name_hindi="चाँद बाग़",
                kind="cold_chain_point",
                state_id=9,
                state_name="Delhi",
                district_id=141,
                district_name="Shahdara",
            ),
            T0,
        )
        assets.add_gateway(conn, world.cipher, GATEWAY, FACILITY, KEY, T0)
        for place in (appliance(FRIDGE), appliance(OTHER, holdover_minutes=120), appliance(CARRIER, "carrier")):
            assets.add_appliance(conn, place, T0)
        for sensor in (TVC, TOP):
            assets.register_sensor(
                conn,
                assets.Sensor(id=sensor, gateway_id=GATEWAY, serial=sensor, model="probe", interval_ms=MINUTE),
                T0,
            )
        assets.assign_sensor(conn, TVC, FRIDGE, "coldest", at(-60), T0)
        catalogue.record_products(conn, [product()], T0)
        stock.add_lot(
            conn,
            stock.Lot(id="covishield/CS-1", product_id="covishield", batch="CS-1", expires_at_ms=at(1_000_000)),
            T0,
        )


def open_world(addresses: Addresses) -> World:
    readings = open_readings(addresses.readings)
    ledger, telemetry = open_ledger(addresses.ledger), open_telemetry(addresses.telemetry)
    cipher = FieldCipher.from_file(addresses.field_key_file)
    return World(addresses, ledger, telemetry, readings, cipher, Stores(ledger, telemetry, Hours(readings)))


def close_world(world: World) -> None:
    for one in (world.ledger, world.telemetry, world.readings):
        one.close()
