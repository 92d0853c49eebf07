"""The service on the servers of production, each killed and started again: Mosquitto, PostgreSQL and InfluxDB."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import telemetry
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.readings.connect import open_readings
from tests.ingest.enrolled import enrol
from tests.ingest.given import BOOT, POISON, SENSOR, batch, day, minutes, row
from tests.ingest.process import IngestProcess
from tests.ingest.raw_gateway import RawGateway, until
from tests.stack.servers import create_influx_database, influxd, mosquitto, port_of, postgresql, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sheetal.contracts.batch import Row
    from sheetal.contracts.reading import Reading
    from tests.stack.servers import Server

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]
LONG_AGO_MS = now_ms() - 30 * DAY_MS


@dataclass
class Production:
    broker: Server
    database: Server
    influx: Server
    environment: dict[str, str]

    @property
    def port(self) -> int:
        return port_of(self.broker.url)

    def held(self) -> list[Reading]:
        with closing(open_readings(self.influx.url)) as readings:
            return readings.read(SENSOR, 0, 2 * now_ms())

    def conflicts(self) -> list[telemetry.Conflict]:
        with closing(open_telemetry(self.environment["SHEETAL_TELEMETRY_URL"])) as store, store.read() as connection:
            assert telemetry.dirty_hours(connection, 500)
            return telemetry.conflicts(connection, 500)

    def letters(self) -> list[telemetry.DeadLetter]:
        with closing(open_telemetry(self.environment["SHEETAL_TELEMETRY_URL"])) as store, store.read() as connection:
            return telemetry.dead_letters(connection, 500)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    folder: Path = tmp_path_factory.mktemp("production")
    with (
        running(mosquitto(folder)) as broker,
        postgresql(folder) as cluster,
        running(cluster) as database,
        running(influxd(folder)) as influx,
    ):
        create_influx_database(influx.url, "cc")
        ledger_url = database.url.replace("/sheetal", "/postgres")
        upgrade(ledger_url, ledger_url)
        enrol(ledger_url, folder / "keys")
        settings = {
            "SHEETAL_LEDGER_URL": ledger_url,
            "SHEETAL_TELEMETRY_URL": ledger_url,
            "SHEETAL_READINGS_URL": influx.url,
            "SHEETAL_FIELD_KEY_FILE": str(folder / "keys"),
            "SHEETAL_BROKER_URL": broker.url,
        }
        yield Production(broker, database, influx, settings)


@pytest.fixture
def ingest(production: Production, tmp_path: Path) -> Iterator[IngestProcess]:
    with IngestProcess(production.environment, tmp_path) as process:
        yield process


def rows(first: int, count: int) -> list[Row]:
    return minutes(first, count, base_ms=LONG_AGO_MS)


def values(readings: list[Reading], sent: list[Row]) -> list[tuple[int, int | None]]:
    """What the store holds of the span that was sent."""
    span = range(sent[0].measured_at_ms, sent[-1].measured_at_ms + 1)
    return [(one.measured_at_ms, one.centi_celsius) for one in readings if one.measured_at_ms in span]


def test_rows_conflicts_days_and_poison_find_their_place(production: Production, ingest: IngestProcess) -> None:
    sent = rows(1, 100)
    with RawGateway(production.port) as gateway:
        gateway.send_until_acknowledged(BOOT, sent)
        gateway.send_until_acknowledged(BOOT, sent)
        gateway.send(batch([row(5_000, sent[7].measured_at_ms, -999)], days=[day(5_001)]))
        for payload, _ in POISON.values():
            gateway.send_bytes(payload)
        until(lambda: {(BOOT, 5_000), (BOOT, 5_001)} <= gateway.stored)
        until(lambda: ingest.health()[1]["dead_letters"] == len(POISON))
    assert values(production.held(), sent) == [(one.measured_at_ms, one.centi_celsius) for one in sent]
    (kept,) = production.conflicts()
    assert (kept.stored_centi_celsius, kept.offered_centi_celsius) == (sent[7].centi_celsius, -999)
    assert sorted(one.reason for one in production.letters()) == sorted(reason for _, reason in POISON.values())


@pytest.mark.parametrize("name", ["broker", "database", "influx"])
def test_each_server_may_be_killed_under_load(production: Production, ingest: IngestProcess, name: str) -> None:
    server: Server = getattr(production, name)
    first = {"broker": 1_001, "database": 2_001, "influx": 3_001}[name]
    sent = rows(first, 400)
    with RawGateway(production.port) as gateway:
        for at in range(0, 400, 10):
            gateway.send(batch(sent[at : at + 10]))
            if at == 200:
                server.kill()
        until(lambda: ingest.health()[0] == 503)
        assert ingest.is_running()
        server.start()
        gateway.send_until_acknowledged(BOOT, sent, again_seconds=3)
    until(ingest.is_well)
    assert values(production.held(), sent) == [(one.measured_at_ms, one.centi_celsius) for one in sent]
    assert all(one.sequence == 5_000 for one in production.conflicts())
