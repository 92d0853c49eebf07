from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts.drain import drain_once
from alerts.evaluate import Stores
from alerts.hours import Hours
from benchmarks.hold_rig import FROZEN, Freezing, fleet, furnish, message
from benchmarks.ingest_rig import key_of, sensor_name, standing
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.reading import Reading
from sheetal.ledger import stock, telemetry_writes
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_MS = 1_795_425_631_000
DECIDES_MS = NOW_MS + 20_000
STEADY, ONE = sensor_name(0, 0), Freezing(f"{sensor_name(1, 0)}x7", DECIDES_MS)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with standing("sqlite", fleet()._replace(gateways=2), tmp_path) as stand:
        furnish(stand, [STEADY], [ONE], NOW_MS)
        ledger = open_ledger(stand.settings["SHEETAL_LEDGER_URL"])
        telemetry = open_telemetry(stand.settings["SHEETAL_TELEMETRY_URL"])
        readings = open_readings(stand.readings_url)
        yield Stores(ledger, telemetry, Hours(readings))
        for store in (ledger, telemetry, readings):
            store.close()


def disposition(stores: Stores, holding: str) -> Disposition:
    with stores.ledger.read() as conn:
        return stock.holding_by_id(conn, holding).disposition


def test_only_the_reading_that_is_to_come_decides(stores: Stores, tmp_path: Path) -> None:
    while drain_once(stores, NOW_MS).goes_on:
        pass
    assert disposition(stores, ONE.holding) is Disposition.AVAILABLE
    with closing(open_readings(f"sqlite:///{tmp_path}/readings.db")) as readings:
        readings.write([Reading(ONE.sensor, DECIDES_MS, FROZEN, 0, 1, 1)])
    with stores.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(ONE.sensor, DECIDES_MS // HOUR_MS * HOUR_MS)})
    drain_once(stores, DECIDES_MS)
    assert disposition(stores, ONE.holding) is Disposition.QUARANTINED
    assert disposition(stores, f"H-{STEADY}") is Disposition.AVAILABLE


def test_a_message_is_what_a_gateway_sends() -> None:
    sensors = [sensor_name(1, probe) for probe in range(3)]
    sent = message(sensors, 450, NOW_MS, 30)
    gateway = topics.gateway_of(sensors[0])
    assert sent.topic == topics.of_gateway(gateway, topics.Channel.DATA)
    envelope = seal.open_envelope(sent.payload)
    body = seal.unseal(envelope, topics.Channel.DATA, gateway, key_of(gateway), msgspec.json.Decoder(Batch))
    assert [(row.sequence, row.sensor, row.centi_celsius) for row in body.rows] == [
        (30 + number, sensor, 450) for number, sensor in enumerate(sensors)
    ]


def test_a_freezing_sensor_names_its_gateway_and_its_holding() -> None:
    assert (ONE.gateway, ONE.holding) == ("gw-00001", f"H-{ONE.sensor}")
    assert len(fleet().sensors) == 1_000
