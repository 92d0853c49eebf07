"""A bound on what a request may carry, before any form is read: beyond it the answer is 413."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES_MAX = 3 * 1024 * 1024
"""A form with one picture of two megabytes, and room for its other fields."""
TOO_LARGE = 413


class BodyLimit:
    """Refuses a body that says it is too long, and one that turns out to be."""

    def __init__(self, app: ASGIApp, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises HTTPException where the body is read, so that the answer is the application's own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        declared = int(said) if said.isdigit() else 0
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if max(read, declared) > self._bytes_max:
                raise HTTPException(TOO_LARGE)
            return message

        await self._app(scope, bounded, send)
