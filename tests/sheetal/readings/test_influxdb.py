from __future__ import annotations

import base64
import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings import influxdb_http, retry
from sheetal.readings.address import v2_address
from sheetal.readings.connect import open_readings
from sheetal.readings.influxdb import LINES_PER_BODY_MAX, InfluxdbReadings
from tests.sheetal.readings.http_servers import HttpServer, Reply, Request, scripted, serving, v2_shim
from tests.stack.servers import create_influx_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sheetal.readings.port import ReadingsStore

START_MS = 1_763_870_400_000
EMPTY = json.dumps({"results": [{"statement_id": 0}]})


def reading(number: int, **changes: object) -> Reading:
    return Reading("gw-01.tvc", START_MS + number * 1_000, 450, 0, 7, number)._replace(**changes)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "WAIT_SECONDS_FIRST", 0.01)


@contextmanager
def v1(server: HttpServer, token: str | None = None) -> Iterator[ReadingsStore]:
    yield from _opened(f"influxdb1+{server.url}/cc", token)


@contextmanager
def v2(server: HttpServer, token: str | None = None, bucket: str = "cold%2Fchain") -> Iterator[ReadingsStore]:
    yield from _opened(f"influxdb2+{server.url}/health/{bucket}", token)


def _opened(url: str, token: str | None) -> Iterator[ReadingsStore]:
    store = open_readings(url, token)
    try:
        yield store
    finally:
        store.close()


def picky(is_bad: bytes, *, status: int = 400) -> AbstractContextManager[HttpServer]:
    """A server that refuses a body with a bad line, as 1.x does after storing the good ones."""

    def answer(request: Request) -> Reply:
        if is_bad in request.body:
            return Reply(status, json.dumps({"error": "partial write: field type conflict dropped=1"}))
        return Reply(204)

    return serving(answer)


