"""The real process between a real broker and real files."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import socket
import sqlite3
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from demo.broker import EmbeddedBroker
from ingest.app import key_finder
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS
from sheetal.health import ask
from sheetal.ledger import telemetry
from sheetal.ledger.field_cipher import FieldCipher
from tests.ingest.given import BOOT, GATEWAY, KEYS, POISON, SENSOR, batch, minutes, row, sealed
from tests.ingest.process import IngestProcess
from tests.ingest.raw_gateway import RawGateway, until
from tests.stack.servers import mosquitto_server, port_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.contracts.batch import Row
    from sheetal.contracts.reading import Reading
    from tests.ingest.conftest import Stores

LONG_AGO_MS = now_ms() - 30 * DAY_MS


@pytest.fixture(params=["iotcore", pytest.param("mosquitto", marks=pytest.mark.stack)])
def port(request: pytest.FixtureRequest, stores: Stores) -> Iterator[int]:
    if request.param == "iotcore":
        with EmbeddedBroker(stores.folder) as broker:
            yield broker.port
    else:
        with mosquitto_server(stores.folder) as url:
            yield port_of(url)


@pytest.fixture
def ingest(stores: Stores, port: int) -> Iterator[IngestProcess]:
    with IngestProcess(environment(stores, port), stores.folder) as process:
        yield process


def environment(stores: Stores, port: int) -> dict[str, str]:
    return {**stores.environment, "SHEETAL_BROKER_URL": f"mqtt://127.0.0.1:{port}"}


def rows(first: int, count: int) -> list[Row]:
    return minutes(first, count, base_ms=LONG_AGO_MS)


def held(stores: Stores) -> list[Reading]:
    return stores.readings.read(SENSOR, 0, 2 * now_ms())


def states(stores: Stores) -> list[telemetry.SensorState]:
    with stores.telemetry.read() as connection:
        assert telemetry.dirty_hours(connection, 500)
        return telemetry.sensor_states(connection)


def assert_held_once(stores: Stores, sent: list[Row]) -> None:
    assert [(one.measured_at_ms, one.centi_celsius) for one in held(stores)] == [
        (one.measured_at_ms, one.centi_celsius) for one in sent
    ]


def test_what_a_gateway_sends_is_stored_and_acknowledged(stores: Stores, port: int, ingest: IngestProcess) -> None:
    fresh_ms = now_ms()
    with RawGateway(port) as gateway:
        gateway.send(batch([*rows(1, 10), row(11, fresh_ms, 777), row(12, sensor="gw-02.x")], sent_at_ms=fresh_ms))
        until(lambda: len(gateway.stored) == 11)
        assert gateway.refused == {(BOOT, 12): "foreign_sensor"}
    assert_held_once(stores, [*rows(1, 10), row(11, fresh_ms, 777)])
    until(lambda: bool(states(stores)), 5)
    (state,) = states(stores)
    assert (state.sensor_id, state.centi_celsius) == (SENSOR, 777)
    assert 0 <= state.clock_offset_ms < 5_000
    status, facts = ingest.health()
    assert (status, facts["readings_new"], facts["dead_letters"]) == (200, 11, 1)


def test_a_terminated_service_ends_cleanly_and_says_what_it_did(ingest: IngestProcess) -> None:
    until(lambda: '"ready"' in ingest.output())
    began = time.monotonic()
    assert ingest.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 9, "shorter than any of its waits"
    assert [event["event"] for event in ingest.events()] == ["Subscribed", "ready", "stopped"]
    assert ingest.events()[1]["health_port"] == ingest.health_port


def test_an_interrupted_service_under_load_ends_cleanly_too(port: int, ingest: IngestProcess) -> None:
    with RawGateway(port) as gateway:
        for first in range(1, 5_001, 10):
            gateway.send(batch(rows(first, 10)))
        assert ingest.end(signal.SIGINT) == 0


def test_a_killed_service_loses_and_doubles_nothing(stores: Stores, port: int) -> None:
    """Fault F2: kill -9 at random moments, most of them between the store's write and the ack."""
    chance = random.Random(20261123)
    sent = rows(1, 3_000)
    deaths = 0
    with RawGateway(port) as gateway:
        for first in range(0, len(sent), 500):
            part = sent[first : first + 500]
            with IngestProcess(environment(stores, port), stores.folder) as process:
                for at in range(0, len(part), 10):
                    gateway.send(batch(part[at : at + 10]))
                time.sleep(chance.uniform(0, 0.06))
                process.kill()
                deaths += 1
        known = {(one.measured_at_ms, one.centi_celsius) for one in held(stores)}
        acknowledged = {number for _, number in gateway.stored}
        assert {(one.measured_at_ms, one.centi_celsius) for one in sent if one.sequence in acknowledged} <= known
        with IngestProcess(environment(stores, port), stores.folder):
            gateway.send_until_acknowledged(BOOT, sent)
    assert deaths == 6
    assert_held_once(stores, sent)
    with stores.telemetry.read() as connection:
        assert telemetry.conflicts(connection, 10) == []


