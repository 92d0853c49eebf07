"""A gateway's whole life with real processes: taken in by the portal, let in by the broker, managed, thrown out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demo import mosquitto as demo_mosquitto
from demo.servers import answers
from portal.orchestration.gateway_ca import Authority, make_authority, make_server_certificate
from portal.orchestration.revocations import write_list
from sheetal.contracts.clock import now_ms
from sheetal.contracts.twin import CommandKind, Outcome, TwinState
from sheetal.ledger import assets, enrolment, gateway_twins, schema
from sheetal.ledger.connect import open_ledger
from tests.edge_agent.kit import MINUTE_MS, Hub, record, until
from tests.stack.broker_office import shipped_text
from tests.stack.servers import MOSQUITTO, Server, free_port, port_answers, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.gateway_twins import Twin

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
ROOT = Path(__file__).resolve().parents[2]
SOURCE = '\n[[source]]\nkind = "ds01_tcp"\nport = {port}\n[[source.probe]]\nprobe = "ilr1-tvc"\nappliance = "ILR-1"\n'


class District:
    """The services around one gateway-to-be; `ledger` is the test's own window into the ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.etc = folder / "etc"
        self.inner, self.outer, self.web = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web}"
        self.passwords = demo_mosquitto.make_passwords(["ingest", "alerts"])
        self.ca_folder = folder / "ca"
        make_authority(self.ca_folder, name="State", demo=False, now_ms=now_ms())
        self.authority = Authority.load(self.ca_folder, demo_allowed=False, now_ms=now_ms())
        (folder / "field.keys").write_text("k1:" + "A" * 43 + "=\n")
        (folder / "field.keys").chmod(0o600)
        self.stores = f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db"
        schema.upgrade(*self.stores)
        self.ledger: Ledger = open_ledger(self.stores[0])
        self.broker = self._broker()

    @property
    def environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
        return plain | {
            "SHEETAL_LEDGER_URL": self.stores[0],
            "SHEETAL_TELEMETRY_URL": self.stores[1],
            "SHEETAL_READINGS_URL": f"sqlite:///{self.folder}/readings.db",
            "SHEETAL_BROKER_URL": f"mqtt://127.0.0.1:{self.inner}",
            "SHEETAL_FIELD_KEY_FILE": str(self.folder / "field.keys"),
            "SHEETAL_GATEWAY_CA_FOLDER": str(self.ca_folder),
            "SHEETAL_GATEWAY_BROKER_URL": f"mqtts://127.0.0.1:{self.outer}",
            "SHEETAL_PORTAL_PORT": str(self.web),
            "SHEETAL_PORTAL_URL": self.url,
        }

    def _broker(self) -> Server:
        place = self.folder / "broker"
        programs = demo_mosquitto.find()
        assert programs is not None
        demo_mosquitto.write_settings(programs, place, 1, self.passwords)
        make_server_certificate(self.authority, place, ["127.0.0.1"], now_ms())
        (place / "ca.pem").write_text(self.authority.pem)
        write_list(self.authority, place / "gateways.crl", {}, now_ms())
        settings = place / "shipped.conf"
        settings.write_text(("user root\n" if os.geteuid() == 0 else "") + shipped_text(place, self.inner, self.outer))
        command = [str(MOSQUITTO), "-c", str(settings)]
        return Server("", command, place / "shipped.log", lambda: port_answers(self.outer))

    @contextmanager
    def service(self, module: str) -> Iterator[None]:
        own = {"SHEETAL_HEALTH_PORT": str(free_port())}
        if module in self.passwords:
            own |= {"SHEETAL_BROKER_USERNAME": module, "SHEETAL_BROKER_PASSWORD": self.passwords[module]}
        health = f"http://127.0.0.1:{self.web if module == 'portal' else own['SHEETAL_HEALTH_PORT']}/healthz"
        with ended(module, environment=self.environment | own, log=self.folder / f"{module}.log"):
            until(lambda: answers(health), 40)
            yield

    def add_facility(self) -> None:
        place = assets.Facility(
            id="F-1",
            name="A place",
            name_hindi="जगह",
            kind="session_site",
            state_id="9",
            state_name="UP",
            district_id="1",
            district_name="D",
        )
        with self.ledger.write() as conn:
            assets.add_facility(conn, place, now_ms())

    def issue_code(self) -> str:
        with self.ledger.write() as conn:
            return enrolment.issue_code(conn, "gw-77", "F-1", "officer", now_ms())

    @property
    def twin(self) -> Twin:
        with self.ledger.read() as conn:
            return gateway_twins.twin(conn, "gw-77")

    def want(self, config: object) -> int:
        with self.ledger.write() as conn:
            built_on = gateway_twins.twin(conn, "gw-77").desired_version
            return gateway_twins.send_desired(conn, "gw-77", config, built_on, "officer", now_ms())

    def order(self, kind: CommandKind) -> str:
        with self.ledger.write() as conn:
            return gateway_twins.send_command(conn, "gw-77", kind, "officer", now_ms()).id

    def outcomes(self) -> dict[str, Outcome]:
        reported = self.twin.reported
        return {outcome.id: outcome for outcome in reported.outcomes} if reported else {}

    def state(self) -> tuple[int, TwinState] | None:
        reported = self.twin.reported
        return (reported.version, reported.state) if reported else None


