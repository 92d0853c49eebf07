"""Stores for the contract suite: each adapter, empty, the InfluxDB ones over one real server."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

import pytest

from sheetal.readings.connect import open_readings
from tests.sheetal.readings.http_servers import v2_shim, v3_shim
from tests.stack.servers import create_influx_database, influxd_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sheetal.readings.port import ReadingsStore

TOKEN = "a-token"
ORGANISATION = "health"
_numbers = count(1)


@pytest.fixture(scope="session")
def influxdb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`influxdb1+http://127.0.0.1:port` of a real server."""
    with influxd_server(tmp_path_factory.mktemp("influxd")) as url:
        yield url.rpartition("/")[0]


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("influxdb1", marks=pytest.mark.stack),
        pytest.param("influxdb2", marks=pytest.mark.stack),
        pytest.param("influxdb3", marks=pytest.mark.stack),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReadingsStore]:
    """An empty store of every kind; on 1.x its database does not exist yet."""
    kind: str = request.param
    if kind == "memory":
        yield from _opened("memory:")
    elif kind == "sqlite":
        yield from _opened(f"sqlite:///{tmp_path}/readings.db")
    else:
        url, place = request.getfixturevalue("influxdb_url"), f"contract{next(_numbers)}"
        with influxdb(kind, url, place) as address:
            yield from _opened(address, None if kind == "influxdb1" else TOKEN)


@contextmanager
def influxdb(kind: str, url: str, place: str) -> Iterator[str]:
    """The address of an empty place in the real server, as itself or dressed as a later version."""
    origin = url.partition("+")[2]
    if kind == "influxdb1":
        yield f"{url}/{place}"
        return
    create_influx_database(url, place)
    if kind == "influxdb2":
        with v2_shim(origin, token=TOKEN, organisation=ORGANISATION) as shim:
            yield f"influxdb2+{shim.url}/{ORGANISATION}/{place}"
    else:
        with v3_shim(origin, token=TOKEN) as shim:
            yield f"influxdb3+{shim.url}/{place}"


def _opened(url: str, token: str | None = None) -> Iterator[ReadingsStore]:
    opened = open_readings(url, token)
    try:
        yield opened
    finally:
        opened.close()
