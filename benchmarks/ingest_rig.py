"""What the ingest benchmarks stand on: a fleet's sealed messages, real servers, the real ingest process.

with tempfile.TemporaryDirectory() as name, standing("influxdb1", fleet, Path(name)) as stand:
    with stand.ingest(), AckCounter(stand.port) as acks, RawPublisher(stand.port) as publisher:
        seconds = carry(publisher, prepared(fleet.messages(1_000)), acks, rows)
"""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from demo.broker import EmbeddedBroker
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.reading import Reading
from sheetal.ledger.schema import upgrade
from sheetal.readings.connect import open_readings
from sheetal.readings.port import YEAR_2100_MS
from tests.ingest.enrolled import enrol
from tests.ingest.process import IngestProcess
from tests.stack.servers import INFLUXD, MOSQUITTO, influxd_server, mosquitto_server, port_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from benchmarks.ack_counter import AckCounter
    from benchmarks.raw_publisher import Bundle, RawPublisher

START_MS = now_ms() // HOUR_MS * HOUR_MS - 5 * DAY_MS
"""Recent enough that ingest takes the rows for a fleet that catches up, not for history."""
INTERVAL_MS = 300_000
BOOT = (7 << 32) + 1
CARRY_SECONDS_MAX = 300.0


class Outgoing(NamedTuple):
    """One message as the gateway would publish it."""

    topic: str
    payload: bytes


class Fleet(NamedTuple):
    """Gateways that all send messages of one shape, in turn; each sensor measures at the interval.

    The start travels with the fleet: another process that makes the same rows may begin in another hour.
    """

    gateways: int = 1_000
    sensors_a_gateway: int = 1
    rows_a_message: int = 1
    interval_ms: int = INTERVAL_MS
    start_ms: int = START_MS

    @property
    def keys(self) -> dict[str, bytes]:
        """The enrolment key of every gateway."""
        return {name: key_of(name) for name in map(gateway_name, range(self.gateways))}

    @property
    def sensors(self) -> list[str]:
        """Every sensor of every gateway."""
        return [
            sensor_name(gateway, probe) for gateway in range(self.gateways) for probe in range(self.sensors_a_gateway)
        ]

    def messages(self, count: int, first: int = 0) -> list[Outgoing]:
        """`count` sealed messages from the `first` on, in the order in which the fleet would send them."""
        return [self._message(number) for number in range(first, first + count)]

    def readings(self, count: int, first: int = 0) -> list[Reading]:
        """The rows of the same `count` messages, as the readings port takes them."""
        return [
            Reading(row.sensor, row.measured_at_ms, row.centi_celsius, row.quality, BOOT, row.sequence)
            for number in range(first, first + count)
            for row in self._rows(number)
        ]

    def _message(self, number: int) -> Outgoing:
        gateway = gateway_name(number % self.gateways)
        rows = self._rows(number)
        body = Batch(gateway=gateway, boot=BOOT, sent_at_ms=now_ms(), rows=rows)
        payload = seal.seal(topics.Channel.DATA, gateway, key_of(gateway), body)
        return Outgoing(topics.of_gateway(gateway, topics.Channel.DATA), payload)

    def _rows(self, number: int) -> list[Row]:
        turn, gateway = divmod(number, self.gateways)
        sequences = range(turn * self.rows_a_message, (turn + 1) * self.rows_a_message)
        return [self._row(gateway, sequence) for sequence in sequences]

    def _row(self, gateway: int, sequence: int) -> Row:
        tick, probe = divmod(sequence, self.sensors_a_gateway)
        measured_at_ms = self.start_ms + tick * self.interval_ms + gateway * self.interval_ms // self.gateways
        return Row(sequence, measured_at_ms, sensor_name(gateway, probe), 300 + (gateway * 7 + tick * 13) % 400, 0)


class Stand(NamedTuple):
    """A broker, a store and a ledger that knows the fleet; ingest is started on demand."""

    folder: Path
    settings: dict[str, str]

    @property
    def port(self) -> int:
        """The broker's."""
        return port_of(self.settings["SHEETAL_BROKER_URL"])

    @property
    def readings_url(self) -> str:
        """The store's."""
        return self.settings["SHEETAL_READINGS_URL"]

    def ingest(self) -> IngestProcess:
        """The service, not yet started: a context manager that returns once it is subscribed."""
        return IngestProcess(self.settings, self.folder)

    def rows_stored(self, fleet: Fleet) -> int:
        """By the store's own count, sensor by sensor."""
        with closing(open_readings(self.readings_url)) as readings:
            return sum(readings.count(sensor, 0, YEAR_2100_MS) for sensor in fleet.sensors)


def gateway_name(number: int) -> str:
    """The id of one gateway of a fleet."""
    return f"gw-{number:05d}"


def sensor_name(gateway: int, probe: int) -> str:
    """The id of one probe of one gateway."""
    return topics.sensor_of(gateway_name(gateway), f"ilr{probe + 1}-tvc")


def key_of(gateway: str) -> bytes:
    """A key that publisher and ledger can both derive."""
    return hashlib.sha256(gateway.encode()).digest()


def best_store() -> str:
    """InfluxDB where its server is installed, else SQLite."""
    return "influxdb1" if INFLUXD.exists() else "sqlite"


@contextmanager
def standing(store: str, fleet: Fleet, folder: Path) -> Iterator[Stand]:
    """Fresh servers and files below `folder`, every gateway of the fleet enrolled."""
    with ExitStack() as stack:
        broker = stack.enter_context(broker_at(folder))
        readings = stack.enter_context(store_at(store, folder))
        ledger, telemetry = f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db"
        upgrade(ledger, telemetry)
        enrol(ledger, folder / "keys", fleet.keys)
        settings = {
            "SHEETAL_LEDGER_URL": ledger,
            "SHEETAL_TELEMETRY_URL": telemetry,
            "SHEETAL_READINGS_URL": readings,
            "SHEETAL_FIELD_KEY_FILE": str(folder / "keys"),
            "SHEETAL_BROKER_URL": broker,
        }
        yield Stand(folder, settings)


@contextmanager
def broker_at(folder: Path) -> Iterator[str]:
    """The address of Mosquitto where it is installed, else of the embedded broker."""
    if MOSQUITTO.exists():
        with mosquitto_server(folder) as url:
            yield url
    else:
        with EmbeddedBroker(folder) as broker:
            yield broker.url


@contextmanager
def store_at(store: str, folder: Path) -> Iterator[str]:
    """The address of an empty `influxdb1` or `sqlite` store."""
    if store == "influxdb1":
        with influxd_server(folder) as url:
            yield url
    else:
        yield f"sqlite:///{folder}/readings.db"


def carry(publisher: RawPublisher, bundles: Iterable[Bundle], acks: AckCounter, rows: int) -> float:
    """Publishes all and returns the seconds until `rows` readings more were named by application acks.

    Raises RuntimeError when they were not in `CARRY_SECONDS_MAX`.
    """
    wanted = acks.rows + rows
    started = time.perf_counter()
    publisher.carry(bundles)
    acks.wait(wanted, CARRY_SECONDS_MAX)
    return time.perf_counter() - started
