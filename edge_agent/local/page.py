"""Serves the gateway's own pages, `/gw` and below, to whoever stands in front of it: no portal, no internet needed.

A bounded number of callers at a time, each in a thread of its own; when all places are taken, the one who has been
slowest to ask gives way.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

from edge_agent.local.frame import POLICY
from edge_agent.local.request import BODY_BYTES_MAX, Response, parse
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.local.request import Request

    Answer = Callable[[Request], Response]

_log = logging.getLogger(__name__)

CALLERS_MAX = 16
SOCKET_SECONDS_MAX = 10
WAIT_SECONDS_MAX = 1.0
LENGTH_DIGITS_MAX = 9
HEAD_BYTES_MAX = 16 * 1024
"""All header lines of one request together; the library would take a hundred of 64 KiB each from every caller."""
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
FULL = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class LocalPage:
    """Serves `answer` from threads of its own; raises SettingProblem when the port is taken."""

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        try:
            self._server = _Server(address, answer)
        except OSError as error:
            raise SettingProblem(
                f"gateway.local_page_port: {address[0]}:{address[1]}: {error.strerror}",
                variable="gateway.local_page_port",
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="local-page", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stops serving; callers that are being answered are left to their own end."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT_SECONDS_MAX)


class _Server(HTTPServer):
    """Bounds its callers; `asking` are those that have not said everything yet, the longest waiting first."""

    request_queue_size = 64

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        self.answer = answer
        self._places = threading.BoundedSemaphore(CALLERS_MAX)
        self._lock = threading.Lock()
        self._asking: dict[int, socket.socket] = {}
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the look-up of our own name, which may wait for a name server that is away."""
        socket_server_bind = HTTPServer.__mro__[1].server_bind  # type: ignore[attr-defined]  # TCPServer's
        socket_server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Gives the caller a place, if need be that of the slowest."""
        caller = request if isinstance(request, socket.socket) else request[1]
        if not self._places.acquire(blocking=False):
            self._turn_out_slowest()
            if not self._places.acquire(timeout=WAIT_SECONDS_MAX):
                with contextlib.suppress(OSError):
                    caller.sendall(FULL)
                self.shutdown_request(caller)
                return
        with self._lock:
            self._asking[id(caller)] = caller
        threading.Thread(
            target=self._serve, args=(caller, client_address), name="local-page-caller", daemon=True
        ).start()

    def has_asked(self, caller: socket.socket) -> None:
        """The caller said everything: from now on it keeps its place until it is answered."""
        with self._lock:
            self._asking.pop(id(caller), None)

    def _turn_out_slowest(self) -> None:
        with self._lock:
            caller = self._asking.pop(next(iter(self._asking)), None) if self._asking else None
        if caller is not None:
            with contextlib.suppress(OSError):
                caller.shutdown(socket.SHUT_RDWR)

    def _serve(self, caller: socket.socket, client_address: object) -> None:
        try:
            self.finish_request(caller, client_address)
        except OSError:
            pass
        except Exception:  # noqa: BLE001 - one page that cannot be made must not end the others
            _log.exception("a local page failed")
        finally:
            self.has_asked(caller)
            self.shutdown_request(caller)
            self._places.release()


class _Head(io.BufferedIOBase):
    """The header lines of one request, as long as they are not too many bytes; raises LineTooLong then."""

    def __init__(self, words: io.BufferedIOBase) -> None:
        self._words = words
        self._left = HEAD_BYTES_MAX

    def readline(self, size: int | None = -1, /) -> bytes:
        """One line, of `size` bytes at most."""
        left = self._left + 1
        line = self._words.readline(left if size is None or size < 0 else min(size, left))
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("header lines")
        return line


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SOCKET_SECONDS_MAX
    protocol_version = "HTTP/1.1"
    server_version = "sheetal-gateway"
    sys_version = ""

    def parse_request(self) -> bool:
        """Reads the header lines, bounded; what is too much is answered 431."""
        words = self.rfile
        self.rfile = _Head(words)
        try:
            return super().parse_request()
        finally:
            self.rfile = words

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        self.server.has_asked(self.connection)
        asked = parse(self.command, self.path, dict(self.headers.items()), body)
        self._send(Response(400) if asked is None else self.server.answer(asked))

    def _body(self) -> bytes | None:
        """The body, None where it is too long or does not come; that is answered here."""
        length = self._length()
        if not 0 <= length <= BODY_BYTES_MAX:
            self._send(Response(413 if length > 0 else 411))
            return None
        deadline = time.monotonic() + SOCKET_SECONDS_MAX
        body = b""
        while len(body) < length:
            part = self.rfile.read1(length - len(body)) if time.monotonic() < deadline else b""
            if not part:
                self.close_connection = True
                return None
            body += part
        return body

    def _length(self) -> int:
        if self.command != "POST":
            return 0
        told = self.headers.get("Content-Length", "")
        is_number = told.isascii() and told.isdigit() and len(told) <= LENGTH_DIGITS_MAX
        return int(told) if is_number and "Transfer-Encoding" not in self.headers else -1

    def _send(self, told: Response) -> None:
        self.close_connection = True
        self.send_response(told.status)
        for name, value in (*HEADERS, *told.headers):
            self.send_header(name, value)
        self.send_header("Connection", "close")
        if told.status != 303:  # noqa: PLR2004 - "see other" has no body
            self.send_header("Content-Type", told.kind)
        # Chunks end with a mark of their own, so that a browser knows a download that broke off.
        is_chunked = told.chunks is not None and self.request_version == "HTTP/1.1"
        if told.chunks is None:
            self.send_header("Content-Length", str(len(told.body)))
        elif is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        self._write(told.body, is_chunk=is_chunked)
        for chunk in told.chunks or ():
            self._write(chunk, is_chunk=is_chunked)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, data: bytes, *, is_chunk: bool) -> None:
        if not data:
            return
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if is_chunk else data)

    def log_message(self, *_: object) -> None:
        """Says nothing: who looks at the screen is nobody's business."""
