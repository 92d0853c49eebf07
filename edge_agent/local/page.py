"""Serves the gateway's own screen, `/gw`, to whoever stands in front of it: no portal and no internet needed.

English, or Hindi by `?lang=hi`. Read-only, no script.
"""

from __future__ import annotations

import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from edge_agent.local.view import Snapshot, page
from edge_agent.local.words import WORDS
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable

SOCKET_SECONDS_MAX = 10


class LocalPage:
    """Serves the page from a thread of its own; raises SettingProblem when the port is taken."""

    def __init__(self, address: tuple[str, int], snapshot: Callable[[], Snapshot]) -> None:
        try:
            self._server = ThreadingHTTPServer(address, _handler(snapshot))
        except OSError as error:
            raise SettingProblem(
                f"gateway.local_page_port: {address[0]}:{address[1]}: {error.strerror}",
                variable="gateway.local_page_port",
            ) from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


def _handler(snapshot: Callable[[], Snapshot]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SOCKET_SECONDS_MAX
        server_version = "sheetal-gateway"
        sys_version = ""

        def do_GET(self) -> None:
            asked = urllib.parse.urlsplit(self.path)
            if asked.path not in {"/", "/gw"}:
                self.send_error(404)
                return
            language = urllib.parse.parse_qs(asked.query).get("lang", ["en"])[0]
            body = page(snapshot(), WORDS.get(language, WORDS["en"])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: who looks at the screen is nobody's business."""

    return Handler
