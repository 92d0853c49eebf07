"""Both databases for every test of the ledger: SQLite in plain runs, PostgreSQL when the stack tests run.

Each is migrated once a session; a test gets a copy of the SQLite files, or the PostgreSQL database swept empty.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import delete

from sheetal.ledger import schema
from sheetal.ledger.base import ledger_metadata, telemetry_metadata
from sheetal.ledger.connect import Ledger, open_ledger, open_telemetry
from tests.sheetal.ledger import seeds
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    schema.upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db")
    return folder


@pytest.fixture(scope="session")
def postgresql_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("server")) as url:
        schema.upgrade(url, url)
        start_numbers_high(url)
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
    url: str = request.getfixturevalue("postgresql_template")
    sweep(url)
    return url, url


@pytest.fixture
def empty_addresses(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of two stores without any table."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/telemetry.db"
    url = empty_database(request.getfixturevalue("postgresql_template"))
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


def start_numbers_high(url: str) -> None:
    """Let no row be number 1, so that a test which counts on it fails in every order."""
    with closing(psycopg.connect(plain(url), autocommit=True)) as connection:
        names = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) FROM pg_sequences"
        )
        for (name,) in names.fetchall():
            connection.execute(f"ALTER SEQUENCE {name} RESTART WITH 7000".encode())


def empty_database(url: str) -> str:
    """The address of a new database without any table on the same server."""
    name = f"empty_{next(_made)}"
    with closing(psycopg.connect(plain(url), autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{url.rpartition('/')[0]}/{name}"


def sweep(url: str) -> None:
    """Delete every row of our own tables, references resting meanwhile."""
    tables = [*ledger_metadata.sorted_tables, *telemetry_metadata.sorted_tables]
    deletes = "; ".join(str(delete(table)) for table in tables)
    with closing(psycopg.connect(plain(url), autocommit=True)) as connection:
        connection.execute(f"SET session_replication_role = replica; {deletes}".encode())


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")
