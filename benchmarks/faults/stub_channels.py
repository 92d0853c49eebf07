"""Local servers in place of those that carry messages: SMTP, an SMS gateway, a chat room and a webhook.

Each listens on a free port of 127.0.0.1 and can be up, down (nobody listens), slow (takes the request and never
answers), refusing (answers with a server's error) or lying (takes the whole message and hangs up without a word).
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from email.message import Message as Mail

SMS_TARGET = "919876543210"
SECRET = "s3cret-Token-77"  # noqa: S105 - a stub's, which must never show in a log
HANG_SECONDS_MAX = 60.0
BODY_BYTES_MAX = 5_000_000


class Mode(StrEnum):
    """What a server does with a message."""

    UP = "up"
    DOWN = "down"
    SLOW = "slow"
    REFUSING = "refusing"
    LYING = "lying"


BROKEN = (Mode.DOWN, Mode.SLOW, Mode.REFUSING, Mode.LYING)


class Heard(NamedTuple):
    """A message that a server took, or lied about; `text` is all of it that a person would read."""

    text: str
    is_taken: bool
    attachments: int = 0


class StubServer:
    """One server; `mode` may change at any time. A context manager."""

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        self._handler = handler
        self._server: _Server | None = None
        self._lock = threading.Lock()
        self.mode = Mode.UP
        self.heard: list[Heard] = []
        self.ended = threading.Event()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    @property
    def taken(self) -> list[str]:
        """The texts of the messages it took."""
        return [one.text for one in self.heard if one.is_taken]

    def set(self, mode: Mode) -> None:
        """Behave so from now on."""
        with self._lock:
            self.mode = mode
            if mode is Mode.DOWN:
                self._close()
            elif self._server is None:
                self._open()

    def hear(self, text: str, attachments: int = 0) -> Mode:
        """A whole message has come; gives how to answer it."""
        with self._lock:
            self.heard.append(Heard(text, self.mode is Mode.UP, attachments))
            return self.mode

    def __enter__(self) -> Self:
        self.set(Mode.UP)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with self._lock:
            self._close()

    def _open(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), self._handler)
        self._server.stub = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    stub: StubServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what these servers are for."""


class _Http(BaseHTTPRequestHandler):
    timeout = 20.0

    def do_POST(self) -> None:
        stub: StubServer = self.server.stub  # type: ignore[attr-defined]  # the server above
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), BODY_BYTES_MAX))
        mode = stub.hear(*_readable(body))
        if mode is Mode.SLOW:
            stub.ended.wait(HANG_SECONDS_MAX)
        if mode in {Mode.SLOW, Mode.LYING}:
            self.close_connection = True
            return
        answer = b'{"result":{"message_id":"1","status":"ok"},"status":"ok"}' if mode is Mode.UP else b"{}"
        self.send_response(200 if mode is Mode.UP else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nobody reads it."""


class _Smtp(socketserver.StreamRequestHandler):
    timeout = 20.0

    def handle(self) -> None:
        stub: StubServer = self.server.stub  # type: ignore[attr-defined]  # the server above
        if stub.mode is Mode.SLOW:
            stub.ended.wait(HANG_SECONDS_MAX)
            return
        self._say("220 stub")
        while line := self.rfile.readline(1_000).decode("ascii", "replace").strip():
            verb = line.split(" ")[0].upper()
            if verb == "DATA":
                self._say("354 go on")
                mode = stub.hear(*_mail(self._data()))
                if mode is Mode.LYING:
                    return
                self._say("250 taken" if mode is Mode.UP else "451 not now")
            elif verb == "EHLO":
                self._say("250-stub")
                self._say("250 AUTH PLAIN LOGIN")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("235 in" if verb == "AUTH" else "250 fine")

    def _data(self) -> bytes:
        lines: list[bytes] = []
        while (line := self.rfile.readline(10_000)) not in {b".\r\n", b""}:
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class Channels:
    """One server of each kind, and the addresses at which a contact is reached through them. A context manager."""

    def __init__(self) -> None:
        self.servers = {
            "email": StubServer(_Smtp),
            "sms": StubServer(_Http),
            "chat": StubServer(_Http),
            "webhook": StubServer(_Http),
        }

    def address(self, kind: str) -> str:
        """The Apprise URL of one of the servers, with a secret in it."""
        host = f"127.0.0.1:{self.servers[kind].port}"
        return {
            "email": f"mailto://sheetal:{SECRET}@{host}?from=sheetal@example.in&to=officer@example.in&mode=insecure",
            "sms": f"smseagle://{SECRET}@{host}/{SMS_TARGET}",
            "chat": f"mmost://{host}/{SECRET}0000000000",
            "webhook": f"json://sheetal:{SECRET}@{host}/notices",
        }[kind]

    def __enter__(self) -> Self:
        for server in self.servers.values():
            server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.__exit__()


def _readable(body: bytes) -> tuple[str, int]:
    """The text of a JSON request as the three kinds of servers are sent it, and how many files it carries."""
    try:
        said = json.loads(body)
    except ValueError:
        return body.decode(errors="replace"), 0
    if not isinstance(said, dict):
        return str(said), 0
    inner = said.get("params", said)
    words = [str(inner[name]) for name in ("title", "message", "text") if inner.get(name)]
    return "\n".join(words), len(said.get("attachments") or [])


def _mail(data: bytes) -> tuple[str, int]:
    from email import message_from_bytes, policy  # noqa: PLC0415 - only mail needs it

    mail: Mail = message_from_bytes(data, policy=policy.default)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    words = [str(part.get_content()) for part in parts if part.get_content_type() == "text/plain"]  # type: ignore[attr-defined]  # the default policy's
    files = sum(part.get_content_disposition() == "attachment" for part in parts)
    return "\n".join([str(mail["Subject"]), *words]), files