@contextmanager
def ended(*arguments: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A module as a process, ended by its own id whatever happens."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    with ExitStack() as stack:
        made = District(tmp_path)
        stack.enter_context(closing(made.ledger))
        made.add_facility()
        stack.enter_context(running(made.broker))
        for module in ("ingest", "alerts", "portal"):
            stack.enter_context(made.service(module))
        yield made


def command(district: District, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "edge_agent", *arguments]
    return subprocess.run(
        program, cwd=ROOT, env=district.environment, input=answer, capture_output=True, text=True, check=False
    )


def enrol(district: District, code: str) -> subprocess.CompletedProcess[str]:
    place = ["--portal", district.url, "--gateway", "gw-77", "--folder", str(district.etc)]
    return command(district, "enrol", *place, answer=f"{code}\n")


def test_from_the_code_on_paper_to_the_end(district: District) -> None:
    wrong = enrol(district, "22222-22222")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "ask for a new one in the portal" in wrong.stderr
    code = district.issue_code()
    done = enrol(district, f"{code[:5]}-{code[5:]}".lower())
    assert done.returncode == 0, done.stderr
    again = enrol(district, code)
    assert again.returncode == 1
    checked = command(district, "check", "--config", str(district.etc / "gateway.toml"))
    assert checked.returncode == 0, checked.stdout
    assert "name proved" in checked.stdout
    with Hub() as hub:
        settings = district.etc / "gateway.toml"
        settings.write_text(settings.read_text() + SOURCE.format(port=hub.port))
        run = ("edge_agent", "run", "--config", str(settings))
        with ended(*run, environment=district.environment, log=district.folder / "gateway.log") as process:
            is_managed(district, hub)
            assert process.poll() is None
            is_thrown_out(district)
            assert process.poll() is None, "a gateway that is retired keeps on measuring"
    log = (district.folder / "gateway.log").read_text()
    assert "Traceback" not in log


def is_managed(district: District, hub: Hub) -> None:
    begin_ms = now_ms() - 30 * MINUTE_MS
    hub.say(*[record(begin_ms + number * MINUTE_MS, 4.5) for number in range(20)])
    until(lambda: district.state() == (0, TwinState.AS_INSTALLED), 30)
    reported = district.twin.reported
    assert reported is not None
    config: dict[str, Any] = json.loads(bytes(reported.config))
    config["source"][0]["probe"][0] |= {"interval_ms": 30_000, "heat_alarm_minutes": 5}
    version = district.want(config)
    until(lambda: district.state() == (version, TwinState.APPLIED), 40)
    version = district.want(config | {"gateway": {"broker_url": "mqtt://evil.example"}})
    until(lambda: district.state() == (version, TwinState.REFUSED), 30)
    order = district.order(CommandKind.SEND_LOG)
    until(lambda: order in district.outcomes(), 30)
    assert "holds" in district.outcomes()[order].detail


def is_thrown_out(district: District) -> None:
    with district.ledger.write() as conn:
        assert enrolment.revoke_gateway(conn, "gw-77", "officer", now_ms())
        revoked = enrolment.revoked_serials(conn, now_ms())
    write_list(district.authority, district.folder / "broker" / "gateways.crl", revoked, now_ms())
    district.broker.stop()
    district.broker.start()
    log = district.folder / "gateway.log"
    until(lambda: "certificate is revoked" in log.read_text(), 30)
