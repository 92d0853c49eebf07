"""Each named library carries live traffic: with one of them replaced by something that raises, its service is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from demo import servers
from demo.district import District
from demo.plan import Plan, free_ports
from demo.supervisor import ProcessSpec, python_module
from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.journey, pytest.mark.timeout(120)]

READY_SECONDS_MAX = 20.0
REPLACING = """
import os, sys

class Replaced:
    names = os.environ.get("REPLACED_LIBRARIES", "").split()

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name.partition('.')[0]} is replaced by something that raises")

sys.meta_path.insert(0, Replaced())
"""
USERS = {
    "paho": ("ingest", "alerts", "gw-01"),
    "influxdb_client": ("ingest", "alerts", "portal"),
    "fastapi": ("portal",),
    "jinja2": ("portal",),
    "pydantic": ("ingest", "alerts", "portal", "portal.worker"),
    "apscheduler": ("alerts",),
    "sqlalchemy": ("ingest", "alerts", "portal", "portal.worker"),
    "alembic": ("ingest", "alerts", "portal", "portal.worker", "migrate"),
}
CASES = [(library, service) for library, services in USERS.items() for service in services]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """A prepared district with Mosquitto and InfluxDB up, and none of our own processes."""
    folder = tmp_path_factory.mktemp("libraries")
    district = District(Plan(folder / "demo", free_ports(), broker="mosquitto", readings="influxd"))
    try:
        district.prepare()
        for chosen in (district.broker, district.readings):
            assert chosen.process is not None
            district.supervisor.start(chosen.process)
            district.supervisor.wait_ready([chosen.process.name])
        yield district
    finally:
        district.close()


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shim")
    (folder / "sitecustomize.py").write_text(REPLACING)
    return folder


def spec_of(district: District, name: str, shim: Path, *replaced: str) -> ProcessSpec:
    """One of the district's processes, with these libraries replaced."""
    page = district.local_page_url
    config = district.plan.gateways / "gw-01.toml"
    others = [
        ProcessSpec(
            "gw-01",
            python_module("edge_agent", "run", "--config", str(config)),
            {},
            lambda: servers.answers(page),
        ),
        ProcessSpec("migrate", python_module("alembic", "upgrade", "head"), district.services()[0].environment),
    ]
    (spec,) = [spec for spec in [*district.services(), *others] if spec.name == name]
    environment = {**spec.environment, "PYTHONPATH": str(shim), "REPLACED_LIBRARIES": " ".join(replaced)}
    return replace(spec, environment=environment)


def starts(district: District, spec: ProcessSpec) -> None:
    """Raises Unavailable when the process ends before it is ready."""
    district.supervisor.start(spec)
    try:
        district.supervisor.wait_ready([spec.name], READY_SECONDS_MAX)
    finally:
        district.supervisor.stop_one(spec.name)


@pytest.mark.parametrize(("library", "service"), CASES)
def test_without_its_library_a_service_does_not_start(ground: District, shim: Path, library: str, service: str) -> None:
    spec = replace(spec_of(ground, service, shim, library), is_ready=lambda: False)
    with pytest.raises(Unavailable, match=rf"{service} ended by itself with code 1") as caught:
        starts(ground, spec)
    assert f"ImportError: {library} is replaced by something that raises" in caught.value.next_step


@pytest.mark.parametrize("service", ["ingest", "alerts", "portal", "portal.worker", "portal.standby", "gw-01"])
def test_with_all_of_them_every_service_starts(ground: District, shim: Path, service: str) -> None:
    starts(ground, spec_of(ground, service, shim))


@pytest.mark.parametrize(
    ("service", "libraries"),
    [
        ("portal.standby", ("paho", "influxdb_client", "fastapi", "jinja2", "apscheduler", "sqlalchemy", "alembic")),
        ("gw-01", tuple(library for library in USERS if library != "paho")),
        ("portal", ("paho", "apscheduler")),
        ("ingest", ("fastapi", "jinja2", "apscheduler")),
    ],
)
def test_what_a_service_does_not_need_it_does_not_miss(
    ground: District, shim: Path, service: str, libraries: tuple[str, ...]
) -> None:
    starts(ground, spec_of(ground, service, shim, *libraries))
