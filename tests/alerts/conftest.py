"""Worlds for the tests: on SQLite always, on PostgreSQL and InfluxDB in the stack tier."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest

from sheetal.ledger.schema import upgrade
from tests.alerts.given import KEY, Addresses, World, close_world, found_world, open_world
from tests.stack.servers import create_influx_database, influxd_server, postgresql_server

if TYPE_CHECKING:
    from pathlib import Path

MakeAddresses = Callable[[], Addresses]
MakeWorld = Callable[[], World]

_numbers = count()


@pytest.fixture(scope="session")
def empty_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schema")
    upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db")
    (folder / "field.key").write_text(f"k1:{base64.b64encode(KEY).decode()}\n")
    (folder / "field.key").chmod(0o600)
    return folder


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """PostgreSQL with the schema in it, and InfluxDB."""
    folder = tmp_path_factory.mktemp("servers")
    with postgresql_server(folder) as postgresql, influxd_server(folder) as influxdb:
        upgrade(postgresql, postgresql)
        yield postgresql, influxdb


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.stack)])
def make_addresses(request: pytest.FixtureRequest, tmp_path: Path, empty_stores: Path) -> MakeAddresses:
    """Makes the addresses of fresh stores at the newest schema."""

    def embedded() -> Addresses:
        folder = tmp_path / f"world-{next(_numbers)}"
        shutil.copytree(empty_stores, folder)
        return Addresses.in_folder(folder)

    def on_servers() -> Addresses:
        postgresql, influxdb = request.getfixturevalue("servers")
        name = f"alerts_{next(_numbers)}"
        template = postgresql.replace("postgresql+psycopg", "postgresql").rpartition("/")
        with closing(psycopg.connect(f"{template[0]}/postgres", autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template[2]}".encode())
        create_influx_database(influxdb, name)
        ledger = f"{postgresql.rpartition('/')[0]}/{name}"
        return Addresses(ledger, ledger, f"{influxdb.rpartition('/')[0]}/{name}", empty_stores / "field.key")

    return embedded if request.param == "embedded" else on_servers


@pytest.fixture
def make_world(make_addresses: MakeAddresses) -> Iterator[MakeWorld]:
    made: list[World] = []

    def make() -> World:
        made.append(open_world(make_addresses()))
        found_world(made[-1])
        return made[-1]

    yield make
    for world in made:
        close_world(world)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
