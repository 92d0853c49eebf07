"""Readings a second from a publisher through a real broker and the real ingest process into a durable store.

The limit is the bulk rate of the same store for the same rows in the same run: no broker, no decoding, no seals, no
second process. `python -m benchmarks.ingest_end_to_end [sqlite|influxdb1]` prints each repeat.
"""

from __future__ import annotations

import hashlib
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.raw_publisher import RawPublisher
from benchmarks.record import Figure
from benchmarks.store_bulk import BOOT, bulk_rows_per_second, fleet_rows
from demo.broker import EmbeddedBroker
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.clock import now_ms
from sheetal.ledger.schema import upgrade
from sheetal.readings.connect import open_readings
from tests.ingest.enrolled import enrol
from tests.ingest.process import IngestProcess
from tests.stack.servers import influxd_server, mosquitto_server, port_of

if TYPE_CHECKING:
    from sheetal.contracts.reading import Reading

GATEWAYS = 1_000
ROWS_A_MESSAGE = 10
ROWS = 300_000
WARM_ROWS = GATEWAYS * ROWS_A_MESSAGE
REPEATS = 3
# A floor for ten rows a message on two cores that broker, publisher, ingest and store share.
GOAL = 0.25
SECONDS_MAX = 300.0


class Repeat(NamedTuple):
    """The two rates of one repeat, in readings a second."""

    end_to_end: float
    bulk: float


class Outgoing(NamedTuple):
    """One message as the gateway would publish it."""

    topic: str
    payload: bytes


def measure(store: str = "", rows: int = ROWS) -> Figure:
    """The figure `ingest.end_to_end_over_store_bulk`: median of the repeats, over InfluxDB where it is installed."""
    store = store or ("influxdb1" if shutil.which("influxd") else "sqlite")
    repeats = [repeat(store, rows) for _ in range(REPEATS)]
    ratios = [one.end_to_end / one.bulk for one in repeats]
    return Figure(
        value=statistics.median(ratios),
        unit=f"× ({statistics.median(one.end_to_end for one in repeats):,.0f} readings/s end to end)",
        limit=f"bulk write of the same rows into the same {store} store, readings/s",
        limit_value=statistics.median(one.bulk for one in repeats),
        goal=GOAL,
        better="higher",
        runs=[round(ratio, 3) for ratio in ratios],
        when=datetime.now(UTC).date().isoformat(),
    )


def repeat(store: str, rows: int) -> Repeat:
    """Both rates over fresh files, one after the other."""
    readings = fleet_rows(rows + WARM_ROWS, GATEWAYS)
    with tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name:
        return Repeat(end_to_end(store, readings, Path(name)), bulk(store, readings[WARM_ROWS:], Path(name)))


def bulk(store: str, readings: list[Reading], folder: Path) -> float:
    """The store's own bulk rate for these rows."""
    with ExitStack() as stack:
        url = _store_url(store, folder / "bulk", stack)
        opened = stack.enter_context(closing(open_readings(url)))
        return bulk_rows_per_second(opened, readings)


def end_to_end(store: str, readings: list[Reading], folder: Path) -> float:
    """From the first publish to the moment when the last row is durable and acknowledged."""
    messages = sealed_messages(readings)
    warm = WARM_ROWS // ROWS_A_MESSAGE
    with ExitStack() as stack:
        settings = _settings(store, folder / "service", stack)
        port = port_of(settings["SHEETAL_BROKER_URL"])
        process = stack.enter_context(IngestProcess(settings, folder))
        publisher = stack.enter_context(RawPublisher(port))
        _carry(publisher, messages[:warm], process, WARM_ROWS)
        seconds = _carry(publisher, messages[warm:], process, len(readings))
    return (len(readings) - WARM_ROWS) / seconds


def sealed_messages(readings: list[Reading]) -> list[Outgoing]:
    """Ten rows of one gateway in each message, in the order in which a fleet would send them."""
    filling: dict[str, list[Row]] = {}
    messages: list[Outgoing] = []
    for sensor, measured_at_ms, centi_celsius, quality, _, sequence in readings:
        rows = filling.setdefault(sensor, [])
        rows.append(Row(sequence, measured_at_ms, sensor, centi_celsius, quality))
        if len(rows) == ROWS_A_MESSAGE:
            gateway = topics.gateway_of(sensor)
            body = Batch(gateway=gateway, boot=BOOT, sent_at_ms=now_ms(), rows=rows)
            payload = seal.seal(topics.Channel.DATA, gateway, key_of(gateway), body)
            messages.append(Outgoing(topics.of_gateway(gateway, topics.Channel.DATA), payload))
            filling[sensor] = []
    return messages


def key_of(gateway: str) -> bytes:
    """A key that publisher and ledger can both derive."""
    return hashlib.sha256(gateway.encode()).digest()


def _carry(publisher: RawPublisher, messages: list[Outgoing], process: IngestProcess, total: int) -> float:
    started = time.perf_counter()
    for message in messages:
        publisher.publish(message.topic, message.payload)
    publisher.flush()
    while process.health()[1]["readings_new"] != total:
        if time.perf_counter() - started > SECONDS_MAX:
            message = f"ingest did not take {total} readings in {SECONDS_MAX:.0f} s: {process.health()}"
            raise RuntimeError(message)
        time.sleep(0.02)
    return time.perf_counter() - started


def _settings(store: str, folder: Path, stack: ExitStack) -> dict[str, str]:
    folder.mkdir()
    if shutil.which("mosquitto"):
        broker = stack.enter_context(mosquitto_server(folder))
    else:
        broker = stack.enter_context(EmbeddedBroker(folder)).url
    ledger, telemetry = f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db"
    upgrade(ledger, telemetry)
    gateways = [topics.gateway_of(reading.sensor) for reading in fleet_rows(GATEWAYS, GATEWAYS)]
    enrol(ledger, folder / "keys", {gateway: key_of(gateway) for gateway in gateways})
    return {
        "SHEETAL_LEDGER_URL": ledger,
        "SHEETAL_TELEMETRY_URL": telemetry,
        "SHEETAL_READINGS_URL": _store_url(store, folder, stack),
        "SHEETAL_FIELD_KEY_FILE": str(folder / "keys"),
        "SHEETAL_BROKER_URL": broker,
    }


def _store_url(store: str, folder: Path, stack: ExitStack) -> str:
    folder.mkdir(exist_ok=True)
    if store == "influxdb1":
        return stack.enter_context(influxd_server(folder))
    return f"sqlite:///{folder}/readings.db"


def main(arguments: list[str]) -> int:
    """Print each repeat and the medians."""
    store = arguments[0] if arguments else "sqlite"
    for number in range(REPEATS):
        rate, limit = repeat(store, ROWS)
        print(f"{number + 1}: {rate:,.0f} readings/s end to end, {limit:,.0f} in bulk: {rate / limit:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
