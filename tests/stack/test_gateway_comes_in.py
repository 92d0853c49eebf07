"""A gateway's whole life against real processes: code, enrolment, certificate, twin, order, revocation.

Portal, portal.worker, ingest and alerts on SQLite, Mosquitto with the shipped settings, and the gateway's own commands.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from edge_agent.uplink.broker_trouble import CLOSED_EARLY
from portal.certificate.keys import make_keys
from portal.orchestration.revocations import read_list
from sheetal.contracts.clock import now_ms
from sheetal.contracts.twin import CommandKind, Outcome, TwinState
from sheetal.ledger import enrolment, gateway_twins, judgements, schema, telemetry
from sheetal.ledger.assets import add_facility
from sheetal.ledger.connect import open_ledger, open_telemetry
from tests.edge_agent.kit import MINUTE_MS, Hub, record
from tests.ingest.enrolled import FACILITY
from tests.stack.broker_office import open_office
from tests.stack.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.stack.broker_office import Office

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = "gw-field"
SECONDS_MAX = 40.0
PROBE = "ilr1-tvc"
SOURCE = f'\n[[source]]\nkind = "ds01_tcp"\nport = {{port}}\n[[source.probe]]\nprobe = "{PROBE}"\nappliance = "ILR-1"\n'


def until(true: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not true():
        assert time.monotonic() < deadline, f"waited in vain {what}"
        time.sleep(0.1)


class Program:
    """One of ours in a process of its own, its log in a file."""

    def __init__(self, folder: Path, words: list[str], environment: dict[str, str]) -> None:
        self.log = folder / f"{words[0]}.log"
        own = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", *words]
            self.process = subprocess.Popen(command, cwd=ROOT, env=own | environment, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)

    def said(self) -> str:
        return self.log.read_text()


class World:
    """Everything but the gateway."""

    def __init__(self, folder: Path, office: Office) -> None:
        self.folder = folder
        self.office = office
        port, stores = free_port(), folder / "stores"
        stores.mkdir()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "SHEETAL_LEDGER_URL": f"sqlite:///{stores}/ledger.db",
            "SHEETAL_TELEMETRY_URL": f"sqlite:///{stores}/telemetry.db",
            "SHEETAL_READINGS_URL": f"sqlite:///{stores}/readings.db",
            "SHEETAL_FIELD_KEY_FILE": str(folder / "field.keys"),
            "SHEETAL_PORTAL_PORT": str(port),
            "SHEETAL_PORTAL_URL": self.url,
            "SHEETAL_BROKER_URL": f"mqtt://127.0.0.1:{office.inner}",
            "SHEETAL_GATEWAY_CA_FOLDER": str(office.folder),
            "SHEETAL_GATEWAY_BROKER_URL": f"mqtts://127.0.0.1:{office.outer}",
            "SHEETAL_CERTIFICATE_KEY_FOLDER": str(folder / "certificate-keys"),
            "SHEETAL_MIRROR_FOLDER": str(folder / "mirror"),
        }
        (folder / "mirror").mkdir()
        (folder / "field.keys").write_text("k1:" + base64.b64encode(bytes(range(32))).decode() + "\n")
        make_keys(folder / "certificate-keys", issuer="State", country="IN", demo=False, now_ms=now_ms())
        schema.upgrade(self.environment["SHEETAL_LEDGER_URL"], self.environment["SHEETAL_TELEMETRY_URL"])
        self.ledger = open_ledger(self.environment["SHEETAL_LEDGER_URL"])
        self.telemetry = open_telemetry(self.environment["SHEETAL_TELEMETRY_URL"])
        self.settings = folder / "gateway" / "gateway.toml"
        with self.ledger.write() as conn:
            add_facility(conn, FACILITY, now_ms())

    def service(self, name: str) -> Program:
        login = {"SHEETAL_BROKER_USERNAME": name, "SHEETAL_BROKER_PASSWORD": self.office.passwords.get(name, "")}
        return Program(self.folder, [name], self.environment | (login if name in self.office.passwords else {}))

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def code(self) -> str:
        with self.ledger.write() as conn:
            return enrolment.issue_code(conn, GATEWAY, FACILITY.id, "s-1", now_ms())

    def enrol(self, code: str) -> subprocess.CompletedProcess[str]:
        place = ["--portal", self.url, "--gateway", GATEWAY, "--folder", str(self.settings.parent)]
        return self.command("enrol", *place, answer=f"{code}\n")

    def command(self, *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge_agent", *words]
        return subprocess.run(command, input=answer, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    def gateway(self) -> Program:
        return Program(self.folder, ["edge_agent", "run", "--config", str(self.settings)], {})

    def has_stored(self) -> bool:
        with self.telemetry.read() as conn:
            return telemetry.sensor_states(conn, [f"{GATEWAY}.{PROBE}"]) != []

    def state(self) -> judgements.GatewayState | None:
        with self.ledger.read() as conn:
            return judgements.gateway_states(conn).get(GATEWAY)

    def twin(self) -> gateway_twins.Twin:
        with self.ledger.read() as conn:
            return gateway_twins.twin(conn, GATEWAY)

    def is_online(self) -> bool:
        found = self.state()
        return found is not None and found.online


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        office = stack.enter_context(open_office(tmp_path_factory.mktemp("office")))
        made = World(tmp_path_factory.mktemp("world"), office)
        stack.enter_context(closing(made.ledger))
        stack.enter_context(closing(made.telemetry))
        for name in ("portal", "ingest", "alerts", "portal.worker"):
            stack.enter_context(made.service(name))
        until(made.answers, "for the portal")
        yield made


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as opened:
        begin_ms = now_ms() - 30 * MINUTE_MS
        opened.say(*[record(begin_ms + number * MINUTE_MS, 4.5) for number in range(20)])
        yield opened


def test_a_gateways_whole_life(world: World, hub: Hub) -> None:
    comes_in(world)
    world.settings.write_text(world.settings.read_text() + SOURCE.format(port=hub.port))
    with world.gateway() as gateway:
        until(world.is_online, "for the birth by certificate")
        until(lambda: world.twin().reported is not None, "for the first report")
        until(world.has_stored, "for the first readings")
        change_and_order(world)
        refuses(world)
    until(lambda: not world.is_online(), "for the goodbye")

    first_key = (world.folder / "gateway" / f"{GATEWAY}.key").read_bytes()
    assert world.enrol(world.code()).returncode == 0
    assert (world.folder / "gateway" / f"{GATEWAY}.key").read_bytes() != first_key
    with world.gateway() as gateway:
        until(world.is_online, "for the birth under the new key")
        change_and_order(world)
        assert gateway.said().count("wrong_mac") <= 1, "only what the broker retained under the earlier key"

    revoke(world)
    with world.gateway() as gateway:
        until(lambda: refusals(gateway), "for the broker to refuse it")
        assert gateway.process.poll() is None, "it keeps measuring, and does not loop in haste"
        assert refusals(gateway) < 20
    assert not world.is_online()
    assert "Traceback" not in gateway.said()


def refusals(gateway: Program) -> int:
    """How often the broker's no was heard; it may hang up before its reason arrives."""
    return gateway.said().count("revoked") + gateway.said().count(CLOSED_EARLY)


