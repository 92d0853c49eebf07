from __future__ import annotations

import threading
import time

import pytest

from sheetal.readings import influxdb_http
from sheetal.readings.address import v1_address, v2_address
from sheetal.readings.influxdb_http import InfluxdbHttp
from sheetal.readings.retry import NO_ANSWER, Answer
from tests.sheetal.readings.http_servers import Reply, scripted
from tests.stack.servers import free_port


def ask(reply: Reply) -> Answer:
    with scripted(reply) as server:
        http = InfluxdbHttp(v1_address(server.url, "cc"), None)
        try:
            return http.ask("GET", "/query", {"q": "SELECT 1"})
        finally:
            http.close()


def test_an_answer_carries_status_content_and_headers() -> None:
    answer = ask(Reply(200, '{"results":[]}', {"X-Influxdb-Version": "1.6.7"}))
    assert (answer.status, answer.content) == (200, {"results": []})
    assert answer.headers["x-influxdb-version"] == "1.6.7"
    assert answer.is_success


@pytest.mark.parametrize(
    ("reply", "status", "words"),
    [
        (Reply(400, '{"error":"bad line"}'), 400, "bad line"),
        (Reply(404, '{"code":"not found","message":"no bucket"}'), 404, "no bucket"),
        (Reply(503, "<html>\n a  proxy</html>"), 503, "<html> a proxy</html>"),
        (Reply(500, "[1]"), 500, "[1]"),
        (Reply(reset=True), NO_ANSWER, "Error"),
    ],
)
def test_every_end_is_an_answer(reply: Reply, status: int, words: str) -> None:
    answer = ask(reply)
    assert answer.status == status
    assert words in answer.message
    assert not answer.is_success


def test_the_wish_to_be_left_alone_is_heard() -> None:
    assert ask(Reply(429, headers={"Retry-After": "7"})).retry_after_seconds == 7.0


def test_a_server_that_is_away_is_no_answer() -> None:
    http = InfluxdbHttp(v1_address(f"http://127.0.0.1:{free_port()}", "cc"), None)
    assert http.ask("GET", "/ping", {}).status == NO_ANSWER
    http.close()


def test_a_slow_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influxdb_http, "ANSWER_MS_MAX", 50)
    assert ask(Reply(204, slow_seconds=0.3)).status == NO_ANSWER


@pytest.mark.parametrize(
    ("version", "token", "header"),
    [(1, "ingest:secret", "Basic aW5nZXN0OnNlY3JldA=="), (2, "a-token", "Token a-token"), (1, None, None)],
)
def test_the_secret_is_shown_as_the_version_wants_it(version: int, token: str | None, header: str | None) -> None:
    with scripted(Reply(204)) as server:
        address = v1_address(server.url, "cc") if version == 1 else v2_address(server.url, "o", "cc")
        http = InfluxdbHttp(address, token)
        assert http.ask("POST", "/write", {"db": "cc"}, b"line").is_success
        http.close()
        (request,) = server.requests
    assert request.headers.get("Authorization") == header
    assert request.body == b"line"


def test_nothing_is_sent_once_closed() -> None:
    with scripted(Reply(204)) as server:
        http = InfluxdbHttp(v1_address(server.url, "cc"), None)
        http.close()
        http.close()
        assert http.ask("GET", "/ping", {}) == Answer(NO_ANSWER, "the store was closed")
        assert server.requests == []


def test_closing_while_a_request_runs_lets_it_end() -> None:
    answers: list[Answer] = []
    with scripted(Reply(204, slow_seconds=0.3)) as server:
        http = InfluxdbHttp(v1_address(server.url, "cc"), None)
        thread = threading.Thread(target=lambda: answers.append(http.ask("GET", "/ping", {})))
        thread.start()
        while not server.requests:
            time.sleep(0.005)
        http.close()
        thread.join()
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("body", "dropped", "is_foreign"),
    [
        ('{"error":"partial write: points beyond retention policy dropped=12"}', 12, False),
        ('{"code":"unprocessable entity","message":"failure writing points: dropped=3"}', 3, False),
        ('{"error":"unable to parse"}', None, False),
        ("<h1>400 Bad Request</h1>", None, True),
        ('{"detail":"no such route"}', None, True),
    ],
)
def test_a_refusal_tells_whose_it_is_and_how_many_rows(body: str, dropped: int | None, is_foreign: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    answer = ask(Reply(400, body))
    assert (answer.rows_dropped, answer.is_foreign) == (dropped, is_foreign)