def test_a_storm_of_poison_ends_nothing_and_delays_no_good_row(
    stores: Stores, port: int, ingest: IngestProcess
) -> None:
    """Fault F9 at its smallest count: 3,000 payloads, each with good traffic behind it."""
    chance = random.Random(9)
    poison = [payload for payload, _ in POISON.values() if len(payload) < 1_000_000]
    sent = rows(1, 1_000)
    with RawGateway(port) as gateway:
        gateway.send_until_acknowledged(BOOT, sent[:10])
        before = ingest.memory_bytes()
        for number in range(3_000):
            gateway.send_bytes(chance.choice(poison) if number % 3 else chance.randbytes(chance.randrange(2_000)))
            if number % 30 == 0:
                first = number // 30 * 10
                gateway.send(batch(sent[first : first + 10]))
            if number % 100 == 99:
                until(lambda: ingest.health()[1]["waiting"] == 0)
        gateway.send_bytes(POISON["10 MB"][0])
        gateway.send_until_acknowledged(BOOT, sent, again_seconds=5)
        until(lambda: ingest.health()[1]["dead_letters"] == 3_001)
        grown = ingest.memory_bytes() - before
    assert_held_once(stores, sent)
    assert grown < 50 * 1024 * 1024
    with stores.telemetry.read() as connection:
        letters = telemetry.dead_letters(connection, 5_000)
    assert sum(letter.repeats + 1 for letter in letters) == 3_001
    assert {letter.size_bytes for letter in letters} >= {10_000_000}
    assert "unprocessable" not in {letter.reason for letter in letters}


