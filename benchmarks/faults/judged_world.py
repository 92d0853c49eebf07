"""A fresh world of real stores, in which the evaluator's own functions judge what simulated loggers say.

Ledger and telemetry are SQLite at the newest schema, readings are in memory, products are those of the catalogue.
Nothing between is made up: rows are stored, their hours marked as ingest marks them, and `alerts.drain` does the rest.
"""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import structlog
from sqlalchemy import select

from alerts.drain import drain_once
from alerts.evaluate import Stores, judge_holding
from alerts.hours import Hours
from benchmarks.record import ROOT
from firmware_sim.kinds import Kind
from sheetal.contracts.disposition import USABLE, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.reading import Quality, Reading
from sheetal.ledger import assets, catalogue, holdings, judgements, stock, telemetry_writes
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.schema import upgrade
from sheetal.ledger.stock_tables import holding
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from benchmarks.cabinets import Moment
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Verdict

FACILITY, GATEWAY, PERSON = "F-1", "gw-1", "storekeeper"
DOSES = 500
KEY = bytes(range(32))
BEFORE_MS = 2 * DAY_MS
EXPIRES_AFTER_MS = 400 * DAY_MS
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
HOLDOVER_MINUTES = 240


class Probes(NamedTuple):
    """The sensors of one appliance, in the order in which a moment says their values."""

    appliance: str
    sensors: tuple[str, ...]


@cache
def products() -> dict[str, Product]:
    """The catalogue's products by id, each in its newest version."""
    found: dict[str, Product] = {}
    for product in sorted(catalogue.load_catalogue(ROOT / "catalogue"), key=lambda one: one.version):
        found[product.product] = product
    return found


def kept_in(kind: Kind) -> list[str]:
    """The products that stand in such an appliance: frozen stock in a deep freezer, refrigerated stock elsewhere."""
    stages = {"frozen"} if kind is Kind.DEEP_FREEZER else {"refrigerated"}
    return sorted(product for product, found in products().items() if found.stage in stages)


