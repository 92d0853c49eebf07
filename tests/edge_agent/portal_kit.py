"""A portal that answers one question: it checks the signature and reports on what an ingest has stored."""

from __future__ import annotations

import hashlib
import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from sheetal.contracts.reading import Reading
from sheetal.ledger.catalogue import load_catalogue
from sheetal.thermal.exposure_report import build_report
from tests.edge_agent.kit import GATEWAY, KEY

if TYPE_CHECKING:
    from types import TracebackType

    from sheetal.contracts.batch import Batch, DaySummary
    from sheetal.thermal.report import ExposureReport

PRODUCTS = load_catalogue(Path(__file__).parents[2] / "catalogue")


def report_of(batches: list[Batch], sensor: str, from_ms: int, until_ms: int) -> ExposureReport:
    """The engine's own report over rows and day summaries, each taken once."""
    rows = {row.measured_at_ms: row for batch in batches for row in batch.rows if row.sensor == sensor}
    readings = [
        Reading(sensor, row.measured_at_ms, row.centi_celsius, row.quality, 1, row.sequence) for row in rows.values()
    ]
    days: dict[int, DaySummary] = {
        day.starts_at_ms: day for batch in batches for day in batch.days if day.sensor == sensor
    }
    return build_report(sensor, readings, list(days.values()), PRODUCTS, from_ms, until_ms, None)


class FakePortal:
    """Listens on a free port; `status` and `body` replace the answer, `seen` holds the paths that were asked."""

    def __init__(self, batches: list[Batch]) -> None:
        self.status = 200
        self.body: bytes | None = None
        self.seen: list[str] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                portal.seen.append(self.path)
                status, body = portal._answer(self, batches)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler, batches: list[Batch]) -> tuple[int, bytes]:
        at = request.headers["X-Sheetal-At"]
        expected = hmac.new(KEY, f"GET\n{request.path}\n{at}".encode(), hashlib.sha256).hexdigest()
        if request.headers["X-Sheetal-Gateway"] != GATEWAY or request.headers["X-Sheetal-Mac"] != expected:
            return 401, b"{}"
        if self.body is not None or self.status != 200:
            return self.status, self.body or b"{}"
        asked = urlsplit(request.path)
        query = parse_qs(asked.query)
        sensor = unquote(asked.path.split("/")[-2])
        report = report_of(batches, sensor, int(query["from_ms"][0]), int(query["until_ms"][0]))
        return 200, msgspec.json.encode(report)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
