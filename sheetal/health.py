"""A service's own small pages, on an address of their own: one thread on the standard library's http.server.

`/healthz`: alive and well. `/readyz`: may take work now. `/metrics`: its numbers for Prometheus. They are for machines
of the same network: the public port of a portal or of the static site has none of them but health.

`python -m sheetal.health URL` asks such a page, for a container's health check: exit code 0 only when it says "well".
"""

from __future__ import annotations

import json
import sys
import threading
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Check = Callable[[], dict[str, object]]
    Page = Callable[[], tuple[str, bytes]]

PATH = "/healthz"
READY_PATH = "/readyz"
METRICS_PATH = "/metrics"
JSON = "application/json"
REQUEST_SECONDS_MAX = 5.0
ASK_SECONDS_MAX = 4.0
"""Below every interval at which container engines ask."""
ANSWER_BYTES_MAX = 16 * 1024
WELL, NOT_WELL, WRONG_USE = 0, 1, 2


class HealthServer:
    """A running health page; `port` is the one really bound, `close` frees it and is safe to call twice."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port = int(server.server_address[1])
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops answering and closes the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(REQUEST_SECONDS_MAX)


def serve_health(
    host: str, port: int, check: Check, *, ready: Check | None = None, metrics: Page | None = None
) -> HealthServer:
    """Answers with what `check` says: 200 when its `ok` is true, else 503; port 0 takes a free one.

    `ready` answers `/readyz` in the same way (without it `check` does), `metrics` gives a content type and the page.
    All run in the request's own thread and must be quick. Raises SettingProblem when the port cannot be had.
    """
    pages = {PATH: lambda: answer(check), READY_PATH: lambda: answer(ready or check)}
    try:
        server = _Server((host, port), _handler(pages, metrics))
    except (OSError, OverflowError) as error:
        raise SettingProblem(
            f"SHEETAL_HEALTH_PORT: cannot listen on {host}:{port}: {error}",
            next_step="Choose a free port or stop the other program.",
            variable="SHEETAL_HEALTH_PORT",
        ) from error
    return HealthServer(server)


def answer(check: Check) -> tuple[HTTPStatus, bytes]:
    """The status and JSON body for one request; a check that raises is named by its error's type alone."""
    try:
        found = check()
    except Exception as error:  # noqa: BLE001  # whatever a check meets, the page says "not well" and lives on
        found = {"ok": False, "problem": type(error).__name__}
    status = HTTPStatus.OK if found.get("ok") is True else HTTPStatus.SERVICE_UNAVAILABLE
    return status, json.dumps(found, default=str).encode()


def told(metrics: Page) -> tuple[HTTPStatus, str, bytes]:
    """Status, content type and body of the metrics; 500 when they cannot be made, named by the error's type alone."""
    try:
        return (HTTPStatus.OK, *metrics())
    except Exception as error:  # noqa: BLE001  # a page that fails must not end its service
        return HTTPStatus.INTERNAL_SERVER_ERROR, JSON, json.dumps({"problem": type(error).__name__}).encode()


def ask(url: str) -> tuple[bool, str]:
    """Whether the page at an http address answers 200, and what it said, in one line.

    Raises SettingProblem for what is no http address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingProblem(f"{url!r} is not an http address: {error}", variable="URL") from error
    if not host or parts.scheme != "http":
        raise SettingProblem(f"{url!r} is not an http address", variable="URL")
    connection = HTTPConnection(host, port, timeout=ASK_SECONDS_MAX)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        said = response.read(ANSWER_BYTES_MAX).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return False, f"no answer: {type(error).__name__}"
    finally:
        connection.close()
    return response.status == HTTPStatus.OK, f"{response.status} {' '.join(said.split())}"


def main(arguments: Sequence[str]) -> int:
    """The health check's command: 0 when well, 1 when not or silent, 2 for a wrong use."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m sheetal.health URL\n")
        return WRONG_USE
    try:
        is_well, said = ask(arguments[0])
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return WRONG_USE
    (sys.stdout if is_well else sys.stderr).write(f"{said}\n")
    return WELL if is_well else NOT_WELL


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    # A probe that hangs must not delay the stop of a service.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A probe that hung up early is no news, and the base class would print it between the log's lines."""


def _handler(
    pages: Mapping[str, Callable[[], tuple[HTTPStatus, bytes]]], metrics: Page | None
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS_MAX
        server_version = "sheetal"
        sys_version = ""

        def do_GET(self) -> None:
            status, content_type, body = self._found()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def _found(self) -> tuple[HTTPStatus, str, bytes]:
            if self.path == METRICS_PATH and metrics is not None:
                return told(metrics)
            if self.path in pages:
                status, body = pages[self.path]()
                return status, JSON, body
            return HTTPStatus.NOT_FOUND, JSON, b"{}"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            """Probes come every few seconds; they are no news."""

    return Handler


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
