"""Each of our services with exactly the command and environment of docker-compose.yml, over the real servers.

Only places differ: the host:port of a server, the port a service listens on (in compose each has its own address), the
paths of secrets and volumes. InfluxDB 2 is a small server that rewrites its paths for a real 1.6.7.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from demo import mosquitto as demo_mosquitto
from portal.certificate.keys import make_keys
from portal.orchestration.gateway_ca import make_authority
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.clock import now_ms
from sheetal.contracts.seal import seal
from sheetal.contracts.topics import Channel, of_gateway
from sheetal.health import ask as ask_health
from sheetal.ledger import assets
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.readings.connect import open_readings
from tests.ingest.enrolled import FACILITY
from tests.sheetal.readings.http_servers import v2_shim
from tests.stack.broker_users import User
from tests.stack.compose import OURS, ROOT, WORDS, filled, raw
from tests.stack.exposed import SERVICES, expressions
from tests.stack.prometheus_server import ask, prometheus, query
from tests.stack.quiet_ports import quiet_port
from tests.stack.servers import (
    Server,
    create_influx_database,
    free_port,
    influxd,
    port_answers,
    port_of,
    postgresql,
    running,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

RUNNING = [name for name in OURS if name != "migrate"]
READY_SECONDS_MAX = 30.0
PLACES = {
    *(f"SHEETAL_{store}_URL" for store in ("LEDGER", "TELEMETRY", "READINGS", "BROKER")),
    *(f"SHEETAL_{part}_PORT" for part in ("HEALTH", "PORTAL", "STANDBY")),
    "SHEETAL_FIELD_KEY_FILE",
    "SHEETAL_CERTIFICATE_KEY_FOLDER",
    "SHEETAL_MIRROR_FOLDER",
    "SHEETAL_GATEWAY_CA_FOLDER",
    "SHEETAL_GATEWAY_BROKER_FOLDER",
}
INSIDE = ("8080", "8000", "8001")
"""Where services listen in their own containers; here each gets a port of its own."""
GATEWAY, KEY = "gw-01", b"k" * 32
PROGRAMS = str(Path(sys.executable).parent)


class Composed:
    """The services as they were started, each with its own environment and health check."""

    def __init__(self, services: dict[str, Any], places: dict[str, str], folder: Path) -> None:
        self.services = services
        self.places = places
        self.folder = folder
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {(name, port): str(quiet_port()) for name in services for port in INSIDE}

    def environment(self, name: str) -> dict[str, str]:
        """What compose gives it, at this machine's places, and the PATH that the image sets."""
        given = {key: self._here(name, text) for key, text in self.services[name]["environment"].items()}
        return {**given, "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin"}

    def command(self, words: list[str], name: str) -> list[str]:
        return [self._here(name, word) for word in words]

    def start(self, name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = self.command(self.services[name]["command"], name)
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment(name), stdout=log, stderr=log)
        self.started[name] = process
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def is_healthy(self, name: str) -> bool:
        """What the file's own health check says."""
        kind, *check = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        ended = subprocess.run(
            self.command(check, name), cwd=ROOT, env=self.environment(name), capture_output=True, check=False
        )
        return ended.returncode == 0

    def close(self) -> None:
        for process in self.started.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def _here(self, name: str, text: str) -> str:
        for place, here in self.places.items():
            text = text.replace(place, here)
        for own in INSIDE:
            if not self._listens_on(name, own):
                continue
            here = self.ports[name, own]
            text = here if text == own else text.replace(f"127.0.0.1:{own}/", f"127.0.0.1:{here}/")
        return text

    def _listens_on(self, name: str, port: str) -> bool:
        return port in self.services[name].get("environment", {}).values()


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Real servers, a migrated store, and all five services started at once."""
    folder = tmp_path_factory.mktemp("composed")
    with ExitStack() as stack:
        database = stack.enter_context(running(stack.enter_context(postgresql(folder))))
        make_role_and_database(database)
        influx = stack.enter_context(running(influxd(folder)))
        create_influx_database(influx.url, "cc")
        origin = influx.url.removeprefix("influxdb1+").removesuffix("/cc")
        shim = stack.enter_context(v2_shim(origin, token=WORDS["INFLUXDB_TOKEN"], organisation="sheetal"))
        broker = stack.enter_context(running(broker_of(folder)))
        places = {
            "postgres:5432": f"127.0.0.1:{port_of(database.url)}",
            "influxdb:8086": shim.url.removeprefix("http://"),
            "mosquitto:1883": f"127.0.0.1:{port_of(broker.url)}",
            "/run/secrets/field_keys": str(folder / "field-keys"),
            "/run/certificate-keys": str(folder / "certificate-keys"),
            "/srv/mirror": str(folder / "mirror"),
            "/run/gateway-ca": str(folder / "gateway-ca"),
            "/srv/gateways": str(folder / "gateways"),
        }
        made = Composed({name: filled(raw())["services"][name] for name in OURS}, places, folder)
        stack.callback(made.close)
        (folder / "field-keys").write_text("k1:" + base64.b64encode(bytes(range(32))).decode() + "\n")
        (folder / "mirror").mkdir()
        (folder / "gateways").mkdir()
        make_authority(folder / "gateway-ca", name="State", demo=False, now_ms=now_ms())
        make_keys(folder / "certificate-keys", issuer="State", country="IN", demo=False, now_ms=now_ms())
        assert made.start("migrate").wait(READY_SECONDS_MAX) == 0, made.log("migrate")
        for name in RUNNING:
            made.start(name)
        yield made


def make_role_and_database(database: Server) -> None:
    """What PostgreSQL's image makes of POSTGRES_USER and POSTGRES_DB."""
    address = f"host=127.0.0.1 port={port_of(database.url)} user=postgres dbname=postgres"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE ROLE sheetal SUPERUSER LOGIN PASSWORD 'postgrespassword'")
        connection.execute("CREATE DATABASE sheetal OWNER sheetal")


