from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.responses import PlainTextResponse

from portal.headers import CONTENT_SECURITY_POLICY, SecurityHeaders, security_headers

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from tests.portal.conftest import Browser


@pytest.mark.parametrize("path", ["/", "/login", "/nothing-here", "/healthz", "/static/sheetal.css", "/api/v1/nothing"])
def test_every_answer_carries_the_headers(client: Browser, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_pages_are_not_kept_but_named_files_are(client: Browser) -> None:
    assert client.get("/login").headers["Cache-Control"] == "no-store"
    assert client.get("/static/sheetal.css").headers["Cache-Control"] == "no-cache"
    assert "immutable" in client.get("/static/sheetal.css?v=0").headers["Cache-Control"]


def test_https_is_remembered_for_a_year() -> None:
    assert security_headers(secure=True)["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Strict-Transport-Security" not in security_headers(secure=False)


def test_a_route_may_set_its_own() -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("x", headers={"Cache-Control": "public"})(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(SecurityHeaders(app, secure=False)(scope, receive, send))
    assert (b"cache-control", b"public") in sent[0]["headers"]
    assert sum(name == b"cache-control" for name, _ in sent[0]["headers"]) == 1
