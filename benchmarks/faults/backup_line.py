"""A line whose stores are backed up, lost and restored elsewhere, with alerts beside ingest and stock to judge."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import func, select

from benchmarks.faults.child import Child
from benchmarks.faults.line import FAR_MS, REAL, Line, Programs, is_well
from benchmarks.faults.scene import key_of, scenario_text, write_key
from benchmarks.record import ROOT
from demo.broker import free_port
from sheetal.contracts.clock import now_ms
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.topics import gateway_of
from sheetal.ledger import assets, audit, catalogue, judgements, resend_wishes, seals, stock
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.ledger.telemetry_tables import dirty_hour
from sheetal.readings.connect import open_readings
from tests.alerts.given import appliance, product
from tests.ingest.enrolled import FACILITY, enrol
from tests.stack.servers import influxd_server, postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.faults.scene import Options, Scene
    from sheetal.contracts.reading import Reading

LOT = "covishield/CS-2301"
ACTOR = "store-keeper"
COMMAND_SECONDS_MAX = 300.0
Found = dict[str, tuple[str, tuple[tuple[str, int], ...]]]


class Places(NamedTuple):
    """Where the three stores are."""

    ledger: str
    telemetry: str
    readings: str

    @property
    def environment(self) -> dict[str, str]:
        """As services and the backup are told."""
        return {f"SHEETAL_{name.upper()}_URL": getattr(self, name) for name in self._fields}


@contextmanager
def on_files(folder: Path) -> Iterator[Places]:
    """Embedded stores in a folder of their own."""
    folder.mkdir()
    yield Places(*(f"sqlite:///{folder}/{name}.db" for name in Places._fields))


@contextmanager
def on_servers(folder: Path) -> Iterator[Places]:
    """PostgreSQL and InfluxDB 1.x of their own."""
    folder.mkdir()
    with ExitStack() as stack:
        database = stack.enter_context(postgresql_server(folder))
        yield Places(database, database, stack.enter_context(influxd_server(folder)))


class BackedUpLine(Line):
    """The whole way of real processes over stores that may be exchanged for others."""

    def __init__(
        self, folder: Path, scene: Scene, options: Options, places: Places, broker: str, programs: Programs = REAL
    ) -> None:
        self.places = places
        self.began_ms = now_ms()
        super().__init__(folder, scene, options, broker=broker, programs=programs)
        self.alerts = self._alerts()
        self.use(places)

    @property
    def children(self) -> list[Child]:
        """Every process, sources first."""
        return [*super().children, self.alerts]

    def use(self, places: Places) -> None:
        """Lets services find their stores here from their next start on."""
        self.places = places
        self.readings_url = places.readings
        for child in (self.ingest, self.alerts):
            told = {"SHEETAL_BROKER_URL": self.ingest_broker, **places.environment}
            child.environment = {**child.environment, **told}

    def back_up(self, *words: str, keys: Mapping[str, str] | None = None) -> str:
        """`python -m backup …`; what it said. Raises RuntimeError when it did not do it."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
        told = {"SHEETAL_FIELD_KEY_FILE": str(self.folder / "field.key")}
        done = subprocess.run(
            [sys.executable, "-m", "backup", *words],
            cwd=ROOT,
            env={**plain, **told, **self.places.environment, **(keys or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS_MAX,
        )
        if done.returncode:
            raise RuntimeError(f"backup {words[0]} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    # What each witness says

    def stored(self) -> list[Reading]:
        """Every reading in the store, by its port."""
        with closing(open_readings(self.places.readings)) as store:
            return [reading for sensor in self.scene.sensors for reading in store.read(sensor, 0, FAR_MS)]

    def stored_count(self) -> int:
        """How many rows the store holds of the scene's sensors."""
        with closing(open_readings(self.places.readings)) as store:
            return sum(store.count(sensor, 0, FAR_MS) for sensor in self.scene.sensors)

    def telemetry_count(self, table: str) -> int:
        """How many rows one of ingest's own tables holds."""
        with closing(open_telemetry(self.places.telemetry)) as telemetry, telemetry.read() as conn:
            found = dirty_hour.metadata.tables[f"telemetry.{table}"]
            return int(conn.execute(select(func.count()).select_from(found)).scalar_one())

    def wishes(self) -> int:
        """How many gateways have not yet said that they send again."""
        with closing(open_ledger(self.places.ledger)) as ledger, ledger.read() as conn:
            return len(resend_wishes.wishes(conn, 1_000))

    def verdicts(self) -> Found:
        """What is found of each holding: the finding, and each rule reached with the instant of the compromise."""
        found: Found = {}
        with closing(open_ledger(self.places.ledger)) as ledger, ledger.read() as conn:
            for holding in stock.holdings_at(conn, FACILITY.id):
                latest = judgements.latest_verdict(conn, holding.id)
                if latest is not None:
                    hits = sorted((hit.rule.rule, hit.compromised_from_ms) for hit in latest.verdict.reached)
                    found[holding.id] = (latest.verdict.finding.value, tuple(hits))
        return found

    def chain_is_whole(self) -> bool:
        """Whether the facility's audit chain holds."""
        with closing(open_ledger(self.places.ledger)) as ledger, ledger.read() as conn:
            return audit.verify_chain(conn, FACILITY.id).broken_at is None

    # What people do

    def receive(self, holding_id: str, appliance_id: str) -> None:
        """Stock comes in, at the beginning of the history, and is judged from there on."""
        at_ms = self.began_ms - self.scene.history_minutes * MINUTE_MS
        with closing(open_ledger(self.places.ledger)) as ledger, ledger.write() as conn:
            stock.receive_holding(
                conn, holding_id, LOT, FACILITY.id, 10, appliance_id, EvidenceKind.TELEMETRY, at_ms, now_ms(), ACTOR
            )

    def seal(self, file: Path) -> None:
        """Seals all chains and keeps the seal outside, as alerts does each minute."""
        with closing(open_ledger(self.places.ledger)) as ledger, ledger.write() as conn:
            file.write_bytes(msgspec.json.encode(seals.add_seal(conn, lambda _text: "signed", now_ms())))

    # Set up

    def _prepare(self) -> None:
        (self.folder / "scenario.toml").write_text(scenario_text(self.scene))
        for name in self.scene.names:
            write_key(self.folder, name)
        upgrade(self.places.ledger, self.places.telemetry)
        keys = {name: key_of(name) for name in self.scene.names}
        enrol(self.places.ledger, self.folder / "field.key", keys)
        from_ms = self.began_ms - self.scene.history_minutes * MINUTE_MS - HOUR_MS
        with closing(open_ledger(self.places.ledger)) as ledger, ledger.write() as conn:
            catalogue.record_products(conn, [product()], self.began_ms)
            lot = stock.Lot(id=LOT, product_id="covishield", batch="CS-2301", expires_at_ms=self.began_ms + 90 * DAY_MS)
            stock.add_lot(conn, lot, self.began_ms)
            for sensor in self.scene.sensors:
                assets.add_appliance(conn, appliance(f"A-{sensor}"), self.began_ms)
                assets.register_sensor(conn, self._sensor(sensor), self.began_ms)
                assets.assign_sensor(conn, sensor, f"A-{sensor}", "inside", from_ms, self.began_ms)
        for sensor in self.scene.sensors:
            self.receive(f"H-{sensor}", f"A-{sensor}")

    def _sensor(self, sensor: str) -> assets.Sensor:
        return assets.Sensor(
            id=sensor,
            gateway_id=gateway_of(sensor),
            serial=sensor,
            model="made up",
            interval_ms=self.scene.interval_seconds * 1_000,
            accuracy_centi_celsius=50,
        )

    def _alerts(self) -> Child:
        port = free_port()
        told = {"SHEETAL_FIELD_KEY_FILE": str(self.folder / "field.key"), "SHEETAL_HEALTH_PORT": str(port)}
        return Child([sys.executable, "-m", "alerts"], self.folder / "alerts.log", lambda: is_well(port), told)
