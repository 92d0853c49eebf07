"""Small HTTP servers for the InfluxDB tests: one that follows a script, two that dress a 1.x server as 2.x and as 3."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Request(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """What the server answers; `slow_seconds` before it, `reset` in place of it, or its body `cut` short."""

    status: int = 204
    body: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    slow_seconds: float = 0.0
    reset: bool = False
    cut: bool = False


@dataclass
class HttpServer:
    """A server on loopback that hands every request to `answer` and remembers it."""

    answer: Callable[[Request], Reply]
    url: str = ""
    requests: list[Request] = field(default_factory=list)


@contextmanager
def scripted(*replies: Reply) -> Iterator[HttpServer]:
    """Gives the replies in turn, the last one for ever."""
    left = list(replies)
    with serving(lambda _: left.pop(0) if len(left) > 1 else left[0]) as server:
        yield server


@contextmanager
def serving(answer: Callable[[Request], Reply]) -> Iterator[HttpServer]:
    server = HttpServer(answer)
    with _Listener(("127.0.0.1", 0), _handler(server)) as listener:
        server.url = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


@contextmanager
def v2_shim(origin: str, *, token: str, organisation: str) -> Iterator[HttpServer]:
    """Looks like InfluxDB 2.x as far as the adapter goes and has a real 1.x server do the work.

    A bucket `database/policy` stands for that policy of the database, as a DBRP mapping would have it.
    """

    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return Reply(204, headers={"X-Influxdb-Build": "OSS", "X-Influxdb-Version": "v2.7.12"})
        if request.headers.get("Authorization") != f"Token {token}":
            return Reply(401, '{"code":"unauthorized","message":"unauthorized access"}')
        query = dict(request.query)
        path = request.path
        if path == "/api/v2/write":
            if query.pop("org", None) != organisation:
                return Reply(404, '{"code":"not found","message":"organization name not found"}')
            query["db"], _, query["rp"] = query.pop("bucket").partition("/")
            path = "/write"
        elif path == "/api/v2/delete":
            wish = json.loads(request.body)
            assert wish["predicate"] == '_measurement="reading"'
            span = f"time >= '{wish['start']}' AND time <= '{wish['stop']}'"
            statement = f"DELETE FROM reading WHERE {span}"  # noqa: S608 - a test's own words
            target = urlencode({"db": query["bucket"].partition("/")[0], "q": statement})
            done = _forward(origin, request._replace(body=b""), f"/query?{target}")
            return Reply(204) if done.status == 200 and "error" not in done.body else Reply(400, done.body)
        elif path != "/query" or "q" not in query or query["q"].startswith(("SHOW D", "CREATE", "DELETE")):
            return Reply(404, '{"code":"not found","message":"path not found"}')
        return _forward(origin, request, f"{path}?{urlencode(query)}")

    with serving(answer) as server:
        yield server


@contextmanager
def v3_shim(origin: str, *, token: str) -> Iterator[HttpServer]:
    """Looks like InfluxDB 3 where it differs, after its source, and has a real 1.x server do the work.

    It takes one statement by the query string and no bound values, deletes nothing, and gives no tags: a tag that was
    grouped by is a column of its only series.
    """

    def answer(request: Request) -> Reply:
        query = dict(request.query)
        if request.headers.get("Authorization") not in {f"Token {token}", f"Bearer {token}"}:
            return Reply(401)
        if request.path == "/ping":
            return Reply(200, '{"version":"3.4.0","revision":"abcdef"}')
        if request.path == "/api/v2/write":
            query["db"] = query.pop("bucket")
            return _forward(origin, request, f"/write?{urlencode(query)}")
        if request.path != "/query":
            return Reply(404)
        if {"params", "rp"} & set(query) or ";" in query["q"] or query["q"].startswith(("DELETE", "CREATE", "SHOW D")):
            return Reply(400, '{"error":"this feature is not implemented"}')
        reply = _forward(origin, request, f"/query?{urlencode(query)}")
        return reply._replace(body=_without_tags(reply.body))

    with serving(answer) as server:
        yield server


def _without_tags(body: str) -> str:
    """The series of each statement as one, with the tag `sensor` as its second column."""
    answer = json.loads(body)
    for result in answer.get("results", ()):
        series = result.get("series", [])
        if any("tags" in one for one in series):
            columns = [series[0]["columns"][0], "sensor", *series[0]["columns"][1:]]
            rows = [[row[0], one["tags"]["sensor"], *row[1:]] for one in series for row in one["values"]]
            result["series"] = [{"name": series[0]["name"], "columns": columns, "values": rows}]
    return json.dumps(answer)


def _forward(origin: str, request: Request, target: str) -> Reply:
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=30)
    try:
        connection.request(request.method, target, body=request.body)
        response = connection.getresponse()
        return Reply(response.status, response.read().decode())
    finally:
        connection.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is part of these tests."""


def _handler(server: HttpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 1

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            request = Request(self.command, parts.path, query, dict(self.headers.items()), body)
            server.requests.append(request)
            self._reply(server.answer(request))

        do_GET = do_POST  # noqa: N815 - the base class looks for this name

        def _reply(self, reply: Reply) -> None:
            time.sleep(reply.slow_seconds)
            if reply.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            body = reply.body.encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if reply.status != 204:
                self.wfile.write(body[: len(body) // 2] if reply.cut else body)
            self.close_connection = reply.cut

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    return Handler