def test_a_v1_write_is_one_request_of_plain_lines() -> None:
    with scripted(Reply(204)) as server, v1(server) as store:
        assert store.write([reading(0), reading(1, centi_celsius=None, quality=2)]) == (2, [])
        (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/write")
    assert request.query == {"db": "cc", "precision": "ms"}
    assert "Authorization" not in request.headers
    assert "Content-Encoding" not in request.headers
    assert request.body == (
        b"reading,sensor=gw-01.tvc t=4.5,q=0i,b=7i,seq=0i 1763870400000\n"
        b"reading,sensor=gw-01.tvc q=2i,b=7i,seq=1i 1763870401000"
    )


def test_a_v2_write_names_organisation_and_bucket_and_shows_its_token() -> None:
    with scripted(Reply(204)) as server, v2(server, "a-token") as store:
        store.write([reading(0)])
        (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v2/write")
    assert request.query == {"org": "health", "bucket": "cold/chain", "precision": "ms"}
    assert request.headers["Authorization"] == "Token a-token"


def test_a_v1_account_is_shown_as_basic_authentication() -> None:
    with scripted(Reply(204)) as server, v1(server, "ingest:a secret") as store:
        store.write([reading(0)])
        (request,) = server.requests
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"ingest:a secret").decode()


def test_a_read_quotes_the_sensor_and_asks_for_milliseconds() -> None:
    with scripted(Reply(200, EMPTY)) as server, v2(server, "a-token") as store:
        assert store.read("it's", 5, 9) == []
        (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/query")
    assert request.query["db"] == "cold"
    assert request.query["rp"] == "chain"
    assert request.query["epoch"] == "ms"
    assert "sensor = 'it\\'s'" in request.query["q"]
    assert request.headers["Authorization"] == "Token a-token"


def test_a_large_batch_goes_in_bounded_bodies() -> None:
    with scripted(Reply(204)) as server, v1(server) as store:
        store.write([reading(number) for number in range(LINES_PER_BODY_MAX * 2 + 1)])
        sizes = [request.body.count(b"\n") + 1 for request in server.requests]
    assert sizes == [LINES_PER_BODY_MAX, LINES_PER_BODY_MAX, 1]


def test_nothing_is_sent_for_an_empty_batch_or_one_refused_at_the_edge() -> None:
    with scripted(Reply(204)) as server, v1(server) as store:
        assert store.write([]) == (0, [])
        assert store.write([reading(0, sensor="")]).accepted == 0
        assert server.requests == []


@pytest.mark.parametrize("status", [400, 422])
def test_rows_that_the_server_refuses_are_found_and_the_rest_is_stored(status: int) -> None:
    with picky(b"seq=6i", status=status) as server, v1(server) as store:
        result = store.write([reading(0, sensor=""), *(reading(number) for number in range(1, 100))])
    assert result.accepted == 98
    assert result.rejected == [
        (0, "bad_sensor_name"),
        (6, "partial write: field type conflict dropped=1"),
    ]


def test_a_refused_row_is_named_by_its_place_in_the_whole_batch() -> None:
    with picky(b"seq=7000i") as server, v1(server) as store:
        result = store.write([reading(number) for number in range(10_000)])
    assert [index for index, _ in result.rejected] == [7_000]


def test_a_body_that_is_too_large_for_the_server_is_halved() -> None:
    def answer(request: Request) -> Reply:
        return Reply(413) if request.body.count(b"\n") >= 10 else Reply(204)

    with serving(answer) as server, v1(server) as store:
        assert store.write([reading(number) for number in range(64)]) == (64, [])


@pytest.mark.parametrize(
    "failure",
    [
        Reply(429, "slow down"),
        Reply(429, headers={"Retry-After": "0"}),
        Reply(500, '{"error":"timeout"}'),
        Reply(500),
        Reply(503, "<html>proxy</html>"),
        Reply(503, headers={"Retry-After": "Sun, 23 Nov 2025 04:05:54 GMT"}),
        Reply(reset=True),
    ],
)
def test_what_passes_is_waited_out(failure: Reply) -> None:
    with scripted(failure, failure, Reply(204)) as server, v1(server) as store:
        assert store.write([reading(0)]) == (1, [])
        assert len(server.requests) == 3
        assert len({request.body for request in server.requests}) == 1


@pytest.mark.parametrize("failure", [Reply(503), Reply(500, '{"error":"engine closed"}'), Reply(reset=True)])
def test_what_does_not_pass_is_unavailable_after_bounded_attempts(failure: Reply) -> None:
    with scripted(failure) as server, v1(server) as store:
        with pytest.raises(Unavailable) as caught:
            store.write([reading(0)])
        assert len(server.requests) == retry.ATTEMPTS_MAX
    assert caught.value.retry_after_seconds > 0
    assert caught.value.next_step


def test_a_long_retry_after_is_the_callers_to_wait() -> None:
    with scripted(Reply(429, headers={"Retry-After": "120"})) as server, v1(server) as store:
        with pytest.raises(Unavailable) as caught:
            store.write([reading(0)])
        assert len(server.requests) == 1
    assert caught.value.retry_after_seconds == 120.0


def test_a_slow_server_is_given_up_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influxdb_http, "ANSWER_MS_MAX", 100)
    with scripted(Reply(204, slow_seconds=0.4), Reply(204)) as server, v1(server) as store:
        assert store.write([reading(0)]) == (1, [])
        assert len(server.requests) == 2


def test_closing_ends_a_waiting_write(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAIT_SECONDS_FIRST", "WAIT_SECONDS_MAX", "TOTAL_SECONDS_MAX"):
        monkeypatch.setattr(retry, name, 120.0)
    problems: list[Unavailable] = []

    def write() -> None:
        try:
            store.write([reading(0)])
        except Unavailable as problem:
            problems.append(problem)

    with scripted(Reply(503)) as server, v1(server) as store:
        thread = threading.Thread(target=write)
        thread.start()
        while not server.requests:
            time.sleep(0.005)
        started = time.perf_counter()
        store.close()
        thread.join()
        assert time.perf_counter() - started < 30.0
        assert len(problems) == 1
        assert not store.health().ok


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_secret_is_said_at_once_and_rows_wait(status: int) -> None:
    with scripted(Reply(status, '{"code":"unauthorized","message":"unauthorized access"}')) as server:
        with v2(server, "wrong-token") as store, pytest.raises(Unavailable) as caught:
            store.write([reading(0)])
        assert len(server.requests) == 1
    assert "SHEETAL_READINGS_TOKEN" in caught.value.next_step
    assert "unauthorized access" in caught.value.message
    assert "wrong-token" not in str(caught.value)
    assert caught.value.retry_after_seconds == 60.0


def test_a_missing_v2_bucket_is_said_at_once_with_what_to_create() -> None:
    with scripted(Reply(404, '{"code":"not found","message":"bucket \\"cold/chain\\" not found"}')) as server:
        with v2(server, "a-token") as store, pytest.raises(Unavailable) as caught:
            store.write([reading(0)])
        assert len(server.requests) == 1
    assert "create the bucket cold/chain in the organisation health" in caught.value.next_step
    assert "map it to the database cold" in caught.value.next_step


def test_a_missing_v1_database_is_made_and_the_rows_sent_again() -> None:
    missing = Reply(404, '{"error":"database not found: \\"cc\\""}')
    with scripted(missing, Reply(200, EMPTY), Reply(204)) as server, v1(server) as store:
        assert store.write([reading(0)]) == (1, [])
        assert [request.path for request in server.requests] == ["/write", "/query", "/write"]
        assert server.requests[1].method == "POST"
        assert server.requests[1].query["q"] == 'CREATE DATABASE "cc" WITH DURATION INF SHARD DURATION 7d'


def test_a_v1_database_that_stays_missing_does_not_spin() -> None:
    def answer(request: Request) -> Reply:
        return Reply(404, "database not found") if request.path == "/write" else Reply(200, EMPTY)

    with serving(answer) as server, v1(server) as store:
        with pytest.raises(Unavailable) as caught:
            store.write([reading(0)])
        assert len(server.requests) == 3
    assert "create the database cc" in caught.value.next_step


def test_a_v1_account_that_may_not_create_is_said_so() -> None:
    def answer(request: Request) -> Reply:
        return Reply(404) if request.path == "/write" else Reply(403, '{"error":"not authorized"}')

    with serving(answer) as server, v1(server) as store, pytest.raises(Unavailable) as caught:
        store.write([reading(0)])
    assert caught.value.facts["status"] == 403


def test_an_unknown_refusal_is_final() -> None:
    with scripted(Reply(405, "method not allowed")) as server, v1(server) as store:
        with pytest.raises(Rejected) as caught:
            store.write([reading(0)])
        assert len(server.requests) == 1
    assert "405" in caught.value.message


def test_a_query_error_inside_a_good_answer_is_unavailable() -> None:
    body = json.dumps({"results": [{"statement_id": 0, "error": "engine is closed"}]})
    with scripted(Reply(200, body)) as server, v1(server) as store, pytest.raises(Unavailable) as caught:
        store.read("s", 1, 9)
    assert "engine is closed" in caught.value.message


def test_a_missing_v2_mapping_is_said_with_what_to_create() -> None:
    body = json.dumps({"results": [{"statement_id": 0, "error": "database not found: cold"}]})
    with scripted(Reply(200, body)) as server, v2(server) as store, pytest.raises(Unavailable) as caught:
        store.read("s", 1, 9)
    assert "map it to the database cold" in caught.value.next_step


@pytest.mark.parametrize("body", ["<html>A captive portal</html>", "[]", '{"results":7}'])
def test_something_else_at_the_address_is_said_so(body: str) -> None:
    with scripted(Reply(200, body)) as server, v1(server) as store, pytest.raises(Unavailable) as caught:
        store.read("s", 1, 9)
    assert "no InfluxDB" in caught.value.message
    assert "SHEETAL_READINGS_URL" in caught.value.next_step


def test_many_sensors_are_asked_a_few_at_a_time() -> None:
    with scripted(Reply(200, EMPTY)) as server, v1(server) as store:
        names = [f"gw-{number}.tvc" for number in range(120)]
        assert store.downsample(names, 1, 9, 1) == {name: [] for name in names}
        assert [request.query["q"].count("sensor = ") for request in server.requests] == [50, 50, 20]


@pytest.mark.parametrize(
    ("reply", "is_well", "detail"),
    [
        (Reply(200, EMPTY), True, "InfluxDB at 127.0.0.1"),
        (Reply(503, '{"error":"starting"}'), False, "starting"),
        (Reply(401, '{"error":"authorization failed"}'), False, "authorization failed"),
        (Reply(reset=True), False, "Error"),
    ],
)
def test_health_asks_once_and_says_what_it_heard(reply: Reply, is_well: bool, detail: str) -> None:  # noqa: FBT001 - a parameter of the table above
    with scripted(reply) as server, v1(server) as store:
        health = store.health()
        assert len(server.requests) == 1
    assert health.ok is is_well
    assert detail in health.detail


def test_the_servers_words_are_bounded_to_one_line() -> None:
    with scripted(Reply(400, json.dumps({"error": "bad\nline " * 500}))) as server, v1(server) as store:
        ((_, reason),) = store.write([reading(0)]).rejected
    assert len(reason) == influxdb_http.REASON_CHARACTERS_MAX
    assert "\n" not in reason


def test_a_bucket_without_a_policy_is_read_without_one() -> None:
    assert v2_address("http://h", "o", "cc").read_query == {"db": "cc", "epoch": "ms"}
    store = InfluxdbReadings(v2_address("http://h", "o", "cc"))
    assert store.capabilities.durable_on_ack
    store.close()


@pytest.mark.stack
def test_a_real_server_stores_the_good_rows_of_a_refused_batch(influxdb_url: str) -> None:
    """A first write of `t` as an integer settles its type, so that our floats are refused, row by row."""
    create_influx_database(influxdb_url, "conflict")
    store = open_readings(f"{influxdb_url}/conflict")
    assert isinstance(store, InfluxdbReadings)
    line = b"reading,sensor=odd t=4i,q=0i,b=7i,seq=0i 1763870400000"
    assert store._http.ask("POST", "/write", store._address.write_query, line).is_success
    batch = [
        reading(number, sensor="odd", measured_at_ms=START_MS + 8 * 86_400_000 * (number % 2)) for number in (0, 1)
    ]
    result = store.write(batch)
    assert [index for index, _ in result.rejected] == [0]
    assert "field type conflict" in result.rejected[0][1]
    assert store.read("odd", START_MS + 1, START_MS * 2) == [batch[1]]
    store.close()


@pytest.mark.stack
def test_rows_beyond_a_retention_are_refused_by_name_and_the_others_stored(influxdb_url: str) -> None:
    with v1_real(f"{influxdb_url}/short") as store:
        change(store, 'CREATE DATABASE "short" WITH DURATION 1d')
        now = now_ms()
        fresh = [reading(number, measured_at_ms=now - number) for number in range(5)]
        result = store.write([*fresh, *(reading(number) for number in range(50))])
        assert result.accepted == 5
        assert [index for index, _ in result.rejected] == list(range(5, 55))
        assert "retention policy" in result.rejected[0][1]
        assert store.count("gw-01.tvc", 1, now + 1) == 5


@pytest.mark.stack
def test_a_bucket_of_two_parts_stands_in_its_own_policy(influxdb_url: str) -> None:
    with v1_real(f"{influxdb_url}/parts") as plain:
        change(plain, 'CREATE DATABASE "parts" WITH DURATION INF')
        change(plain, 'CREATE RETENTION POLICY "chain" ON "parts" DURATION INF REPLICATION 1')
        with (
            v2_shim(influxdb_url.partition("+")[2], token="a-token", organisation="health") as shim,
            v2(shim, "a-token", "parts%2Fchain") as store,
        ):
            store.write([reading(0)])
            assert store.read("gw-01.tvc", 1, START_MS * 2) == [reading(0)]
            assert store.newest_ms(["gw-01.tvc"], 1, START_MS * 2) == {"gw-01.tvc": START_MS}
        assert plain.read("gw-01.tvc", 1, START_MS * 2) == []


@contextmanager
def v1_real(url: str) -> Iterator[InfluxdbReadings]:
    for store in _opened(url, None):
        assert isinstance(store, InfluxdbReadings)
        yield store


def change(store: InfluxdbReadings, statement: str) -> None:
    assert store._http.ask("POST", "/query", {"q": statement}).is_success
