"""An authority, a broker with the shipped settings that believes it, and the list of revoked between the two.

deploy/mosquitto/mosquitto.conf is used as it is shipped; only places and ports are of this machine.
"""

from __future__ import annotations

import os
import signal
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from demo import mosquitto as demo_mosquitto
from demo.mosquitto import ACCESS
from portal.orchestration.gateway_ca import (
    Authority,
    make_authority,
    make_server_certificate,
    read_request,
    write_private_key,
)
from portal.orchestration.revocations import write_list
from sheetal.contracts.clock import now_ms
from tests.portal.given_gateways import csr
from tests.stack.broker_users import User, until
from tests.stack.servers import MOSQUITTO, Server, free_port, port_answers, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHIPPED = ACCESS.with_name("mosquitto.conf")
_numbers = count()


@dataclass
class Office:
    """An authority, the broker that believes it, and the list of revoked between the two."""

    folder: Path
    authority: Authority
    passwords: dict[str, str]
    inner: int
    outer: int
    server: Server
    revoked: dict[str, int] = field(default_factory=dict)

    def come(self, name: str, *, by: Authority | None = None, at_ms: int | None = None) -> tuple[ssl.SSLContext, str]:
        """What a gateway of this name comes in with, and its certificate's serial."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = (by or self.authority).sign(read_request(csr(name, key), name), name, at_ms or now_ms())
        place = self.folder / f"{name}-{next(_numbers)}"
        place.mkdir()
        write_private_key(place / "key", key)
        (place / "pem").write_text(signed.pem)
        return self.context(place / "pem", place / "key"), signed.serial

    def context(self, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
        """Trust in the broker, and one's own certificate if there is one."""
        made = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if certificate is not None:
            made.load_cert_chain(certificate, key)
        return made

    def user(self, name: str, *, client_id: str | None = None) -> User:
        return User(self.outer, "", "", client_id=client_id or name, tls=self.come(name)[0])

    def service(self, name: str) -> User:
        return User(self.inner, name, self.passwords[name])

    def write_list(self, at_ms: int | None = None) -> None:
        write_list(self.authority, self.folder / "gateways.crl", self.revoked, at_ms or now_ms())

    def tell_the_broker(self) -> None:
        """What docs/deploy.md says: SIGHUP; its end is seen in the log."""
        assert self.server.process is not None
        before = self.server.log.read_text().count("Reloading config")
        self.server.process.send_signal(signal.SIGHUP)
        until(lambda: self.server.log.read_text().count("Reloading config") > before)


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """Everything made and running in this folder."""
    programs = demo_mosquitto.find()
    assert programs is not None
    make_authority(folder, name="State", demo=False, now_ms=now_ms())
    authority = Authority.load(folder, demo_allowed=False, now_ms=now_ms())
    make_server_certificate(authority, folder, ["127.0.0.1"], now_ms())
    passwords = demo_mosquitto.make_passwords(["ingest", "alerts"])
    demo_mosquitto.write_settings(programs, folder, 1, passwords)
    inner, outer = free_port(), free_port()
    settings = folder / "shipped.conf"
    settings.write_text(("user root\n" if os.geteuid() == 0 else "") + shipped_text(folder, inner, outer))
    server = Server("", [str(MOSQUITTO), "-c", str(settings)], folder / "shipped.log", lambda: port_answers(outer))
    with running(server):
        yield Office(folder, authority, passwords, inner, outer, server)


def shipped_text(folder: Path, inner: int, outer: int) -> str:
    text = SHIPPED.read_text()
    places = {
        "/mosquitto/secrets/": f"{folder}/",
        "/mosquitto/gateways/": f"{folder}/",
        "/mosquitto/config/access": str(ACCESS),
        "/mosquitto/data/": f"{folder}/",
        "listener 1883\n": f"listener {inner} 127.0.0.1\n",
        "listener 8883\n": f"listener {outer} 127.0.0.1\n",
    }
    for place, here in places.items():
        assert place in text
        text = text.replace(place, here)
    return text
