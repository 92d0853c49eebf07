from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.exceptions import HTTPException

from portal.body_limit import BODY_BYTES_MAX, BodyLimit
from sheetal.ledger.proofs import FILE_BYTES_MAX

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from tests.portal.conftest import Browser


def read(parts: list[bytes], *, declared: int | None = None, bytes_max: int = 10, kind: str = "http") -> bytes:
    """What an application behind the limit reads."""
    got = b""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal got
        for _ in parts:
            message = await receive()
            got += message.get("body", b"")

    waiting = iter(parts)

    async def receive() -> Message:
        return {"type": "http.request", "body": next(waiting), "more_body": True}

    async def send(_message: Message) -> None:
        raise AssertionError

    headers = [] if declared is None else [(b"content-length", str(declared).encode())]
    asyncio.run(BodyLimit(app, bytes_max)({"type": kind, "headers": headers}, receive, send))
    return got


def test_what_fits_goes_through() -> None:
    assert read([b"12345", b"67890"]) == b"1234567890"
    assert read([b"12345"], declared=10) == b"12345"
    assert read([b"x" * 99], kind="lifespan") == b"x" * 99


@pytest.mark.parametrize(("parts", "declared"), [([b"12345", b"678901"], None), ([b"1"], 11), ([b"1" * 11], 1)])
def test_what_is_too_long_is_refused_where_it_is_read(parts: list[bytes], declared: int | None) -> None:
    with pytest.raises(HTTPException) as caught:
        read(parts, declared=declared)
    assert caught.value.status_code == 413


def test_a_length_that_is_no_number_is_counted() -> None:
    assert read([b"12345"], declared=-1) == b"12345"


def test_a_picture_fits_beside_its_form() -> None:
    assert BODY_BYTES_MAX > FILE_BYTES_MAX + 100_000


def test_a_page_says_that_a_form_is_too_large(client: Browser) -> None:
    answer = client.post("/login", data={"user_name": "x" * (BODY_BYTES_MAX + 1)})
    assert answer.status_code == 413
    assert "Too large" in answer.text
