"""A running district: keys, seeded ledger, servers, services, simulator, gateways, in the order they need."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Self

from demo import gateways, seed_assets, seed_stock, servers
from demo.supervisor import ProcessSpec, Supervisor, python_module
from firmware_sim.scenario import load_scenario
from portal.certificate.keys import SigningKeys, make_keys
from portal.orchestration.gateway_ca import Authority, make_authority, make_server_certificate
from sheetal.contracts import clock
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import alarms, judgements, schema, stock
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.field_cipher import FieldCipher

if TYPE_CHECKING:
    from types import TracebackType

    from demo.plan import Plan
    from portal.certificate.keys import TrustedKey
    from sheetal.ledger.alarms import Alarm
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.stock import Holding

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "firmware_sim" / "scenarios" / "district.toml"
FIELD_KEY_BYTES = 32
ALARMS_MAX = 50
BROKER_USERS = ("ingest", "alerts")
STOCKED_AFTER_MS = 10 * MINUTE_MS


class District:
    """The demo as a context manager; leaving it stops every process it started.

    Without `simulated` there are no refrigerators and no gateways: whoever uses it sends by itself. Raises
    SettingProblem for a server that was asked for and is not there, Unavailable for a process that does not start.
    """

    def __init__(self, plan: Plan, *, simulated: bool = True, scenario: Path = SCENARIO) -> None:
        self.plan = plan
        self.scenario = load_scenario(scenario)
        self._scenario_file = scenario
        self.seed = seed_stock.load_seed()
        users = [*BROKER_USERS, *gateways.names(self.scenario)]
        ports = plan.ports
        by_certificate = (ports.broker_by_certificate, plan.gateway_authority)
        self.broker = servers.choose_broker(plan.folder, ports.broker, plan.broker, users, by_certificate)
        self.readings = servers.choose_readings(plan.folder, ports.influxd, ports.influxd_rpc, plan.readings)
        self.supervisor = Supervisor(plan.logs, ROOT)
        self._simulated = simulated
        self._ledger: Ledger | None = None

    def __enter__(self) -> Self:
        try:
            self.prepare()
            self._start()
        except BaseException:  # whatever broke the start, Ctrl-C among it, nothing may be left running
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop every process; safe to call twice."""
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()
        self.supervisor.stop()

    def now_ms(self) -> int:
        """This machine's clock, which the simulated one reaches."""
        return clock.now_ms()

    def sensors(self) -> list[str]:
        """Every sensor of the scenario."""
        return [hub.sensor(appliance) for hub in self.scenario.hubs for appliance in hub.appliances]

    def alarms(self) -> list[Alarm]:
        """The newest device alarms in the ledger."""
        with self.ledger.read() as connection:
            return alarms.alarms(connection, limit=ALARMS_MAX)

    def holding(self, holding_id: str) -> Holding:
        """A holding as it stands now."""
        with self.ledger.read() as connection:
            return stock.holding_by_id(connection, holding_id)

    def latest_verdict(self, holding_id: str) -> int:
        """The number of the newest verdict on a holding; raises Unavailable before the first."""
        with self.ledger.read() as connection:
            found = judgements.latest_verdict(connection, holding_id)
        if found is None:
            raise Unavailable("no verdict yet", holding=holding_id)
        return found.id

    def trust(self) -> list[TrustedKey]:
        """The signers a verifier of this district believes, from the issuing authority's own files."""
        keys = SigningKeys.load(
            self.plan.certificate_keys, demo_allowed=True, standby_url=self.plan.standby_url, now_ms=self.now_ms()
        )
        return keys.trust

    def portal_answers(self) -> bool:
        """Whether the live portal is up."""
        return servers.answers(f"{self.portal_url}/healthz")

    @property
    def ledger(self) -> Ledger:
        """The ledger, read from outside the services; closed when the district is."""
        if self._ledger is None:
            self._ledger = open_ledger(self.plan.ledger)
        return self._ledger

    @property
    def portal_url(self) -> str:
        """The live portal's address."""
        return self.plan.portal_url

    @property
    def standby_url(self) -> str:
        """The static site's address."""
        return self.plan.standby_url

    @property
    def local_page_url(self) -> str:
        """The first gateway's own page."""
        return f"http://127.0.0.1:{self.plan.ports.local_page_first}/gw"

    @property
    def local_page_code(self) -> str:
        """How its set-up page is opened."""
        return f"set-up code {gateways.device_code(self.scenario.hubs[0].gateway)}"

    @property
    def password(self) -> str:
        """The one password of every demo log-in."""
        return self.seed.password

    @property
    def other_logins(self) -> list[str]:
        """Log-ins that the first screen names only in passing."""
        return [one.login for one in self.seed.staff if one.login not in {"officer", "vaccinator"}]

    @property
    def broker_label(self) -> str:
        """Which broker runs."""
        return self.broker.label

    @property
    def readings_label(self) -> str:
        """Which readings store is used."""
        return self.readings.label

    @property
    def ledger_label(self) -> str:
        """Which database holds the ledger."""
        return "PostgreSQL" if self.plan.ledger.startswith("postgresql") else "SQLite"

    @property
    def freezing_appliance(self) -> str:
        """The refrigerator that freezes."""
        return self.seed.freezing_appliance

    @property
    def freezing_holding(self) -> str:
        """The holding in the refrigerator that freezes."""
        return self.seed.freezing_holding

    @property
    def good_holding(self) -> str:
        """The holding beside it that stays good."""
        return self.seed.good_holding

    @property
    def freezing_name(self) -> str:
        """What people call the refrigerator that freezes."""
        return next(one.name for one in self.scenario.appliances if one.appliance == self.seed.freezing_appliance)

    @property
    def freezing_place(self) -> str:
        """The facility where it stands."""
        return next(
            hub.facility_name
            for hub in self.scenario.hubs
            for one in hub.appliances
            if one.appliance == self.seed.freezing_appliance
        )

    @property
    def freezing_sensor(self) -> str:
        """The sensor of the refrigerator that freezes."""
        return next(
            hub.sensor(appliance)
            for hub in self.scenario.hubs
            for appliance in hub.appliances
            if appliance.appliance == self.seed.freezing_appliance
        )

    @property
    def history_from_ms(self) -> int:
        """An instant before the first reading."""
        return self._since_ms

    def prepare(self) -> None:
        """Folders, keys, the migrated and seeded ledger, the gateways' files."""
        plan = self.plan
        for folder in (plan.folder / "data", plan.folder / "keys", plan.mirror):
            folder.mkdir(parents=True, exist_ok=True)
        now_ms = self.now_ms()
        self._since_ms = now_ms - self.scenario.history_minutes * MINUTE_MS - HOUR_MS
        _write_field_key(plan.field_keys)
        make_keys(plan.certificate_keys, issuer="Demo State Health Department", country="IN", demo=True, now_ms=now_ms)
        _make_gateway_authority(plan.gateway_authority, now_ms)
        schema.upgrade(plan.ledger, plan.telemetry)
        cipher = FieldCipher.from_file(plan.field_keys)
        self.gateway_keys = gateways.write_all(plan, self.scenario, self.broker.url, self.broker.passwords)
        with self.ledger.write() as connection:
            seed_assets.seed_assets(connection, cipher, self.scenario, self.gateway_keys, self._since_ms)
            # Stock came in after the first reading: time before it would be a gap that nothing covers.
            stocked_at_ms = self._since_ms + HOUR_MS + STOCKED_AFTER_MS
            seed_stock.seed_stock(connection, self.seed, self.scenario, stocked_at_ms, now_ms)
            seeded = seed_stock.seed_people(connection, cipher, self.seed, now_ms)
        self.session, self.appointments = seeded.session, seeded.appointments

    def _start(self) -> None:
        """Servers, then services, then the simulator and its gateways; each group is awaited."""
        ground = [chosen.process for chosen in (self.broker, self.readings) if chosen.process]
        district = [[self._simulator()], self._gateways()] if self._simulated else []
        for group in (ground, self.services(), *district):
            for spec in group:
                self.supervisor.start(spec)
            self.supervisor.wait_ready([spec.name for spec in group])

    def services(self) -> list[ProcessSpec]:
        """Our five services, each with its whole environment."""
        ports = self.plan.ports
        return [
            self._service("portal", ports.portal, {}),
            self._service("alerts", ports.alerts_health, {"SHEETAL_HEALTH_PORT": str(ports.alerts_health)}),
            self._service("ingest", ports.ingest_health, {"SHEETAL_HEALTH_PORT": str(ports.ingest_health)}),
            self._service("portal.worker", ports.worker_health, {"SHEETAL_HEALTH_PORT": str(ports.worker_health)}),
            self._service("portal.standby", ports.standby, {}),
        ]

    def _service(self, module: str, port: int, extra: dict[str, str]) -> ProcessSpec:
        environment = {**self.plan.environment(self.broker.url, self.readings.url), **extra}
        environment["SHEETAL_GATEWAY_BROKER_URL"] = self.broker.gateway_url
        if module in self.broker.passwords:
            environment["SHEETAL_BROKER_USERNAME"] = module
            environment["SHEETAL_BROKER_PASSWORD"] = self.broker.passwords[module]
        url = f"http://127.0.0.1:{port}/healthz"
        return ProcessSpec(module, python_module(module), environment, lambda: servers.answers(url))

    def _simulator(self) -> ProcessSpec:
        first = self.plan.ports.simulator_first
        truth = self.plan.folder / "truth" / "truth.jsonl"
        truth.parent.mkdir(parents=True, exist_ok=True)
        command = python_module(
            "firmware_sim", "--scenario", str(self._scenario_file), "--ports-from", str(first), "--truth", str(truth)
        )
        return ProcessSpec("firmware_sim", command, {}, lambda: servers.port_is_open(first))

    def _gateways(self) -> list[ProcessSpec]:
        return [
            ProcessSpec(
                hub.gateway,
                python_module("edge_agent", "run", "--config", str(self.plan.gateways / f"{hub.gateway}.toml")),
            )
            for hub in self.scenario.hubs
        ]


def _write_field_key(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_text("demo:" + base64.b64encode(secrets.token_bytes(FIELD_KEY_BYTES)).decode() + "\n")


def _make_gateway_authority(folder: Path, now_ms: int) -> None:
    """The demo's authority, and the certificate by which its broker is known."""
    make_authority(folder, name="Demo State Health Department", demo=True, now_ms=now_ms)
    authority = Authority.load(folder, demo_allowed=True, now_ms=now_ms)
    make_server_certificate(authority, folder, ["127.0.0.1", "localhost"], now_ms)