def test_an_absent_readings_store_delays_the_ack_and_loses_nothing(
    stores: Stores, port: int, ingest: IngestProcess
) -> None:
    with RawGateway(port) as gateway:
        gateway.send_until_acknowledged(BOOT, rows(1, 10))
        other = sqlite3.connect(stores.folder / "readings.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        gateway.send(batch(rows(11, 10)))
        until(lambda: ingest.health()[0] == 503)
        assert "write readings" in str(ingest.health()[1]["problem"])
        assert len(gateway.stored) == 10
        other.execute("ROLLBACK")
        other.close()
        until(lambda: len(gateway.stored) == 20)
    assert_held_once(stores, rows(1, 20))
    until(ingest.is_well)


def test_a_broker_that_dies_is_found_again(stores: Stores) -> None:
    sent = rows(1, 600)
    with EmbeddedBroker(stores.folder) as broker:
        settings = environment(stores, broker.port)
        with IngestProcess(settings, stores.folder) as process, RawGateway(broker.port) as gateway:
            for first in (0, 200, 400):
                for at in range(first, first + 200, 10):
                    gateway.send(batch(sent[at : at + 10]))
                broker.kill()
                broker.start()
            gateway.send_until_acknowledged(BOOT, sent)
            assert process.is_running()
    assert_held_once(stores, sent)


def test_the_service_starts_before_its_broker(stores: Stores) -> None:
    broker = EmbeddedBroker(stores.folder)
    process = IngestProcess(environment(stores, broker.port), stores.folder)
    process.start()
    try:
        until(lambda: "does not answer" in process.output())
        status, facts = process.health()
        assert (status, facts["ok"], facts["problem"]) == (503, False, "the broker is away")
        with broker:
            until(process.is_well)
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SHEETAL_BROKER_URL", "nonsense"),
        ("SHEETAL_BROKER_URL", None),
        ("SHEETAL_LEDGER_URL", "mysql://x"),
        ("SHEETAL_TELEMETRY_URL", "sqlite:////no/such/folder/telemetry.db"),
        ("SHEETAL_READINGS_URL", "nowhere"),
        ("SHEETAL_FIELD_KEY_FILE", "/no/such/file"),
        ("SHEETAL_HEALTH_PORT", "x"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(stores: Stores, variable: str, value: str | None) -> None:
    settings = {**environment(stores, 1), **({variable: value} if value else {})}
    if value is None:
        del settings[variable]
    process = IngestProcess(settings, stores.folder).start()
    assert process.wait() == 2
    assert process.output().count("\n") == 1
    assert variable in process.output()


def test_a_store_without_its_schema_stops_the_start(stores: Stores) -> None:
    stores.telemetry.close()
    (stores.folder / "telemetry.db").unlink()
    process = IngestProcess(environment(stores, 1), stores.folder).start()
    assert process.wait() == 2
    assert process.output().count("\n") == 1
    assert "SHEETAL_TELEMETRY_URL" in process.output()


def test_a_taken_health_port_stops_the_start(stores: Stores) -> None:
    process = IngestProcess(environment(stores, 1), stores.folder)
    with socket.socket() as other:
        other.bind(("127.0.0.1", process.health_port))
        other.listen()
        assert process.start().wait() == 2
    assert f":{process.health_port}" in process.output()
    assert process.output().count("\n") == 1


def test_a_ledger_that_is_away_at_the_start_is_waited_for(stores: Stores) -> None:
    ledger = stores.folder / "ledger.db"
    shutil.move(ledger, stores.folder / "away.db")
    ledger.mkdir()
    process = IngestProcess(environment(stores, 1), stores.folder).start()
    try:
        until(lambda: "A store is away" in process.output(), 10)
        assert process.is_running()
        assert process.health()[0] == 503
        assert process.end() == 0
    finally:
        process.__exit__()


def test_a_log_that_nobody_reads_ends_nothing(stores: Stores, port: int) -> None:
    reading_end, writing_end = os.pipe()
    process = IngestProcess(environment(stores, port), stores.folder).start(log_to=writing_end)
    os.close(writing_end)
    os.close(reading_end)
    try:
        until(process.is_well)
        with RawGateway(port) as gateway:
            gateway.send(batch(rows(1, 10), sent_at_ms=1))
            gateway.send_bytes(b"poison")
            gateway.send_until_acknowledged(BOOT, rows(11, 10))
        until(lambda: process.health()[1]["dead_letters"] == 1)
        assert process.end() == 0
    finally:
        process.__exit__()


def test_keys_are_found_in_the_ledger(stores: Stores) -> None:
    look_up = key_finder(stores.ledger, FieldCipher.from_file(stores.folder / "keys"))
    assert {gateway: look_up(gateway) for gateway in KEYS} == KEYS
    assert look_up("gw-99") is None


def test_a_key_that_does_not_open_counts_as_unknown(stores: Stores) -> None:
    assert key_finder(stores.ledger, FieldCipher({"other": b"o" * 32}))(GATEWAY) is None


def test_a_gateways_secret_never_reaches_the_log(port: int, ingest: IngestProcess) -> None:
    with RawGateway(port) as gateway:
        for payload in itertools.chain([sealed(batch(rows(1, 5)))], (payload for payload, _ in POISON.values())):
            gateway.send_bytes(payload)
        until(lambda: ingest.health()[1]["dead_letters"] == len(POISON))
    ingest.end()
    assert KEYS[GATEWAY].decode() not in ingest.output()


def test_it_tells_prometheus_what_it_took_and_how_long_it_needed(
    ingest: IngestProcess, port: int, stores: Stores
) -> None:
    with RawGateway(port) as gateway:
        gateway.send(batch([*rows(1, 10), row(12, sensor="gw-02.x")]))
        until(lambda: len(gateway.stored) == 10)
    assert ask(f"http://127.0.0.1:{ingest.health_port}/readyz")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{ingest.health_port}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    told = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    assert told['sheetal_ingest_rows_total{kind="new"}'] == "10.0"
    assert told['sheetal_ingest_refused_total{reason="foreign_sensor"}'] == "1.0"
    for name in ("store_write_seconds", "telemetry_commit_seconds", "ack_lag_seconds"):
        assert float(told[f"sheetal_ingest_{name}_count"]) >= 1, name
    assert (told["sheetal_ingest_ready"], told["sheetal_ingest_broker_connected"]) == ("1.0", "1.0")
    assert told['sheetal_metrics_source_failed{source="telemetry"}'] == "0.0"
    assert SENSOR not in page
    assert "gw-01" not in page
    assert_held_once(stores, rows(1, 10))


def test_every_line_of_its_log_says_who_it_is(ingest: IngestProcess) -> None:
    until(lambda: '"ready"' in ingest.output())
    for event in ingest.events():
        assert {"service", "worker", "level", "timestamp", "event"} <= set(event)
        assert (event["service"], str(event["worker"]).startswith("ingest-")) == ("ingest", True)
