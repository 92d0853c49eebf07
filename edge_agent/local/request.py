"""One question to the gateway's own pages and its answer, without any network (pure)."""

from __future__ import annotations

import urllib.parse
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

BODY_BYTES_MAX = 4 * 1024
TARGET_SIGNS_MAX = 2_048
FIELDS_MAX = 20
COOKIE = "sheetal_gateway"
FORM = "application/x-www-form-urlencoded"


class Request(NamedTuple):
    """What was asked; `headers` by lower-case name, `token` the session cookie's value."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    token: str = ""

    @property
    def language(self) -> str:
        """The asked language, English where it is none of ours."""
        return "hi" if self.query.get("lang") == "hi" else "en"


class Response(NamedTuple):
    """What is answered; `chunks` go after the body, for what is too long to stand in memory."""

    status: int
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    chunks: Generator[bytes] | None = None


def parse(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Request | None:
    """The request in our words; None for one that makes no sense."""
    if len(target) > TARGET_SIGNS_MAX or not target.startswith("/") or target.startswith("//"):
        return None
    lower = {name.lower(): value for name, value in headers.items()}
    if body and lower.get("content-type", "").split(";")[0].strip().lower() != FORM:
        return None
    try:
        parts = urllib.parse.urlsplit(target)
        query = _fields(parts.query)
        form = _fields(body.decode("ascii"))
    except (ValueError, UnicodeDecodeError):
        return None
    return Request(method, parts.path, query, form, lower, _token(lower.get("cookie", "")))


def _fields(text: str) -> dict[str, str]:
    pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    return dict(pairs)


def _token(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def redirect(location: str, *headers: tuple[str, str]) -> Response:
    """Leads on after something was done, so that a reload does not do it again."""
    return Response(303, headers=(("Location", location), *headers))
