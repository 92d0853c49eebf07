"""A portal that takes gateways in, as the real one answers: over http on this machine, or over https."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import msgspec

from sheetal.contracts.enrolment import Enrolment, EnrolmentRequest
from tests.edge_agent.kit import KEY

if TYPE_CHECKING:
    from types import TracebackType

    from tests.edge_agent.tls_kit import Authority, Pair

CODE = "23456789AB"


class EnrolmentOffice:
    """Answers one code once; `says` (status, body) is what it answers instead, while there is any."""

    def __init__(
        self, authority: Authority, pair: Pair | None = None, broker_url: str = "mqtts://broker.example"
    ) -> None:
        self.authority = authority
        self.broker_url = broker_url
        self.codes = {CODE}
        self.says: list[tuple[int, bytes]] = []
        self.hangs_up_after_signing = False
        self.asked: list[EnrolmentRequest] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        scheme = "http"
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def answer(self, body: bytes) -> tuple[int, bytes]:
        if self.says:
            return self.says.pop(0)
        asked = msgspec.json.decode(body, type=EnrolmentRequest)
        self.asked.append(asked)
        if asked.code not in self.codes:
            return 403, json.dumps(
                {"code": "wrong_code", "title": "Forbidden", "detail": "The code does not fit."}
            ).encode()
        self.codes.discard(asked.code)
        answer = Enrolment(
            gateway=asked.gateway,
            certificate_pem=self.authority.sign(asked.csr_pem.encode()).decode(),
            authority_pem=self.authority.pem.decode(),
            key_hex=KEY.hex(),
            broker_url=self.broker_url,
        )
        return 200, msgspec.json.encode(answer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                if self.path != "/api/v1/gateways/enrol":
                    self.send_error(404)
                    return
                status, body = office.answer(self.rfile.read(int(self.headers["Content-Length"])))
                if office.hangs_up_after_signing:
                    office.hangs_up_after_signing = False
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