class JudgedWorld:
    """One facility with as many appliances as wanted; a context, gone when it is left."""

    def __init__(self, started_ms: int) -> None:
        base = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
        self._folder = tempfile.TemporaryDirectory(prefix="sheetal-judged-", dir=base)
        folder = Path(self._folder.name) / "world"
        shutil.copytree(empty_stores(), folder)
        self.ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        self.telemetry = open_telemetry(f"sqlite:///{folder}/telemetry.db")
        self.readings = open_readings("memory:")
        self.stores = Stores(self.ledger, self.telemetry, Hours(self.readings))
        self.started_ms = started_ms
        self._sequence = 0
        self._found()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for store in (self.ledger, self.telemetry, self.readings):
            store.close()
        self._folder.cleanup()

    def _found(self) -> None:
        since_ms = self.started_ms - BEFORE_MS
        with self.ledger.write() as conn:
            assets.add_facility(
                conn,
                assets.Facility(
                    id=FACILITY,
                    name="Store",
                    name_hindi="भंडार",
                    kind="store",
                    state_id=9,
                    state_name="Delhi",
                    district_id=141,
                    district_name="Shahdara",
                ),
                since_ms,
            )
            assets.add_gateway(conn, FieldCipher({"k1": KEY}), GATEWAY, FACILITY, KEY, since_ms)
            catalogue.record_products(conn, list(products().values()), since_ms)
            for product in products():
                expires_ms = self.started_ms + EXPIRES_AFTER_MS
                lot = stock.Lot(id=f"{product}/L-1", product_id=product, batch="L-1", expires_at_ms=expires_ms)
                stock.add_lot(conn, lot, since_ms)

    def add_appliance(self, name: str, kind: Kind, interval_seconds: int, probes: int) -> Probes:
        """An appliance with its probes; the first hangs at the coldest place."""
        is_freezer = kind is Kind.DEEP_FREEZER
        place = assets.Appliance(
            id=name,
            facility_id=FACILITY,
            name=name,
            kind=kind.value,
            model="simulated",
            centi_celsius_min=-2500 if is_freezer else 200,
            centi_celsius_max=-1500 if is_freezer else 800,
            freeze_alarm_centi_celsius=None if is_freezer else -50,
            freeze_alarm_minutes=None if is_freezer else 60,
            heat_alarm_centi_celsius=-1500 if is_freezer else 800,
            heat_alarm_minutes=60 if is_freezer else 600,
            alarm_source="WHO PQS device rule",
            holdover_minutes=HOLDOVER_MINUTES,
            holdover_source="the simulator's own",
        )
        since_ms = self.started_ms - BEFORE_MS
        sensors = tuple(f"{GATEWAY}.{name}-{number}" for number in range(probes))
        with self.ledger.write() as conn:
            assets.add_appliance(conn, place, since_ms)
            for number, sensor in enumerate(sensors):
                of = assets.Sensor(
                    id=sensor, gateway_id=GATEWAY, serial=sensor, model="probe", interval_ms=1_000 * interval_seconds
                )
                assets.register_sensor(conn, of, since_ms)
                position = "warmest" if number else "coldest"
                assets.assign_sensor(conn, sensor, name, position, since_ms, since_ms)
        return Probes(name, sensors)

    def receive(self, label: str, product: str, appliance: str, at_ms: int) -> None:
        """Take stock in."""
        lot = f"{product}/L-1"
        with self.ledger.write() as conn:
            stock.receive_holding(
                conn, label, lot, FACILITY, DOSES, appliance, EvidenceKind.TELEMETRY, at_ms, at_ms, PERSON
            )

    def move(self, label: str, appliance: str, at_ms: int, now_ms: int) -> None:
        """Carry stock to another appliance."""
        with self.ledger.write() as conn:
            holdings.move_holding(conn, label, appliance, EvidenceKind.TELEMETRY, at_ms, now_ms, PERSON)

    def split(self, label: str, child: str, appliance: str, at_ms: int, now_ms: int) -> None:
        """Give a tenth of the stock a label of its own."""
        part = holdings.Split(
            holding_id=child,
            doses=DOSES // 10,
            appliance_id=appliance,
            evidence_kind=EvidenceKind.TELEMETRY,
            at_ms=at_ms,
        )
        with self.ledger.write() as conn:
            holdings.split_holding(conn, label, part, now_ms, PERSON)

    def rows(self, probes: Probes, moments: Sequence[Moment]) -> list[Reading]:
        """What the loggers said, as ingest hands it on."""
        found: list[Reading] = []
        for moment in moments:
            for sensor, value in zip(probes.sensors, moment.said_centi_celsius, strict=True):
                self._sequence += 1
                quality = Quality.OPEN_CIRCUIT if value is None else Quality.OK
                found.append(Reading(sensor, moment.at_ms, value, quality, 1, self._sequence))
        return found

    def store(self, rows: Sequence[Reading]) -> None:
        """What ingest does: rows durable, then their hours marked."""
        if not rows:
            return
        if self.readings.write(rows).rejected:
            raise RuntimeError("the store refused rows")
        with self.telemetry.write() as conn:
            telemetry_writes.mark_dirty(conn, {(row.sensor, row.measured_at_ms // HOUR_MS * HOUR_MS) for row in rows})

    def drain(self, now_ms: int) -> None:
        """Judge all that waits."""
        while drain_once(self.stores, now_ms).goes_on:
            pass

    def labels(self) -> list[str]:
        """Every holding."""
        with self.ledger.read() as conn:
            return list(conn.execute(select(holding.c.id).order_by(holding.c.id)).scalars())

    def is_usable(self, label: str) -> bool:
        """Whether its disposition opens the gate."""
        with self.ledger.read() as conn:
            return stock.holding_by_id(conn, label).disposition in USABLE

    def verdicts(self, label: str) -> list[Verdict]:
        """All that was found, the newest first."""
        with self.ledger.read() as conn:
            return [stored.verdict for stored in judgements.verdicts_of(conn, label)]

    def judged_now(self, label: str, now_ms: int) -> Verdict:
        """What judging finds now, by readings read anew."""
        self.stores.hours.forget_all()
        return judge_holding(self.stores, label, now_ms).verdict

    def compromised_from_ms(self, label: str) -> int | None:
        """From when on its doses are doubted."""
        with self.ledger.read() as conn:
            return judgements.compromised_from_ms(conn, label)


def hush() -> None:
    """Say only what went wrong: a thousand holds are a thousand lines otherwise."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


@cache
def empty_stores() -> Path:
    """Both files at the newest schema, made once in a process; before it forks, once for all its children."""
    made = tempfile.mkdtemp(prefix="sheetal-schema-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    folder = Path(made) / "stores"
    folder.mkdir()
    upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db")
    return folder