def broker_of(folder: Path) -> Server:
    """Mosquitto with the shipped access rules and the passwords of the .env file."""
    programs = demo_mosquitto.find()
    assert programs is not None
    passwords = {
        "ingest": WORDS["INGEST_BROKER_PASSWORD"],
        "alerts": WORDS["ALERTS_BROKER_PASSWORD"],
        GATEWAY: "the gateway's",
    }
    port = free_port()
    settings = demo_mosquitto.write_settings(programs, folder, port, passwords)
    command = [programs.broker, "-c", str(settings)]
    return Server(f"mqtt://127.0.0.1:{port}", command, folder / "broker.log", lambda: port_answers(port))


def until_healthy(composed: Composed, name: str) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not composed.is_healthy(name):
        assert composed.started[name].poll() is None, composed.log(name)
        assert time.monotonic() < deadline, composed.log(name)
        time.sleep(0.2)


def test_nothing_but_places_was_changed(composed: Composed) -> None:
    for name in OURS:
        written, used = composed.services[name]["environment"], composed.environment(name)
        assert set(used) == {*written, "PATH"}
        assert {variable for variable in written if used[variable] != written[variable]} == PLACES & set(written)


@pytest.mark.parametrize("name", RUNNING)
def test_its_health_check_is_answered(composed: Composed, name: str) -> None:
    until_healthy(composed, name)


def test_a_reading_goes_the_whole_way_in_this_arrangement(composed: Composed) -> None:
    until_healthy(composed, "ingest")
    environment = composed.environment("ingest")
    cipher = FieldCipher.from_file(Path(environment["SHEETAL_FIELD_KEY_FILE"]))
    with closing(open_ledger(environment["SHEETAL_LEDGER_URL"])) as ledger, ledger.write() as connection:
        assets.add_facility(connection, FACILITY, now_ms())
        assets.add_gateway(connection, cipher, GATEWAY, FACILITY.id, KEY, now_ms())
    at_ms = now_ms() - 60_000
    batch = Batch(gateway=GATEWAY, boot=1, sent_at_ms=at_ms, rows=[Row(1, at_ms, f"{GATEWAY}.tvc", 431, 0)])
    port = int(environment["SHEETAL_BROKER_URL"].rpartition(":")[2])
    with User(port, GATEWAY, "the gateway's") as gateway:
        assert gateway.subscribe(of_gateway(GATEWAY, Channel.ACK))
        gateway.publish(of_gateway(GATEWAY, Channel.DATA), seal(Channel.DATA, GATEWAY, KEY, batch))
        assert b'"stored":[[1,1]]' in gateway.next()[1]
    with closing(open_readings(environment["SHEETAL_READINGS_URL"], environment["SHEETAL_READINGS_TOKEN"])) as store:
        (reading,) = store.read(f"{GATEWAY}.tvc", 0, 2 * now_ms())
    assert (reading.measured_at_ms, reading.centi_celsius) == (at_ms, 431)


