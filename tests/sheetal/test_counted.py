from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from sheetal.counted import METRICS, NO_ROUTE, ROUTES_MAX, Counted, RequestCounts, template_of
from sheetal.metrics import MetricsPage

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message, Scope

CITIZEN = "98765432101234"


def told(counts: RequestCounts) -> dict[str, float]:
    _, body = MetricsPage("test", {"own": counts.samples}).render()
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name.startswith("sheetal_http")
    }


def ask(counts: RequestCounts, path: str, method: str = "GET") -> int:
    async def answer(request: Request) -> Response:
        if request.path_params["id"] == "boom":
            raise RuntimeError
        assert counts.open == 1
        return PlainTextResponse("ok")

    site = Starlette(routes=[Route("/c/{id}", answer), Mount("/static", PlainTextResponse("file"))])
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: Scope = {"type": "http", "method": method, "path": path, "query_string": b"phone=9", "headers": []}
    asyncio.run(Counted(site, counts)(scope, receive, send))
    return statuses[0]


def test_an_address_is_counted_by_its_route_alone() -> None:
    counts = RequestCounts()
    for path in (f"/c/{CITIZEN}", "/c/other"):
        assert ask(counts, path) == 200
    found = told(counts)
    assert found["sheetal_http_requests_total GET /c/{id} 200"] == 2
    assert found["sheetal_http_request_seconds_count /c/{id}"] == 2
    assert found["sheetal_http_requests_open"] == 0
    assert not any(CITIZEN in name or "phone" in name for name in found)


def test_what_has_no_route_is_one_word_however_it_is_spelled() -> None:
    counts = RequestCounts()
    for number in range(50):
        assert ask(counts, f"/wp-admin/{number}") == 404
    assert [name for name in told(counts) if "_total" in name] == [f"sheetal_http_requests_total GET {NO_ROUTE} 404"]


def test_a_mounted_folder_is_one_route() -> None:
    counts = RequestCounts()
    for path in ("/static/a.css", "/static/b.css"):
        ask(counts, path)
    assert told(counts)["sheetal_http_requests_total GET /static 200"] == 2


def test_a_request_that_fails_counts_as_500_and_is_not_open_any_more() -> None:
    counts = RequestCounts()
    with pytest.raises(RuntimeError):
        ask(counts, "/c/boom")
    found = told(counts)
    assert found["sheetal_http_requests_total GET /c/{id} 500"] == 1
    assert counts.open == 0


def test_methods_of_ones_own_invention_make_no_new_labels() -> None:
    counts = RequestCounts()
    for number in range(10):
        ask(counts, "/c/1", f"X{number}")
    assert told(counts)["sheetal_http_requests_total other /c/{id} 405"] == 10


def test_routes_without_end_fill_no_memory() -> None:
    counts = RequestCounts()
    for number in range(3 * ROUTES_MAX):
        counts.note(f"/{number}", "GET", 200, 0.001)
    assert len([name for name in told(counts) if name.startswith("sheetal_http_request_seconds_count")]) == ROUTES_MAX


def test_a_page_read_while_requests_are_counted_is_whole() -> None:
    counts, stop = RequestCounts(), threading.Event()

    def count() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            counts.note(f"/{number % 400}", "GET", 200, 0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        for _ in range(20):
            told(counts)
    finally:
        stop.set()
        thread.join()


def test_what_is_no_request_is_passed_on() -> None:
    seen = []

    async def inner(scope: Scope, _receive: object, _send: object) -> None:
        seen.append(scope["type"])

    asyncio.run(Counted(inner, RequestCounts())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]  # not used
    assert seen == ["lifespan"]


def test_without_a_route_there_is_no_template() -> None:
    assert template_of({"type": "http"}) == NO_ROUTE
    assert template_of({"type": "http", "root_path": ""}) == NO_ROUTE


def test_its_labels_are_templates_methods_and_numbers() -> None:
    assert {label for metric in METRICS for label in metric.labels} == {"route", "method", "status"}
