"""Where everything of one demo stands: folders, ports, addresses, and the environment its services share."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path

GATEWAYS = 6
FREE_FROM, FREE_UNTIL = 20_000, 32_000
"""Below the ports that systems give to outgoing connections (Linux from 32,768, macOS from 49,152)."""
ATTEMPTS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Ports:
    """Every loopback port the demo listens on."""

    portal: int = 8000
    standby: int = 8001
    broker: int = 18830
    broker_by_certificate: int = 18883
    influxd: int = 18086
    influxd_rpc: int = 18087
    ingest_health: int = 8011
    alerts_health: int = 8012
    worker_health: int = 8013
    simulator_first: int = 7100
    local_page_first: int = 7200

    def named(self) -> dict[str, int]:
        """Each port with the name to show when it is taken."""
        singles = {name: getattr(self, name) for name in self.__slots__ if not name.endswith("_first")}
        rows = {
            f"{name} {number + 1}": first + number
            for name, first in (("simulator", self.simulator_first), ("local page", self.local_page_first))
            for number in range(GATEWAYS)
        }
        return {**singles, **rows}


def free_ports() -> Ports:
    """Ports that are free at this moment, two of them the first of a free row; raises SettingProblem without any."""
    chosen: set[int] = set()
    return Ports(**{name: _free_row(GATEWAYS if name.endswith("_first") else 1, chosen) for name in Ports.__slots__})


def refuse_taken(ports: Ports) -> None:
    """Raises SettingProblem naming the first port that something else already listens on."""
    for name, port in ports.named().items():
        if not _can_bind(port):
            raise SettingProblem(
                f"port {port} ({name}) is taken by another program",
                next_step="stop it, or start with --ports free",
                variable="--ports",
            )


def _free_row(length: int, chosen: set[int]) -> int:
    """The first of so many neighbouring free ports, none of them chosen before; adds them to the chosen."""
    for _ in range(ATTEMPTS_MAX):
        first = FREE_FROM + secrets.randbelow(FREE_UNTIL - FREE_FROM - length)
        row = range(first, first + length)
        if chosen.isdisjoint(row) and all(_can_bind(port) for port in row):
            chosen.update(row)
            return first
    raise SettingProblem("no free ports could be found", next_step="name them in demo/plan.py", variable="--ports")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Plan:
    """The demo's folders, ports and addresses; the addresses may lead to servers that the caller runs."""

    folder: Path
    ports: Ports
    broker: str = "auto"
    readings: str = "auto"
    ledger_url: str = ""
    telemetry_url: str = ""

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.folder / "logs"

    @property
    def gateways(self) -> Path:
        """One settings file a gateway, `gw-replay.toml` among them."""
        return self.folder / "gateways"

    @property
    def mirror(self) -> Path:
        """What portal.worker writes and standby serves."""
        return self.folder / "mirror"

    @property
    def certificate_keys(self) -> Path:
        """The demo's signing keys."""
        return self.folder / "keys" / "certificate"

    @property
    def gateway_authority(self) -> Path:
        """The demo's certificate authority of gateways."""
        return self.folder / "keys" / "gateways"

    @property
    def field_keys(self) -> Path:
        """The demo's field encryption keys."""
        return self.folder / "keys" / "field-keys"

    @property
    def portal_url(self) -> str:
        """The live portal."""
        return f"http://127.0.0.1:{self.ports.portal}"

    @property
    def standby_url(self) -> str:
        """The static site."""
        return f"http://127.0.0.1:{self.ports.standby}"

    @property
    def ledger(self) -> str:
        """The ledger's address: the one given, else a file."""
        return self.ledger_url or f"sqlite:///{self.folder / 'data' / 'ledger.db'}"

    @property
    def telemetry(self) -> str:
        """The telemetry tables' address: the one given, else a file."""
        return self.telemetry_url or f"sqlite:///{self.folder / 'data' / 'telemetry.db'}"

    def environment(self, broker_url: str, readings_url: str) -> dict[str, str]:
        """What every service finds in its environment."""
        return {
            "SHEETAL_DEMO": "1",
            "SHEETAL_LEDGER_URL": self.ledger,
            "SHEETAL_TELEMETRY_URL": self.telemetry,
            "SHEETAL_READINGS_URL": readings_url,
            "SHEETAL_BROKER_URL": broker_url,
            "SHEETAL_FIELD_KEY_FILE": str(self.field_keys),
            "SHEETAL_CERTIFICATE_KEY_FOLDER": str(self.certificate_keys),
            "SHEETAL_GATEWAY_CA_FOLDER": str(self.gateway_authority),
            "SHEETAL_MIRROR_FOLDER": str(self.mirror),
            "SHEETAL_PORTAL_HOST": "127.0.0.1",
            "SHEETAL_PORTAL_PORT": str(self.ports.portal),
            "SHEETAL_PORTAL_URL": self.portal_url,
            "SHEETAL_STANDBY_HOST": "127.0.0.1",
            "SHEETAL_STANDBY_PORT": str(self.ports.standby),
            "SHEETAL_STANDBY_URL": self.standby_url,
        }
