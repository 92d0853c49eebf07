"""Counts requests by the route's template, method and status, and their seconds by route: never by an address.

`/v/given/{dose}` is a route; which dose was asked for is nobody's business. What matches no route counts as `(none)`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.routing import Route

from sheetal.metrics import Kind, Metric
from sheetal.tally import Buckets, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sheetal.metrics import Sample

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "(none)"
FAILED = 500
ROUTES_MAX = 500
REQUESTS = Metric(
    "sheetal_http_requests_total",
    "Requests answered, by the route's template.",
    Kind.COUNTER,
    ("route", "method", "status"),
)
SECONDS = Metric("sheetal_http_request_seconds", "How long answering took, by route.", Kind.HISTOGRAM, ("route",))
OPEN = Metric("sheetal_http_requests_open", "Requests that are being answered now.", Kind.GAUGE)
METRICS = (REQUESTS, SECONDS, OPEN)


class RequestCounts:
    """What has been answered since the start; the event loop's thread counts, any reads."""

    def __init__(self) -> None:
        self._answered = Tally()
        self._seconds: dict[str, Buckets] = {}
        self.open = 0

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """One answer."""
        self._answered.add(route, method if method in METHODS else "other", str(status))
        if route in self._seconds or len(self._seconds) < ROUTES_MAX:
            self._seconds.setdefault(route, Buckets()).observe(seconds)

    def samples(self) -> Iterator[Sample]:
        """For the metrics page."""
        for words, times in self._answered.items():
            yield REQUESTS.of(times, *words)
        for route, buckets in list(self._seconds.items()):
            yield SECONDS.of(buckets, route)
        yield OPEN.of(self.open)


class Counted:
    """The innermost layer around the routes, where the route that was taken is known."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self.app = app
        self.counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and count."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = FAILED

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.monotonic()
        self.counts.open += 1
        try:
            await self.app(scope, receive, send_and_note)
        finally:
            self.counts.open -= 1
            self.counts.note(template_of(scope), scope["method"], status, time.monotonic() - began)


def template_of(scope: Scope) -> str:
    """The template of the route that was taken, or the folder that a mounted application stands at."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else scope.get("root_path") or NO_ROUTE
