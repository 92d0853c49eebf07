from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from demo import plan
from demo.plan import FREE_FROM, FREE_UNTIL, GATEWAYS, Plan, Ports, free_ports, refuse_taken
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path


def test_no_two_of_the_well_known_ports_are_the_same() -> None:
    ports = Ports().named().values()
    assert len(set(ports)) == len(ports) == 9 + 2 * GATEWAYS


def test_free_ports_are_free_and_all_different() -> None:
    for _ in range(20):
        ports = free_ports()
        refuse_taken(ports)
        found = ports.named().values()
        assert len(set(found)) == len(found)
        assert all(FREE_FROM <= port < FREE_UNTIL for port in found)


@pytest.mark.parametrize(
    ("field", "added", "name"),
    [
        ("portal", 0, "portal"),
        ("standby", 0, "standby"),
        ("broker", 0, "broker"),
        ("alerts_health", 0, "alerts_health"),
        ("simulator_first", 2, "simulator 3"),
        ("local_page_first", GATEWAYS - 1, f"local page {GATEWAYS}"),
    ],
)
def test_a_taken_port_is_named_with_its_number(field: str, added: int, name: str) -> None:
    ports = free_ports()
    port = getattr(ports, field) + added
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(SettingProblem) as caught:
            refuse_taken(ports)
    assert caught.value.message == f"port {port} ({name}) is taken by another program"
    assert caught.value.next_step == "stop it, or start with --ports free"


def test_ports_that_are_taken_are_not_called_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_can_bind", lambda _port: False)
    with pytest.raises(SettingProblem, match="no free ports"):
        free_ports()


def test_embedded_stores_stand_in_the_folder(tmp_path: Path) -> None:
    made = Plan(tmp_path, Ports())
    assert made.ledger == f"sqlite:///{tmp_path}/data/ledger.db"
    assert made.telemetry == f"sqlite:///{tmp_path}/data/telemetry.db"
    places = [made.logs, made.gateways, made.mirror, made.certificate_keys, made.field_keys]
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert len(set(places)) == len(places)


def test_given_stores_are_used(tmp_path: Path) -> None:
    address = "postgresql+psycopg://someone@127.0.0.1:5432/sheetal"
    made = Plan(tmp_path, Ports(), ledger_url=address, telemetry_url=address)
    assert (made.ledger, made.telemetry) == (address, address)


def test_every_service_finds_the_same_environment(tmp_path: Path) -> None:
    made = Plan(tmp_path, Ports(portal=9000, standby=9001))
    found = made.environment("mqtt://127.0.0.1:1883", "memory:")
    assert found["SHEETAL_PORTAL_URL"] == made.portal_url == "http://127.0.0.1:9000"
    assert found["SHEETAL_STANDBY_URL"] == made.standby_url == "http://127.0.0.1:9001"
    assert found["SHEETAL_BROKER_URL"] == "mqtt://127.0.0.1:1883"
    assert found["SHEETAL_READINGS_URL"] == "memory:"
    assert found["SHEETAL_DEMO"] == "1"
    assert found["SHEETAL_PORTAL_HOST"] == found["SHEETAL_STANDBY_HOST"] == "127.0.0.1"
    assert not any("PASSWORD" in name or "TOKEN" in name for name in found)
