"""A line whose broker runs under the shipped settings: gateways come in by certificate, ingest by password."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.child import Child
from benchmarks.faults.line import Line
from benchmarks.record import ROOT
from demo.broker import free_port
from tests.edge_agent.tls_kit import Authority, Pair
from tests.stack.servers import MOSQUITTO, port_answers

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.faults.scene import Scene

SHIPPED = ROOT / "deploy" / "mosquitto"
INGEST, PASSWORD = "ingest", "only-for-this-try"


class Credentials(NamedTuple):
    """What one gateway shows and believes: its certificate with its key, and the authority of the broker."""

    pair: Pair | None
    believes: Path

    def settings(self) -> list[str]:
        """Lines of `[gateway]`."""
        lines = [f'broker_ca_file = "{self.believes}"']
        if self.pair is not None:
            lines += [f'certificate_file = "{self.pair.certificate}"', f'certificate_key_file = "{self.pair.key}"']
        return lines


class GuardedLine(Line):
    """`authority` signs the broker and all gateways; `credentials` may be changed before a gateway starts."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        super().__init__(folder, scene)
        self.authority = Authority(folder / "gateways")
        self.credentials = {name: self.rightful(name) for name in scene.names}
        self.revoked = self.authority.client("gw-00", file="revoked")
        self.authority.revoke(self.revoked)
        self._server = self.authority.server()
        self._inner_port, self.outer_port = free_port(), free_port()
        self.broker = self._guarded_broker()
        self.gateway_broker = f"mqtts://127.0.0.1:{self.outer_port}"
        self.ingest_broker = f"mqtt://127.0.0.1:{self._inner_port}"
        login = {"SHEETAL_BROKER_USERNAME": INGEST, "SHEETAL_BROKER_PASSWORD": PASSWORD}
        self.ingest.environment = {**self.ingest.environment, **login}

    def rightful(self, gateway: str) -> Credentials:
        """What enrolment would have given this gateway."""
        return Credentials(self.authority.client(gateway), self.authority.file)

    def _write_settings(self) -> None:
        super()._write_settings()
        for name, credentials in self.credentials.items():
            file = self.folder / f"{name}.toml"
            file.write_text(file.read_text().replace("[uplink]", "\n".join([*credentials.settings(), "[uplink]"]), 1))

    def _guarded_broker(self) -> Child:
        passwords = self.folder / "passwords"
        passwords.touch(mode=0o600)
        command = ["mosquitto_passwd", "-b", str(passwords), INGEST, PASSWORD]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        settings = self.folder / "mosquitto.conf"
        settings.write_text(self._settings_of_broker(passwords))
        log = self.folder / "broker.log"
        return Child([str(MOSQUITTO), "-c", str(settings)], log, lambda: port_answers(self.outer_port))

    def _settings_of_broker(self, passwords: Path) -> str:
        """The shipped file; only its paths and ports, and the user that runs it, are this try's."""
        text = (SHIPPED / "mosquitto.conf").read_text()
        replaced = {
            "/mosquitto/data/": f"{self.folder}/",
            "/mosquitto/secrets/passwords": str(passwords),
            "/mosquitto/secrets/server.crt": str(self._server.certificate),
            "/mosquitto/secrets/server.key": str(self._server.key),
            "/mosquitto/config/access": str(SHIPPED / "access"),
            "/mosquitto/gateways": str(self.folder / "gateways"),
        }
        for shipped, ours in replaced.items():
            text = text.replace(shipped, ours)
        text = re.sub(r"listener 1883.*", f"listener {self._inner_port} 127.0.0.1", text)
        text = re.sub(r"listener 8883.*", f"listener {self.outer_port} 127.0.0.1", text)
        return f"user {pwd.getpwuid(os.geteuid()).pw_name}\n{text}"
