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
from sheetal.contracts import clock
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.ledger import alarms, schema, stock
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.field_cipher import FieldCipher

if TYPE_CHECKING:
    from types import TracebackType

    from demo.plan import Plan
    from portal.certificate.keys import TrustedKey
    from sheetal.ledger.alarms import Alarm
    from sheetal.ledger.stock import Holding

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "firmware_sim" / "scenarios" / "district.toml"
FIELD_KEY_BYTES = 32
ALARMS_MAX = 50
STOCKED_AFTER_MS = 10 * MINUTE_MS


class District:
    """The demo as a context manager; leaving it stops every process it started."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.supervisor = Supervisor(plan.logs, ROOT)
        self._scenario = load_scenario(SCENARIO)
        self._seed = seed_stock.load_seed()
        self._broker = servers.choose_broker(plan.folder, plan.ports.broker, plan.broker)
        self._readings = servers.choose_readings(plan.folder, plan.ports.influxd, plan.readings)

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self._start()
        except BaseException:  # whatever broke the start, Ctrl-C among it, nothing may be left running
            self.supervisor.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.close()
        self.supervisor.stop()

    def now_ms(self) -> int:
        """This machine's clock, which the simulated one reaches."""
        return clock.now_ms()

    def sensors(self) -> list[str]:
        """Every sensor of the scenario."""
        return [hub.sensor(appliance) for hub in self._scenario.hubs for appliance in hub.appliances]

    def alarms(self) -> list[Alarm]:
        """The newest device alarms in the ledger."""
        with self._ledger.read() as connection:
            return alarms.alarms(connection, limit=ALARMS_MAX)

    def holding(self, holding_id: str) -> Holding:
        """A holding as it stands now."""
        with self._ledger.read() as connection:
            return stock.holding_by_id(connection, holding_id)

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
    def password(self) -> str:
        """The one password of every demo log-in."""
        return self._seed.password

    @property
    def other_logins(self) -> list[str]:
        """Log-ins that the first screen names only in passing."""
        return [one.login for one in self._seed.staff if one.login not in {"officer", "vaccinator"}]

    @property
    def broker_label(self) -> str:
        """Which broker runs."""
        return self._broker.label

    @property
    def readings_label(self) -> str:
        """Which readings store is used."""
        return self._readings.label

    @property
    def ledger_label(self) -> str:
        """Which database holds the ledger."""
        return "PostgreSQL" if self.plan.ledger.startswith("postgresql") else "SQLite"

    @property
    def freezing_holding(self) -> str:
        """The holding in the refrigerator that freezes."""
        return self._seed.freezing_holding

    @property
    def good_holding(self) -> str:
        """The holding beside it that stays good."""
        return self._seed.good_holding

    @property
    def freezing_name(self) -> str:
        """What people call the refrigerator that freezes."""
        return next(one.name for one in self._scenario.appliances if one.appliance == self._seed.freezing_appliance)

    @property
    def freezing_place(self) -> str:
        """The facility where it stands."""
        return next(
            hub.facility_name
            for hub in self._scenario.hubs
            for one in hub.appliances
            if one.appliance == self._seed.freezing_appliance
        )

    @property
    def freezing_sensor(self) -> str:
        """The sensor of the refrigerator that freezes."""
        return next(
            hub.sensor(appliance)
            for hub in self._scenario.hubs
            for appliance in hub.appliances
            if appliance.appliance == self._seed.freezing_appliance
        )

    @property
    def history_from_ms(self) -> int:
        """An instant before the first reading."""
        return self._since_ms

    def _prepare(self) -> None:
        """Folders, keys, the migrated and seeded ledger, the gateways' files."""
        plan = self.plan
        for folder in (plan.folder / "data", plan.folder / "keys", plan.mirror):
            folder.mkdir(parents=True, exist_ok=True)
        now_ms = self.now_ms()
        self._since_ms = now_ms - self._scenario.history_minutes * MINUTE_MS - HOUR_MS
        _write_field_key(plan.field_keys)
        make_keys(plan.certificate_keys, issuer="Demo State Health Department", country="IN", demo=True, now_ms=now_ms)
        schema.upgrade(plan.ledger, plan.telemetry)
        self._ledger = open_ledger(plan.ledger)
        cipher = FieldCipher.from_file(plan.field_keys)
        keys = gateways.write_all(plan, self._scenario, self._broker.url)
        with self._ledger.write() as connection:
            seed_assets.seed_assets(connection, cipher, self._scenario, keys, self._since_ms)
            # Stock came in after the first reading: time before it would be a gap that nothing covers.
            stocked_at_ms = self._since_ms + HOUR_MS + STOCKED_AFTER_MS
            seed_stock.seed_stock(connection, self._seed, self._scenario, stocked_at_ms, now_ms)
            seeded = seed_stock.seed_people(connection, cipher, self._seed, now_ms)
        self.session, self.appointments = seeded.session, seeded.appointments

    def _start(self) -> None:
        """Servers, then services, then the simulator and its gateways; each group is awaited."""
        ground = [chosen.process for chosen in (self._broker, self._readings) if chosen.process]
        for group in (ground, self._services(), [self._simulator()], self._gateways()):
            for spec in group:
                self.supervisor.start(spec)
            self.supervisor.wait_ready([spec.name for spec in group])

    def _services(self) -> list[ProcessSpec]:
        ports = self.plan.ports
        return [
            self._service("portal", ports.portal, {}),
            self._service("alerts", ports.alerts_health, {"SHEETAL_HEALTH_PORT": str(ports.alerts_health)}),
            self._service("ingest", ports.ingest_health, {"SHEETAL_HEALTH_PORT": str(ports.ingest_health)}),
            self._service("portal.worker", ports.worker_health, {"SHEETAL_HEALTH_PORT": str(ports.worker_health)}),
            self._service("portal.standby", ports.standby, {}),
        ]

    def _service(self, module: str, port: int, extra: dict[str, str]) -> ProcessSpec:
        environment = {**self.plan.environment(self._broker.url, self._readings.url), **extra}
        url = f"http://127.0.0.1:{port}/healthz"
        return ProcessSpec(module, python_module(module), environment, lambda: servers.answers(url))

    def _simulator(self) -> ProcessSpec:
        first = self.plan.ports.simulator_first
        truth = self.plan.folder / "truth" / "truth.jsonl"
        truth.parent.mkdir(parents=True, exist_ok=True)
        command = python_module(
            "firmware_sim", "--scenario", str(SCENARIO), "--ports-from", str(first), "--truth", str(truth)
        )
        return ProcessSpec("firmware_sim", command, {}, lambda: servers.port_is_open(first))

    def _gateways(self) -> list[ProcessSpec]:
        return [
            ProcessSpec(
                hub.gateway,
                python_module("edge_agent", "run", "--config", str(self.plan.gateways / f"{hub.gateway}.toml")),
            )
            for hub in self._scenario.hubs
        ]


def _write_field_key(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_text("demo:" + base64.b64encode(secrets.token_bytes(FIELD_KEY_BYTES)).decode() + "\n")