def comes_in(world: World) -> None:
    wrong = world.enrol("22222-22222")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "not taken" in wrong.stderr
    assert "ask for a new one in the portal" in wrong.stderr
    code = world.code()
    done = world.enrol(f"{code[:5]}-{code[5:]}".lower())
    assert (done.returncode, done.stderr) == (0, "")
    assert world.enrol(code).returncode == 1, "a code is used once"
    checked = world.command("check", "--config", str(world.settings))
    assert checked.returncode == 0, checked.stdout
    assert "name proved" in checked.stdout


def change_and_order(world: World) -> None:
    told = world.twin().reported
    assert told is not None
    config = json.loads(bytes(told.config))
    config["uplink"]["message_rows"] = rows = config["uplink"]["message_rows"] + 1
    config["source"][0]["probe"][0] |= {"interval_ms": 30_000, "heat_alarm_minutes": rows}
    version = want(world, config)
    until(lambda: decided(world) == (version, TwinState.APPLIED), "for the change to be applied")
    with world.ledger.write() as conn:
        order = gateway_twins.send_command(conn, GATEWAY, CommandKind.SEND_LOG, "s-1", now_ms())
    found = world.twin().reported
    assert found is not None
    reported = json.loads(bytes(found.config))
    assert reported["uplink"]["message_rows"] == reported["source"][0]["probe"][0]["heat_alarm_minutes"] == rows
    until(lambda: any(one.id == order.id and one.done for one in outcomes(world)), "for the log")
    assert "holds" in next(one.detail for one in outcomes(world) if one.id == order.id)


def refuses(world: World) -> None:
    """What no office may set: where the gateway sends to."""
    told = world.twin().reported
    assert told is not None
    version = want(world, json.loads(bytes(told.config)) | {"gateway": {"broker_url": "mqtt://evil.example"}})
    until(lambda: decided(world) == (version, TwinState.REFUSED), "for the refusal")


def want(world: World, config: object) -> int:
    built_on = world.twin().desired_version
    with world.ledger.write() as conn:
        return gateway_twins.send_desired(conn, GATEWAY, config, built_on, "s-1", now_ms())


def decided(world: World) -> tuple[int, TwinState] | None:
    found = world.twin().reported
    return (found.version, found.state) if found is not None else None


def outcomes(world: World) -> list[Outcome]:
    found = world.twin().reported
    return found.outcomes if found else []


def revoke(world: World) -> None:
    """The act, the worker's list, and the reload that docs/deploy.md asks for."""
    with world.ledger.write() as conn:
        (serial,) = enrolment.revoke_gateway(conn, GATEWAY, "s-1", now_ms())
    until(lambda: serial in listed(world.office), "for the worker's list")
    world.office.tell_the_broker()


def listed(office: Office) -> set[str]:
    found = read_list(office.folder / "gateways.crl")
    return {f"{entry.serial_number:x}" for entry in found} if found is not None else set()