def test_each_stops_cleanly_within_its_grace_and_is_then_not_healthy(
    composed: Composed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    second = Composed(composed.services, composed.places, tmp_path_factory.mktemp("second"))
    try:
        for name in RUNNING:
            second.start(name)
        for name in RUNNING:
            until_healthy(second, name)
        for name in RUNNING:
            grace = float(second.services[name]["stop_grace_period"].removesuffix("s"))
            second.started[name].send_signal(signal.SIGTERM)
            assert second.started[name].wait(grace) == 0, second.log(name)
            assert not second.is_healthy(name)
    finally:
        second.close()


@pytest.mark.parametrize("name", ["ingest", "alerts", "portal", "portal-worker"])
def test_without_its_secret_it_refuses_to_start(composed: Composed, tmp_path: Path, name: str) -> None:
    places = {**composed.places, "/run/secrets/field_keys": str(tmp_path / "nowhere")}
    without = Composed(composed.services, places, tmp_path)
    try:
        assert without.start(name).wait(READY_SECONDS_MAX) == 2
        assert "SHEETAL_FIELD_KEY_FILE" in without.log(name)
    finally:
        without.close()


def test_demo_keys_are_refused_in_production(composed: Composed, tmp_path: Path) -> None:
    make_keys(tmp_path / "keys", issuer="Demo", country="IN", demo=True, now_ms=now_ms())
    places = {**composed.places, "/run/certificate-keys": str(tmp_path / "keys")}
    for name in ("portal", "portal-worker"):
        without = Composed(composed.services, places, tmp_path)
        try:
            assert without.start(name).wait(READY_SECONDS_MAX) == 2
            assert "SHEETAL_CERTIFICATE_KEY_FOLDER" in without.log(name)
        finally:
            without.close()


def test_a_demo_authority_is_refused_in_production(composed: Composed, tmp_path: Path) -> None:
    make_authority(tmp_path / "ca", name="Demo", demo=True, now_ms=now_ms())
    places = {**composed.places, "/run/gateway-ca": str(tmp_path / "ca")}
    for name in ("portal", "portal-worker"):
        without = Composed(composed.services, places, tmp_path)
        try:
            assert without.start(name).wait(READY_SECONDS_MAX) == 2
            assert "SHEETAL_GATEWAY_CA_FOLDER" in without.log(name)
        finally:
            without.close()


def test_the_worker_gives_the_broker_its_authority_and_a_list(composed: Composed) -> None:
    until_healthy(composed, "portal-worker")
    assert {path.name for path in (composed.folder / "gateways").iterdir()} == {"ca.pem", "gateways.crl"}


@pytest.fixture(scope="module")
def watching(composed: Composed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Debian's Prometheus over the shipped jobs and rules, asking the services of the file."""
    for name in RUNNING:
        until_healthy(composed, name)
    targets = {name: [f"127.0.0.1:{composed.ports[name, '8080']}"] for name in RUNNING}
    with running(prometheus(tmp_path_factory.mktemp("prometheus"), targets)) as server:
        until(lambda: len(query(server, "up == 1")) == len(RUNNING), "every service tells its numbers")
        yield server


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 2 * READY_SECONDS_MAX
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_prometheus_reads_every_service(watching: Server) -> None:
    said = {(found["metric"]["job"], found["metric"]["service"]) for found in query(watching, "sheetal_build_info")}
    assert said == {(name, "portal.standby" if name == "standby" else name.replace("-", ".")) for name in RUNNING}
    until(lambda: not query(watching, "sheetal_metrics_source_failed == 1"), "every part can be read")


def test_no_alert_stands_while_all_is_well(watching: Server) -> None:
    until(lambda: query(watching, "sheetal_ingest_ready == 1"), "ingest takes work")
    until(lambda: query(watching, "sheetal_alerts_leader == 1"), "somebody judges")
    firing = 'ALERTS{alertstate="firing",severity="page",alertname!="DiskFilling"}'
    until(lambda: not query(watching, firing), "nobody is called")


def test_the_running_services_tell_every_name_that_dashboard_and_rules_ask_for(watching: Server) -> None:
    """All but what is told only once it has happened, each with a label for what it was."""
    told = set(ask(watching, "label/__name__/values"))
    happens = {metric.name for metrics in SERVICES.values() for metric in metrics if metric.labels}
    asked = {name for one in expressions() for name in one.metrics} - {"up", "ALERTS"}
    untold = {name for name in asked - told if not any(name.startswith(one) for one in happens)}
    assert untold == set()
    assert len(told & asked) >= 70


def test_a_public_port_tells_strangers_no_numbers(composed: Composed) -> None:
    for name, inside in (("portal", "8000"), ("standby", "8001")):
        port = composed.ports[name, inside]
        for page in ("metrics", "readyz"):
            assert ask_health(f"http://127.0.0.1:{port}/{page}")[1].startswith("404"), (name, page)


def test_the_first_words_are_programs_of_the_environment(composed: Composed) -> None:
    for name in OURS:
        program = composed.services[name]["command"][0]
        assert program in {"python", "alembic"}
        assert os.access(f"{PROGRAMS}/{program}", os.X_OK)
