"""A server or proxy that misbehaves: what the InfluxDB adapter raises, tries again, and never calls durable."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings import influxdb_http, retry
from sheetal.readings.connect import open_readings
from tests.sheetal.readings.http_servers import Reply, Request, scripted, serving

if TYPE_CHECKING:
    from tests.sheetal.readings.http_servers import HttpServer

START_MS = 1_763_870_400_000
ROWS = '{"results":[{"series":[{"columns":["time","sensor","t","q","b","seq"],"values":[[5,"s",4.5,0,7,1]]}]}]}'
ADDRESSES = ["influxdb1+{}/cc", "influxdb2+{}/health/cc", "influxdb3+{}/cc"]
FOR_EVERY_VERSION = pytest.mark.parametrize("address", ADDRESSES)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "WAIT_SECONDS_FIRST", 0.01)
    monkeypatch.setattr(influxdb_http, "ANSWER_MS_MAX", 400)


def reading(number: int, **changes: object) -> Reading:
    return Reading("gw-01.tvc", START_MS + number * 1_000, 450, 0, 7, number)._replace(**changes)


def written(server: HttpServer, address: str, batch: list[Reading]) -> object:
    """The result of a write, or the problem that it raised."""
    with closing(open_readings(address.format(server.url))) as store:
        try:
            return store.write(batch)
        except Unavailable as problem:
            return problem


@FOR_EVERY_VERSION
@pytest.mark.parametrize(
    ("reply", "attempts"),
    [
        (Reply(401, '{"code":"unauthorized"}'), 1),
        (Reply(403, '{"error":"forbidden"}'), 1),
        (Reply(404, '{"code":"not found","message":"bucket not found"}'), None),
        (Reply(413, "<html>413 Request Entity Too Large</html>"), None),
        (Reply(400, "<html>400 Bad Request</html>"), 1),
        (Reply(429, headers={"Retry-After": "86400"}), 1),
        (Reply(429), 4),
        (Reply(500, '{"error":"timeout"}'), 4),
        (Reply(503, "<html>"), 4),
        (Reply(502, "<html>"), 4),
        (Reply(reset=True), 4),
        (Reply(200, "<html>Welcome to the guest network</html>"), 1),
        (Reply(200, '{"results":[]}'), 1),
        (Reply(202), 1),
    ],
)
def test_what_is_not_the_servers_own_204_is_never_durable(address: str, reply: Reply, attempts: int | None) -> None:
    with scripted(reply) as server:
        problem = written(server, address, [reading(0), reading(1)])
        writes = [request for request in server.requests if request.path.endswith("/write")]
    assert isinstance(problem, Unavailable)
    assert 0 < problem.retry_after_seconds <= retry.RETRY_AFTER_SECONDS_MAX
    assert problem.next_step
    assert len(writes) == attempts or attempts is None
    assert len(writes) <= retry.ATTEMPTS_MAX


def test_what_comes_too_slowly_is_neither_durable_nor_read() -> None:
    with scripted(Reply(204, slow_seconds=0.7)) as server:
        assert isinstance(written(server, ADDRESSES[0], [reading(0)]), Unavailable)
        assert len(server.requests) == retry.ATTEMPTS_MAX
    with scripted(Reply(200, ROWS, slow_seconds=0.7)) as server:
        with closing(open_readings(ADDRESSES[0].format(server.url))) as store, pytest.raises(Unavailable):
            store.read("s", 1, 9)
        assert len(server.requests) == retry.ATTEMPTS_MAX


@FOR_EVERY_VERSION
def test_a_proxy_that_takes_only_small_bodies_gets_small_bodies(address: str) -> None:
    def answer(request: Request) -> Reply:
        return Reply(413, "<html>") if len(request.body) > 1_000 else Reply(204)

    with serving(answer) as server:
        assert written(server, address, [reading(number) for number in range(500)]) == (500, [])
        taken = [request.body for request in server.requests if len(request.body) <= 1_000]
    assert sum(body.count(b"\n") + 1 for body in taken) == 500


def test_a_proxy_that_takes_no_body_at_all_makes_no_row_a_bad_one() -> None:
    with scripted(Reply(413, "<html>")) as server:
        problem = written(server, ADDRESSES[1], [reading(number) for number in range(64)])
        assert len(server.requests) == 7  # 64, 32 … 1
    assert isinstance(problem, Unavailable)
    assert "max-body-size" in problem.next_step


def test_a_backlog_older_than_the_retention_is_refused_in_one_request() -> None:
    """As 1.6.7 says it: the good rows of the body are stored."""

    def answer(request: Request) -> Reply:
        old = sum(line.endswith(b"000") and b" 10" in line for line in request.body.split(b"\n"))
        words = json.dumps({"error": f"partial write: points beyond retention policy dropped={old}"})
        return Reply(400, words) if old else Reply(204)

    batch = [reading(number, measured_at_ms=1_000_000_000_000 + number * 1_000) for number in range(1_000)]
    with serving(answer) as server:
        result = written(server, ADDRESSES[0], batch)
        assert len(server.requests) == 1
    assert result == (
        0,
        [(number, "partial write: points beyond retention policy dropped=1000") for number in range(1_000)],
    )


def test_a_store_that_fails_in_the_second_body_acknowledges_nothing() -> None:
    with scripted(Reply(204), Reply(503)) as server:
        problem = written(server, ADDRESSES[0], [reading(number) for number in range(6_000)])
    assert isinstance(problem, Unavailable)


def test_a_connection_that_breaks_after_the_server_stored_sends_the_same_again() -> None:
    with scripted(Reply(reset=True), Reply(204)) as server:
        assert written(server, ADDRESSES[0], [reading(0)]) == (1, [])
        first, second = server.requests
    assert first.body == second.body


@FOR_EVERY_VERSION
@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, ROWS, cut=True),
        Reply(200, ROWS[: len(ROWS) // 2]),
        Reply(200, "<html>A captive portal</html>"),
        Reply(200, '{"results":[{"series":[{"columns":["time"],"values":[[5]]}]}]}'),
        Reply(200, '{"results":[{"series":[{"columns":["time","sensor","t","q","b","seq"],"values":[[5]]}]}]}'),
        Reply(200, '{"results":[{"error":"shard is disabled"}]}'),
        Reply(401),
        Reply(503),
        Reply(reset=True),
    ],
)
def test_an_answer_that_cannot_be_whole_is_never_read_as_less(address: str, reply: Reply) -> None:
    """Nothing stored is what an empty list says, and conflicts would be written over on the strength of it."""
    with scripted(reply) as server, closing(open_readings(address.format(server.url))) as store:
        for ask in (
            lambda: store.read("s", 1, 9),
            lambda: store.read_many([("s", 1, 9), ("r", 1, 9)]),
        ):
            with pytest.raises(Unavailable) as caught:
                ask()
            assert 0 < caught.value.retry_after_seconds <= retry.RETRY_AFTER_SECONDS_MAX


@FOR_EVERY_VERSION
def test_an_answer_after_a_cut_one_is_read(address: str) -> None:
    with scripted(Reply(200, ROWS, cut=True), Reply(200, ROWS)) as server:
        with closing(open_readings(address.format(server.url))) as store:
            assert store.read("s", 1, 9) == [Reading("s", 5, 450, 0, 7, 1)]
        assert len(server.requests) == 2


def test_many_spans_that_hold_too_much_together_are_read_one_by_one() -> None:
    def answer(request: Request) -> Reply:
        names = [name for name in ("a", "b") if f"'{name}'" in request.query["q"]]
        size = 10_000 if len(names) == 2 else 1
        rows = [[5, names[0], 4.5, 0, 7, 1]] * size
        columns = ["time", "sensor", "t", "q", "b", "seq"]
        return Reply(200, json.dumps({"results": [{"series": [{"columns": columns, "values": rows}]}]}))

    with serving(answer) as server, closing(open_readings(ADDRESSES[0].format(server.url))) as store:
        assert [row.sensor for row in store.read_many([("a", 1, 9), ("b", 1, 9)])] == ["a", "b"]
        assert len(server.requests) == 3
