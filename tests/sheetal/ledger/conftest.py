"""Both databases for every test of the ledger: SQLite in plain runs, PostgreSQL when the stack tests run.

Each is migrated once a session and then copied, so that a test has fresh stores in a few milliseconds.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from sheetal.ledger import schema
from sheetal.ledger.connect import Ledger, open_ledger, open_telemetry
from tests.sheetal.ledger import seeds
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADDRESSES = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    schema.upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db")
    return folder


@pytest.fixture(scope="session")
def postgresql_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("server")) as url:
        schema.upgrade(url, url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.stack)])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def addresses(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of a fresh ledger store and a fresh telemetry store at the newest schema."""
    if dialect == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        for name in ("ledger.db", "telemetry.db"):
            shutil.copy(template / name, tmp_path / name)
        return f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/telemetry.db"
    template_url: str = request.getfixturevalue("postgresql_template")
    url = fresh_database(template_url, like="sheetal")
    return url, url


@pytest.fixture
def empty_addresses(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of two stores without any table."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/telemetry.db"
    template_url: str = request.getfixturevalue("postgresql_template")
    url = fresh_database(template_url, like="template1")
    return url, url


@pytest.fixture
def ledger(addresses: tuple[str, str]) -> Iterator[Ledger]:
    with closing(open_ledger(addresses[0])) as opened:
        yield opened


@pytest.fixture
def telemetry(addresses: tuple[str, str]) -> Iterator[Ledger]:
    with closing(open_telemetry(addresses[1])) as opened:
        yield opened


@pytest.fixture
def house(ledger: Ledger) -> Ledger:
    """A ledger with two facilities, their appliances, a gateway, a sensor and one lot; nothing received yet."""
    seeds.furnish(ledger)
    return ledger


@pytest.fixture
def stocked(house: Ledger) -> Ledger:
    """The house with holding H-1, ten doses in refrigerator A-1, judged and known: its gate is open."""
    seeds.receive(house, "H-1")
    seeds.judge(house)
    return house


_made = iter(range(1_000_000))


def fresh_database(template_url: str, like: str) -> str:
    server, _, _ = template_url.replace("postgresql+psycopg", "postgresql").rpartition("/")
    name = f"copy_{next(_made)}"
    with closing(psycopg.connect(f"{server}/postgres", autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}".encode())
    return f"{template_url.rpartition('/')[0]}/{name}"
