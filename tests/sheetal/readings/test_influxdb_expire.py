"""How readings go from a server of each version."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import Unavailable
from sheetal.readings.connect import open_readings
from tests.sheetal.readings.http_servers import Reply, scripted

if TYPE_CHECKING:
    from tests.sheetal.readings.http_servers import HttpServer

START_MS = 1_763_870_400_000
EMPTY = json.dumps({"results": [{"statement_id": 0}]})
SEVEN = json.dumps({"results": [{"series": [{"columns": ["time", "count"], "values": [[0, 7]]}]}]})


def v2(server: HttpServer) -> str:
    return f"influxdb2+{server.url}/health/cold%2Fchain"


def test_a_v1_database_expires_by_a_statement() -> None:
    with scripted(Reply(200, SEVEN), Reply(200, EMPTY)) as server:
        with closing(open_readings(f"influxdb1+{server.url}/cc")) as store:
            assert store.expire(START_MS) == 7
        first, second = server.requests
    assert (first.method, second.method) == ("GET", "POST")
    assert second.query["q"] == "DELETE FROM reading WHERE time < 1763870400000ms"


def test_where_nothing_is_older_nothing_is_deleted() -> None:
    with scripted(Reply(200, EMPTY)) as server:
        for url in (f"influxdb1+{server.url}/cc", v2(server)):
            with closing(open_readings(url)) as store:
                assert store.expire(START_MS) == 0
        assert [request.method for request in server.requests] == ["GET", "GET"]


def test_a_v2_bucket_expires_by_a_request_of_its_own() -> None:
    with scripted(Reply(200, SEVEN), Reply(204)) as server, closing(open_readings(v2(server))) as store:
        assert store.expire(START_MS) == 7
        request = server.requests[-1]
    assert (request.method, request.path) == ("POST", "/api/v2/delete")
    assert request.query == {"org": "health", "bucket": "cold/chain"}
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == {
        "start": "1970-01-01T00:00:00.000Z",
        "stop": "2025-11-23T03:59:59.999Z",
        "predicate": '_measurement="reading"',
    }


@pytest.mark.parametrize("reply", [Reply(403, '{"code":"forbidden"}'), Reply(404), Reply(200, "<html>")])
def test_a_v2_bucket_that_deletes_nothing_never_says_that_it_did(reply: Reply) -> None:
    with (
        scripted(Reply(200, SEVEN), reply) as server,
        closing(open_readings(v2(server))) as store,
        pytest.raises(Unavailable),
    ):
        store.expire(START_MS)


def test_a_v3_database_expires_by_its_own_retention() -> None:
    with scripted(Reply(200, EMPTY)) as server:
        with closing(open_readings(f"influxdb3+{server.url}/cc")) as store:
            assert not store.capabilities.supports_delete
            assert store.expire(START_MS) == 0
        assert server.requests == []
