"""Worlds to back up and to restore into: files in plain runs, PostgreSQL and InfluxDB when the stack tests run."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.backup.world import World, in_files
from tests.stack.servers import create_influx_database, influxd_server, postgresql_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_made = iter(range(1_000_000))


@dataclass
class Said:
    """What a command told the person."""

    lines: list[str]

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    def __str__(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def said() -> Said:
    return Said([])


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("servers")
    with postgresql_server(folder) as database, influxd_server(folder) as readings:
        yield database, readings


@pytest.fixture(params=["files", pytest.param("servers", marks=pytest.mark.stack)])
def new_world(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], World]:
    """Makes empty places for stores, new ones at every call."""

    def make() -> World:
        number = next(_made)
        if request.param == "files":
            return in_files(tmp_path / f"world-{number}")
        database, readings = request.getfixturevalue("servers")
        name = f"world_{number}"
        with closing(psycopg.connect(database.replace("+psycopg", ""), autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        create_influx_database(readings, name)
        url = f"{database.rpartition('/')[0]}/{name}"
        return World(url, url, f"{readings.rpartition('/')[0]}/{name}")

    return make


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    made = new_world()
    made.begin()
    return made
