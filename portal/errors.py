"""Errors as answers: problem+json (RFC 9457) below /api, a page that says what to do next elsewhere.

Problem
├── SignInNeeded   nobody is signed in: pages lead to /login, the API answers 401
├── Forbidden      signed in, but not for this
├── TooMany        too many tries; says when the next one may come
└── FieldProblem   a form's field needs another answer; `facts["field"]` names it
"""

from __future__ import annotations

import secrets
import traceback
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.language import localised, marked
from sheetal.contracts.problem import NotFound, Problem, Refused, Rejected, Unavailable, WireProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

    Page = Callable[..., Response]

PROBLEM_JSON = "application/problem+json"
ERROR_CODE_BYTES = 4
FRAMES_LOGGED = 12
log = structlog.get_logger(__name__)


class SignInNeeded(Problem):
    """Nobody is signed in, or the session has ended."""

    code = "sign_in_needed"


class Forbidden(Problem):
    """This caller may not do this; `facts["roles"]` may say who can."""

    code = "forbidden"


class TooMany(Problem):
    """Too many tries; `retry_after_seconds` says when the next one counts."""

    code = "too_many"
    retry = True

    def __init__(self, message: str, *, retry_after_seconds: int, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.retry_after_seconds = retry_after_seconds


class FieldProblem(Problem):
    """A form's field needs another answer."""

    code = "field"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field)
        self.field = field


STATUS: tuple[tuple[type[Problem], int], ...] = (
    (SignInNeeded, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Refused, 409),
    (Rejected, 409),
    (FieldProblem, 422),
    (WireProblem, 400),
    (TooMany, 429),
    (Unavailable, 503),
)
TITLES = {
    400: marked("This request cannot be understood"),
    401: marked("Sign in first"),
    403: marked("Not allowed"),
    404: marked("There is no such page"),
    405: marked("This page cannot be used this way"),
    409: marked("Refused"),
    413: marked("Too large"),
    422: marked("Something needs your answer"),
    429: marked("Too many tries"),
    500: marked("This page failed"),
    503: marked("A part of the system does not answer"),
}
ADVICE = {
    413: marked(
        "Nothing was changed. A file may have two megabytes. "
        "Go back: what you typed is still there. Choose a smaller file."
    ),
    422: marked("Nothing was changed. Go back: what you typed is still there. Correct what is named here."),
}
"""What to do next where no form can be shown once more."""


def status_of(problem: Problem) -> int:
    """The HTTP status of a problem; 500 for one that no caller caused."""
    return next((status for kind, status in STATUS if isinstance(problem, kind)), 500)


def install(app: FastAPI, page: Page, headers: Mapping[str, str]) -> None:
    """Register the handlers; `page(request, template, status=…, **facts)` renders HTML.

    `headers` go on the answer to an unforeseen failure, which is made outside every middleware.
    """

    def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 -- registered for Problem only
        return _answer(request, page, error)

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 -- registered for HTTPException only
        return _plain(request, page, error.status_code)

    def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for this error only
        where = [".".join(str(part) for part in item["loc"]) for item in error.errors()]
        return _plain(request, page, 422, fields=where)

    def on_data(request: Request, error: Exception) -> Response:
        # PostgreSQL keeps no U+0000 and no number beyond a column's: nothing that our own forms send.
        log.warning("A value cannot be kept", path_template=_template_path(request), failure=type(error).__name__)
        return _plain(request, page, 422)

    def on_failure(request: Request, error: Exception) -> Response:
        code = secrets.token_hex(ERROR_CODE_BYTES)
        where = {"path_template": _template_path(request), "failure": type(error).__name__, "frames": _frames(error)}
        log.error("A request failed", error_code=code, **where)
        response = _plain(request, page, 500, error_code=code)
        response.headers.update(headers)
        return response

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(DataError, on_data)
    app.add_exception_handler(Exception, on_failure)


def _answer(request: Request, page: Page, problem: Problem) -> Response:
    status = status_of(problem)
    if isinstance(problem, SignInNeeded) and not _is_api(request):
        return _to_sign_in(request)
    if _is_api(request):
        response: Response = JSONResponse(_document(request, problem, status), status, media_type=PROBLEM_JSON)
    else:
        response = page(request, "error.html", status=status, title=TITLES.get(status, TITLES[500]), problem=problem)
    wait = getattr(problem, "retry_after_seconds", None)
    if wait is not None:
        response.headers["Retry-After"] = str(max(1, round(wait)))
    return response


def _plain(request: Request, page: Page, status: int, **facts: object) -> Response:
    title = TITLES.get(status, TITLES[500])
    if _is_api(request):
        document = {"type": "about:blank", "title": title, "status": status, **facts}
        return JSONResponse(document, status, media_type=PROBLEM_JSON)
    return page(request, "error.html", status=status, title=title, problem=None, advice=ADVICE.get(status), **facts)


def _document(request: Request, problem: Problem, status: int) -> dict[str, object]:
    return {
        "type": f"urn:sheetal:problem:{problem.code}",
        "title": TITLES.get(status, TITLES[500]),
        "status": status,
        "detail": problem.message,
        "instance": request.url.path,
        "next_step": problem.next_step,
        "retry": problem.retry,
        "facts": {name: value for name, value in problem.facts.items() if isinstance(value, str | int | float | None)},
    }


def _to_sign_in(request: Request) -> Response:
    language = getattr(request.state, "language", "en")
    here = localised(request.url.path, language) + (f"?{request.url.query}" if request.url.query else "")
    target = localised("/login", language)
    if request.headers.get("HX-Request") is not None:
        return Response(status_code=401, headers={"HX-Redirect": target})
    if request.method == "GET":
        target += f"?next={quote(here, safe='')}"
    return RedirectResponse(target, 303)


def _frames(error: BaseException) -> list[str]:
    """Where it failed, innermost last; never the message, which may hold a person's data."""
    found = traceback.extract_tb(error.__traceback__)[-FRAMES_LOGGED:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in found]


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _template_path(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "")
